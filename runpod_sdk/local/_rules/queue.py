"""The jobs of an endpoint, and what happens to them: see the tables of this package."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from copy import copy
from typing import Any

from runpod_sdk.local._wire import EXECUTION_TIMEOUT_ERROR, LOST_ERROR, UNSET, JobStatus

from .fleet import Fleet, Phase, Worker
from .jobs import (
    RETRYABLE,
    Counts,
    Effects,
    Job,
    Mishaps,
    NotRetryable,
    Result,
    Run,
    Submission,
    UnknownJob,
    split,
)
from .waiting_jobs import Line


class Queue:
    """The jobs of one endpoint, first come, first served, and the *fleet* that takes them."""

    def __init__(
        self, fleet: Fleet, mishaps: Mishaps | None = None, *, chunk_size: int = 1024 * 1024
    ) -> None:
        self.fleet = fleet
        self._mishaps = Mishaps() if mishaps is None else mishaps
        self._chunk_size = chunk_size
        self._now = float("-inf")
        self._jobs: dict[str, Job] = {}
        self._waiting = Line()
        self._due: list[tuple[float, str]] = []  # a heap; entries that no longer hold are skipped
        self._serial = 0
        self._completed = self._failed = self._retried = self._in_progress = 0
        self._changed: set[str] = set()
        self._stopped: list[Run] = []
        self._ended: list[Job] = []

    @property
    def jobs(self) -> Mapping[str, Job]:
        """All jobs by their ids, in the order in which they were sent; look only."""
        return self._jobs

    @property
    def waiting(self) -> int:
        """How many jobs are in IN_QUEUE."""
        return len(self._waiting)

    def effects(self) -> Effects:
        """Scale the fleet for what waits now, and hand over what has come up since last time."""
        self.fleet.scale(self._now, self._waiting.urgent)
        launched, retired = self.fleet.effects()
        effects = Effects(
            changed=frozenset(self._changed),
            stopped=tuple(self._stopped),
            ended=tuple(self._ended),
            workers_changed=self.fleet.changed,
            launched=launched,
            retired=retired,
        )
        self._changed, self._stopped, self._ended = set(), [], []
        self.fleet.changed = False
        return effects

    # -- what clients do

    def submit(self, now: float, submission: Submission) -> Job:
        """Put a new job at the end of the queue."""
        self.sweep(now)
        if submission.id in self._jobs:
            raise ValueError(f"job {submission.id} is there already")
        job = Job(submission, submitted=self._now, expires=self._now + submission.ttl)
        self._jobs[job.id] = job
        self._waiting.append(job.id, urgent=not submission.low_priority)
        self._touch(job)
        return job

    def get(self, now: float, job_id: str) -> Job:
        """Look a job up; UnknownJob if there is none."""
        self.sweep(now)
        job = self._jobs.get(job_id)
        if job is not None and job.terminal and self._mishaps.expires(job_id):
            self._forget(job)
        if job_id not in self._jobs:
            raise UnknownJob(job_id)
        return self._jobs[job_id]

    def set_ttl(self, now: float, job_id: str, ttl: float) -> Job:
        """Let a job live *ttl* seconds from now; without effect once it is terminal."""
        job = self.get(now, job_id)
        if not job.terminal:
            job.expires = self._now + ttl
            self._touch(job)
        return job

    def drain(self, now: float, job_id: str) -> list[Any]:
        """Take the chunks that nobody has taken yet, in order."""
        job = self.get(now, job_id)
        chunks = list(job.chunks)
        job.chunks.clear()
        if chunks:
            self._changed.add(job.id)
        return chunks

    def cancel(self, now: float, job_id: str) -> Job:
        """Cancel a job that is queued or runs; leave a terminal one as it is."""
        job = self.get(now, job_id)
        if not job.terminal:
            self._stop(job)
            self._waiting.discard(job.id)
            self._end(job, JobStatus.CANCELLED)
        return job

    def retry(self, now: float, job_id: str) -> Job:
        """Queue a failed job again, as if it were new; NotRetryable if it did not fail."""
        job = self.get(now, job_id)
        if job.status not in RETRYABLE:
            raise NotRetryable(job.status)
        job.error, job.ended, job.retries = UNSET, None, 0
        job.expires = self._now + job.submission.ttl
        self._queue_again(job)
        self._waiting.append(job.id, urgent=not job.submission.low_priority)
        return job

    def purge(self, now: float) -> int:
        """Forget all queued jobs and tell how many there were."""
        self.sweep(now)
        ids = list(self._waiting)
        for job_id in ids:
            self._forget(self._jobs[job_id])
        return len(ids)

    def counts(self, now: float) -> Counts:
        """Count jobs and workers."""
        self.sweep(now)
        return Counts(
            completed=self._completed,
            failed=self._failed,
            retried=self._retried,
            in_progress=self._in_progress,
            in_queue=len(self._waiting),
            idle=self.fleet.count(Phase.IDLE),
            running=self.fleet.count(Phase.RUNNING),
            initializing=self.fleet.count(Phase.INITIALIZING),
            unhealthy=self.fleet.count(Phase.UNHEALTHY),
        )

    # -- what workers do

    def join(self, now: float, worker: str) -> None:
        """Know that a worker is there: one of those launched, or one of somebody else's."""
        self.sweep(now)
        self.fleet.join(self._now, worker)

    def take(self, now: float, worker: str, most: int = 1) -> list[tuple[Run, Job]]:
        """Give a worker the jobs that have waited longest, at *most* so many."""
        self.sweep(now)
        member = self.fleet.find(worker)
        if member is None or not member.available:
            return []
        if member.runs and not member.pulls:
            raise ValueError(f"worker {worker} is busy")
        taken: list[tuple[Run, Job]] = []
        while len(taken) < most and (job_id := self._waiting.pop(unless=member.runs)) is not None:
            self._serial += 1
            job, run = self._jobs[job_id], Run(self._serial, job_id, worker)
            self.fleet.begin(self._now, run)
            self._in_progress += 1
            job.status, job.run = JobStatus.IN_PROGRESS, run
            job.started, job.worker = self._now, worker
            self._touch(job)
            taken.append((run, job))
        return taken

    def progress(self, now: float, run: Run, value: Any) -> bool:
        """Note how far a run is; False, and nothing, if the run no longer counts."""
        job = self._current(now, run)
        if job is not None:
            job.output = value
            self._changed.add(job.id)
        return job is not None

    def chunk(self, now: float, run: Run, value: Any) -> bool:
        """Add to what can be drained; False, and nothing, if the run no longer counts."""
        job = self._current(now, run)
        if job is not None:
            job.chunks += split(value, self._chunk_size)
            self._changed.add(job.id)
        return job is not None

    def finish(self, now: float, run: Run, result: Result | None) -> bool:
        """
        Free the worker of *run*, and end the job if the run still counts.

        No result: the run was stopped before it had one, and only the worker is freed.
        """
        job = self._current(now, run)
        self.fleet.end(self._now, run, recycle=result is not None and result.recycle)
        if job is None or result is None:
            return False
        if isinstance(result.error, str):
            self._end(job, JobStatus.FAILED, output=result.output, error=result.error)
        else:
            lost = result.error is not UNSET or self._mishaps.loses_output(job.id)
            self._end(job, JobStatus.COMPLETED, output=UNSET if lost else result.output)
        return True

    def drop(self, now: float, runs: Collection[Run]) -> None:
        """Know that a worker has these runs no longer: those that still count are lost."""
        self.sweep(now)
        for run in runs:
            self.fleet.end(self._now, run)
        self._lose(list(runs))

    def sicken(self, now: float, worker: str) -> None:
        """Know that a worker says of itself that it cannot work: it gets no more jobs."""
        self.sweep(now)
        self.fleet.sicken(self._now, worker)

    def lose(self, now: float, worker: str) -> Worker | None:
        """Know that a worker has vanished, and its runs are lost; give it as it was, if known."""
        self.sweep(now)
        lost = self.fleet.remove(worker)
        if lost is not None:
            self._lose(list(lost.runs.values()))
        return lost

    # -- what time does

    def sweep(self, now: float) -> None:
        """Let time pass. It never goes back: an earlier *now* counts as the latest one seen."""
        self._now = max(self._now, now)
        while self._due and self._due[0][0] <= self._now:
            _, job_id = heapq.heappop(self._due)
            job = self._jobs.get(job_id)
            if job is None or job.due > self._now:
                continue
            self._stop(job)
            if (overruns := job.overruns) is not None and overruns < job.expires:
                self._end(job, JobStatus.FAILED, error=EXECUTION_TIMEOUT_ERROR)
            else:
                self._forget(job)

    # -- the parts of these

    def _current(self, now: float, run: Run) -> Job | None:
        self.sweep(now)
        job = self._jobs.get(run.job_id)
        return job if job is not None and job.run == run else None

    def _lose(self, runs: list[Run]) -> None:
        for run in reversed(runs):  # so that the first of them is at the front again
            job = self._current(self._now, run)
            if job is None:
                continue
            if job.retries:
                self._end(job, JobStatus.FAILED, error=LOST_ERROR)
                continue
            self._leave_run(job)
            job.retries = 1
            self._queue_again(job)
            self._waiting.prepend(job.id, urgent=not job.submission.low_priority)

    def _queue_again(self, job: Job) -> None:
        job.status = JobStatus.IN_QUEUE
        job.started = job.worker = None
        job.output = UNSET
        job.chunks.clear()
        self._retried += 1
        self._touch(job)

    def _touch(self, job: Job) -> None:
        heapq.heappush(self._due, (job.due, job.id))
        self._changed.add(job.id)

    def _stop(self, job: Job) -> None:
        if job.run is not None:
            self._stopped.append(job.run)

    def _leave_run(self, job: Job) -> None:
        if job.run is not None:
            job.run = None
            self._in_progress -= 1

    def _end(self, job: Job, status: JobStatus, *, output: Any = UNSET, error: Any = UNSET) -> None:
        self._leave_run(job)
        self._completed += status is JobStatus.COMPLETED
        self._failed += status is JobStatus.FAILED
        job.status, job.output, job.error = status, output, error
        job.ended = self._now
        job.expires = self._now + job.submission.retention
        self._ended.append(copy(job))
        self._touch(job)

    def _forget(self, job: Job) -> None:
        self._leave_run(job)
        self._waiting.discard(job.id)
        del self._jobs[job.id]
        self._changed.add(job.id)
