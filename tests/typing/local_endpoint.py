"""The local endpoint as an application's tests use it. Checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any, assert_type

from runpod_sdk import AsyncRunpod, Runpod
from runpod_sdk.local import (
    ActiveFault,
    Fault,
    Faults,
    Handler,
    Limits,
    LocalEndpoint,
    LostReply,
    RateLimited,
    SlowReply,
    VirtualClock,
    WorkerCommand,
    progress_update,
)


def plain(job: dict[str, Any]) -> dict[str, Any]:
    progress_update(job, "half")
    return {"result": job["input"]}


async def coroutine(job: dict[str, Any]) -> str:
    return str(job["id"])


def generator(job: dict[str, Any]) -> Iterator[int]:
    yield 1


async def async_generator(job: dict[str, Any]) -> AsyncIterator[int]:
    yield 1


handlers: list[Handler] = [plain, coroutine, generator, async_generator]

with LocalEndpoint(plain, workers=2, return_aggregate_stream=True, limits=Limits()) as local:
    assert_type(local, LocalEndpoint)
    assert_type(local.base_url, str)
    assert_type(local.endpoint_id, str)
    assert_type(local.api_key, str)
    assert_type(local.client(), Runpod)
    assert_type(local.async_client(), AsyncRunpod)
    assert_type(local.faults, Faults)
    assert_type(local.faults.add(LostReply("run"), times=1), ActiveFault)
    with local.faults.active(RateLimited(retry_after=1), lasting=timedelta(seconds=2)) as active:
        assert_type(active, ActiveFault)
        assert_type(active.fault, Fault)
        assert_type(active.fired, int)
    SlowReply("status", seconds=timedelta(seconds=1))

clock = VirtualClock()
clock.advance(timedelta(minutes=30))
LocalEndpoint(plain, clock=clock)


def test_it(runpod_local: type[LocalEndpoint], runpod_clock: VirtualClock) -> None:
    assert_type(runpod_local(plain, workers=2), LocalEndpoint)


def processes() -> None:
    command = WorkerCommand(["python", "handler.py"], env={"MODEL": "small"})
    with LocalEndpoint(command, workers=2, min_workers=0, cold_start=timedelta(seconds=1)) as local:
        assert_type(local.page_url, str)
    with LocalEndpoint(None) as external:
        assert_type(external.worker_environment(), dict[str, str])
