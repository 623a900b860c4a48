"""A read-only snapshot of a queue, for the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice

from attrs import frozen

from runpod_serverless_api.models import JobStatus

from .jobs import JobRecord, QueueCounts
from .queue import Queue


@frozen
class WorkerSnapshot:
    """A worker's id, phase and job ids."""

    id: str
    phase: str
    jobs: tuple[str, ...]


@frozen
class QueueSnapshot:
    """A queue at the time *now*. The jobs belong to the queue: do not change them."""

    now: float
    counts: QueueCounts
    workers: tuple[WorkerSnapshot, ...]
    totals: Mapping[JobStatus, int]
    """The number of jobs by status, without the filters."""
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
    id_part: str = "",
    selected: str | None = None,
) -> QueueSnapshot:
    """
    Return a snapshot of *queue*; stream chunks stay in the queue.

    Args:
        now: The time.
        queue: The queue.
        newest: The largest number of jobs to return.
        status: Return only jobs with this status; None for all.
        id_part: Return only jobs whose ids contain this text.
        selected: The id of one more job to return, if it exists.
    """
    counts = queue.counts(now)
    jobs = queue.jobs
    matching = [
        job
        for job in reversed([*jobs.values()])
        if (status is None or job.status == status) and id_part in job.id
    ]
    return QueueSnapshot(
        now=now,
        counts=counts,
        workers=tuple(
            WorkerSnapshot(worker.id, worker.phase.value, tuple(worker.runs))
            for worker in queue.fleet
        ),
        totals=Counter(job.status for job in jobs.values()),
        matching=len(matching),
        newest=tuple(islice(matching, newest)),
        selected=jobs.get(selected) if selected is not None else None,
    )
