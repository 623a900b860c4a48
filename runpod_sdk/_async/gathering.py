"""`AsyncRunpod.as_completed` and `AsyncRunpod.wait_all`: imported when they are first called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from runpod_sdk._async.results import AsyncResults
from runpod_sdk._flows import gathering
from runpod_sdk._flows.taking import Taker
from runpod_sdk._io.crew import AsyncCrew, AsyncDesk
from runpod_sdk.models import JobState
from runpod_sdk.outcomes import JobResult
from runpod_sdk.settings import Timeout

if TYPE_CHECKING:
    from runpod_sdk._async.client import AsyncRunpod
    from runpod_sdk._async.job import AsyncJob

Out = TypeVar("Out")


def as_completed(
    client: AsyncRunpod, jobs: Iterable[AsyncJob[Out]], timeout: Timeout, concurrency: int
) -> AsyncResults[JobResult[AsyncJob[Out], Out]]:
    return AsyncResults(_taker(client, jobs, timeout, concurrency, ordered=False))


async def wait_all(
    client: AsyncRunpod, jobs: Iterable[AsyncJob], timeout: Timeout, concurrency: int
) -> list[JobState]:
    return await gathering.states(_taker(client, jobs, timeout, concurrency, ordered=True))


def _taker(
    client: AsyncRunpod,
    jobs: Iterable[AsyncJob],
    timeout: Timeout,
    concurrency: int,
    *,
    ordered: bool,
) -> Taker[JobResult[Any]]:
    crew = AsyncCrew()
    return gathering.prepare(
        gathering.checked_jobs(jobs, client),
        lambda job: job.endpoint._session,
        crew,
        AsyncDesk(crew),
        concurrency=concurrency,
        timeout=timeout,
        ordered=ordered,
    )
