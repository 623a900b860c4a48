"""A read-only snapshot of a queue, for the page."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from runpod_serverless_api.models import JobStatus

from .index import JobIndex
from .jobs import JobRecord, QueueCounts
from .queue import Queue


@frozen
class WorkerSnapshot:
    """A worker's id, phase and job ids."""

    id: str
    phase: str
    since: float
    """The time at which its phase began."""
    jobs: tuple[str, ...]


@frozen
class QueueSnapshot:
    """A queue at the time *now*. The jobs belong to the queue: do not change them."""

    now: float
    counts: QueueCounts
    workers: tuple[WorkerSnapshot, ...]
    totals: Mapping[JobStatus, int]
    """The number of found jobs by status, of any status."""
    matching: int
    """The number of jobs that match the filters."""
    newest: tuple[JobRecord, ...]
    """The newest matching jobs, the newest first."""
    selected: JobRecord | None


def snapshot(
    now: float,
    queue: Queue,
    *,
    newest: int,
    status: str | None = None,
    found: JobIndex | None = None,
    selected: str | None = None,
) -> QueueSnapshot:
    """
    Return a snapshot of *queue*, without a look at every job; stream chunks stay in the queue.

    Args:
        now: The time.
        queue: The queue.
        newest: The largest number of jobs to return.
        status: Return only jobs with this status; None for all.
        found: Return only these jobs; None for all.
        selected: The id of one more job to return, if it exists.
    """
    counts = queue.counts(now)
    jobs = queue.index if found is None else found
    return QueueSnapshot(
        now=now,
        counts=counts,
        workers=tuple(
            WorkerSnapshot(worker.id, worker.phase.value, worker.since, tuple(worker.runs))
            for worker in queue.fleet
        ),
        totals=jobs.totals(),
        matching=jobs.count(status),
        newest=tuple(jobs.newest(newest, status)),
        selected=queue.jobs.get(selected) if selected is not None else None,
    )
