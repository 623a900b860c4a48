"""Leaving a `map` at bad moments: from elsewhere, interrupted again, by throwing it away."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import trio

from runpod_sdk import (
    AsyncResults,
    AsyncRunpod,
    ClientClosedError,
    Journal,
    JournalStatus,
    MapProgress,
    RunpodTimeoutError,
)
from runpod_sdk.local import LocalEndpoint
from tests.map.service import Service, Story, in_virtual_time, job_id

SENT_SLOWLY = Story(latency=0.3, lasts=60.0)


async def until(settled: Callable[[], object]) -> None:
    """Let other tasks run until a condition is true."""
    for _ in range(1000):
        if settled():
            return
        await anyio.sleep(0.01)
    raise AssertionError("it never came")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_closed_by_another_task(backend: str) -> None:
    """A task that waits for a result gets the end, also during a submission."""
    service = Service([SENT_SLOWLY])
    ended: list[Any] = []

    async def main() -> None:
        results = service.endpoint().map([0])

        async def take() -> None:
            ended.append([result async for result in results])

        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                group.start_soon(take)
                await until(lambda: service.asked["run"])
                await results.aclose()
        assert results.in_flight == {0: job_id(0)}

    anyio.run(main, backend=backend)
    assert ended == [[]]


def test_cancelled_while_it_is_being_left(tmp_path: Path) -> None:
    """A second cancellation during the clean-up leaves no task, and the journal can be resumed."""
    service = Service([Story(latency=60.0, lasts=60.0)])  # no answer comes in between
    path = tmp_path / "journal"

    async def main() -> None:
        with Journal(path) as journal:
            results = service.endpoint().map([0], journal=journal)
            taking = asyncio.ensure_future(anext(results))
            await until(lambda: service.asked["run"])
            taking.cancel()
            await asyncio.sleep(0.05)
            taking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await taking
            assert asyncio.all_tasks() == {asyncio.current_task()}
            async with service.endpoint().map([0], journal=journal) as again:
                assert isinstance((await anext(again)).error, Exception)
            assert journal.counts == {JournalStatus.UNCERTAIN: 1}

    asyncio.run(main())


@pytest.mark.parametrize("run", [asyncio.run, trio.run, anyio.run])
def test_thrown_away(run: Any) -> None:
    """Results that were not closed cancel their jobs too, with on_leave="cancel"."""
    service = Service([Story(lasts=0.0), Story(lasts=60.0)])

    async def main() -> None:
        results = service.endpoint().map(range(2), on_leave="cancel")
        await anext(results)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del results
            gc.collect()
        await until(lambda: service.cancelled)

    run(main() if run is asyncio.run else main)
    assert list(service.cancelled) == [1]


def test_no_loop_to_be_had(local: LocalEndpoint) -> None:
    """Where the system has no more files for a loop, that is said, and nothing waits for it."""
    code = f"""
import os, resource
from runpod_sdk import Runpod

with Runpod({local.api_key!r}, base_url={local.base_url!r}) as client:
    endpoint = client.endpoint({local.endpoint_id!r})
    endpoint.map([])  # imports what it needs
    files = len(os.listdir("/proc/self/fd"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files - 1, hard))
    results = endpoint.map([1, 2])
    try:
        next(results)
    except OSError as error:
        print(error.strerror)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print([result.output for result in results], [r.output for r in endpoint.map([1, 2])])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout == "Too many open files\n[] [1, 4]\n", done.stderr


def test_a_closed_client_maps_nothing(local: LocalEndpoint) -> None:
    """`map` and `wait_all` of a closed client raise at once, like `run`."""
    client = local.client()
    endpoint = client.endpoint(local.endpoint_id)
    job = endpoint.run(input=1)
    client.close()
    for ask in (lambda: endpoint.map([1]), lambda: client.wait_all([job])):
        with pytest.raises(ClientClosedError, match="closed"):
            ask()


def test_nothing_is_sent_again_once_left() -> None:
    """A submission that was refused, and would be sent again, is not when the map was left."""
    asked: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(503, headers={"retry-after": "2"}, json={})

    async def main() -> AsyncResults[Any]:
        http = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
        results = AsyncRunpod("key", http_client=http).endpoint("ep").map([0], timeout=1)
        with pytest.raises(RunpodTimeoutError):
            await anext(results)
        return results

    results = in_virtual_time(main)
    assert (results.in_flight, results.uncertain) == ({}, ())
    assert asked == ["/v2/ep/run"]


def test_a_result_that_was_not_handed_out(local: LocalEndpoint) -> None:
    """Where `progress` raises, or is interrupted, the job counts as not yielded."""

    def interrupted(_: MapProgress) -> None:
        raise KeyboardInterrupt

    with local.client() as client:
        endpoint = client.endpoint(local.endpoint_id)
        results = endpoint.map([3], progress=interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            next(results)
        (job_id,) = results.in_flight.values()
        assert job_id in caught.value.__notes__[0]
        assert endpoint.job(job_id).output() == 9
