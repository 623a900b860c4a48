"""What there is to be seen of a queue by those who look on and change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice

from attrs import frozen

from runpod_sdk.local._wire import JobStatus

from .jobs import Counts, Job
from .queue import Queue


@frozen
class WorkerSeen:
    """A worker: what it is counted as, and the ids of the jobs that it has."""

    id: str
    phase: str
    jobs: tuple[str, ...]


@frozen
class Snapshot:
    """A queue at one instant, `now`, of its clock. The jobs are those of the queue: look only."""

    now: float
    counts: Counts
    workers: tuple[WorkerSeen, ...]
    totals: Mapping[JobStatus, int]
    """How many jobs there are in each status, whatever was asked for."""
    matching: int
    """How many jobs are as asked for."""
    newest: tuple[Job, ...]
    """Of these, those that came last, the last one first."""
    selected: Job | None


def snapshot(
    now: float,
    queue: Queue,
    *,
    newest: int,
    status: str | None = None,
    id_part: str = "",
    selected: str | None = None,
) -> Snapshot:
    """
    Look at a queue; its stream chunks stay where they are.

    Args:
        now: The time.
        queue: What to look at.
        newest: How many jobs to give, at most.
        status: That of the jobs to give; None for all.
        id_part: What the ids of the jobs to give contain.
        selected: The id of one more job to give, if it is there.
    """
    counts = queue.counts(now)
    jobs = queue.jobs
    matching = [
        job
        for job in reversed([*jobs.values()])
        if (status is None or job.status == status) and id_part in job.id
    ]
    return Snapshot(
        now=now,
        counts=counts,
        workers=tuple(
            WorkerSeen(worker.id, worker.phase.value, tuple(worker.runs)) for worker in queue.fleet
        ),
        totals=Counter(job.status for job in jobs.values()),
        matching=len(matching),
        newest=tuple(islice(matching, newest)),
        selected=jobs.get(selected) if selected is not None else None,
    )
