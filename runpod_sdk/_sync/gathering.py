"""`Runpod.as_completed` and `Runpod.wait_all`: imported when they are first called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from runpod_sdk._flows import gathering
from runpod_sdk._flows.taking import Taker
from runpod_sdk._io.crew import AsyncCrew
from runpod_sdk._io.sync import run
from runpod_sdk._io.threads import ThreadDesk, aside
from runpod_sdk._sync.results import Results
from runpod_sdk.models import JobState
from runpod_sdk.outcomes import JobResult
from runpod_sdk.settings import Timeout

if TYPE_CHECKING:
    from runpod_sdk._sync.client import Runpod
    from runpod_sdk._sync.job import Job

Out = TypeVar("Out")


def as_completed(
    client: Runpod, jobs: Iterable[Job[Out]], timeout: Timeout, concurrency: int
) -> Results[JobResult[Job[Out], Out]]:
    return Results(_taker(client, jobs, timeout, concurrency, ordered=False))


def wait_all(
    client: Runpod, jobs: Iterable[Job], timeout: Timeout, concurrency: int
) -> list[JobState]:
    return run(gathering.states(_taker(client, jobs, timeout, concurrency, ordered=True)))


def _taker(
    client: Runpod, jobs: Iterable[Job], timeout: Timeout, concurrency: int, *, ordered: bool
) -> Taker[JobResult[Any]]:
    io = aside(client._config, client._io)
    return gathering.prepare(
        gathering.checked_jobs(jobs, client),
        lambda job: evolve(job.endpoint._session, io=io),
        AsyncCrew(),
        ThreadDesk(io.aclose),
        concurrency=concurrency,
        timeout=timeout,
        ordered=ordered,
    )
