"""
The rules of the queue, without HTTP, threads or a clock.

Every event is a method that is given the time, `now`, in seconds, and first lets that
time pass: nothing is seen that has expired by then. What others have to do about an
event (wake those who wait for a job, stop a run) is collected for `effects`.

    from          event                                    to
    ───────────   ──────────────────────────────────────   ─────────────────────────────────
    ·             submit                                   IN_QUEUE
    IN_QUEUE      take                                     IN_PROGRESS
    IN_PROGRESS   progress                                 IN_PROGRESS, output = the progress
    IN_PROGRESS   chunk                                    IN_PROGRESS, one more to drain
    IN_PROGRESS   finish, without error                    COMPLETED
    IN_PROGRESS   finish, error a string                   FAILED, with the output if one came
    IN_PROGRESS   finish, error anything else              COMPLETED without output
    IN_PROGRESS   the execution timeout passes             FAILED, "executionTimeout exceeded"
    IN_QUEUE      cancel                                   CANCELLED
    IN_PROGRESS   cancel                                   CANCELLED, and the run is stopped
    IN_QUEUE      purge                                    · (unknown from then on)
    not terminal  the TTL passes                           · and the run, if any, is stopped
    FAILED        retry                                    IN_QUEUE, as if new
    terminal      the retention passes                     ·

Which keys an answer has in each state follows from what is set:

    IN_QUEUE, cancelled while queued   neither times nor worker
    IN_PROGRESS                        delay_time, worker, and output after a progress
    terminal after a run               also execution_time

A run that was stopped, or has overrun, keeps its worker busy until the worker says that
it is over; nothing that it reports by then counts.

What is chosen where the facts are unknown or contradict each other stands in one table, in
`docs/local-endpoint.md`.
"""

from __future__ import annotations

import heapq
from copy import copy
from typing import Any

from runpod_sdk.local._wire import EXECUTION_TIMEOUT_ERROR, UNSET, JobStatus

from .jobs import (
    RETRYABLE,
    Counts,
    Effects,
    Job,
    NotRetryable,
    Result,
    Run,
    Submission,
    UnknownJob,
)


class Queue:
    """The jobs of one endpoint and the workers that take them, first come, first served."""

    def __init__(self) -> None:
        self._now = float("-inf")
        self._jobs: dict[str, Job] = {}
        self._waiting: dict[str, None] = {}  # an ordered set of the ids in IN_QUEUE
        self._workers: dict[str, Run | None] = {}
        self._due: list[tuple[float, str]] = []  # a heap; entries that no longer hold are skipped
        self._serial = 0
        self._completed = self._failed = self._retried = self._in_progress = 0
        self._changed: set[str] = set()
        self._stopped: list[Run] = []
        self._ended: list[Job] = []

    def effects(self) -> Effects:
        """Hand over what has come up since the last time."""
        effects = Effects(frozenset(self._changed), tuple(self._stopped), tuple(self._ended))
        self._changed.clear()
        self._stopped.clear()
        self._ended.clear()
        return effects

    # -- what clients do

    def submit(self, now: float, submission: Submission) -> Job:
        """Put a new job at the end of the queue."""
        self.sweep(now)
        if submission.id in self._jobs:
            raise ValueError(f"job {submission.id} is there already")
        job = Job(submission, submitted=self._now, expires=self._now + submission.ttl)
        self._jobs[job.id] = job
        self._waiting[job.id] = None
        self._touch(job)
        return job

    def get(self, now: float, job_id: str) -> Job:
        """Look a job up; UnknownJob if there is none."""
        self.sweep(now)
        try:
            return self._jobs[job_id]
        except KeyError:
            raise UnknownJob(job_id) from None

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
            self._waiting.pop(job.id, None)
            self._end(job, JobStatus.CANCELLED)
        return job

    def retry(self, now: float, job_id: str) -> Job:
        """Queue a failed job again, as if it were new; NotRetryable if it did not fail."""
        job = self.get(now, job_id)
        if job.status not in RETRYABLE:
            raise NotRetryable(job.status)
        job.status = JobStatus.IN_QUEUE
        job.started = job.ended = job.worker = None
        job.output = job.error = UNSET
        job.chunks.clear()
        job.expires = self._now + job.submission.ttl
        self._waiting[job.id] = None
        self._retried += 1
        self._touch(job)
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
        running = sum(run is not None for run in self._workers.values())
        return Counts(
            completed=self._completed,
            failed=self._failed,
            retried=self._retried,
            in_progress=self._in_progress,
            in_queue=len(self._waiting),
            idle=len(self._workers) - running,
            running=running,
        )

    # -- what workers do

    def join(self, worker: str) -> None:
        """Know a new worker, which is idle."""
        self._workers.setdefault(worker, None)

    def idle_worker(self) -> str | None:
        """Name a worker that has nothing to do."""
        return next((worker for worker, run in self._workers.items() if run is None), None)

    def take(self, now: float, worker: str) -> tuple[Run, Job] | None:
        """Give an idle worker the job that has waited longest, if there is one."""
        self.sweep(now)
        if self._workers[worker] is not None:
            raise ValueError(f"worker {worker} is busy")
        job_id = next(iter(self._waiting), None)
        if job_id is None:
            return None
        del self._waiting[job_id]
        self._serial += 1
        job, run = self._jobs[job_id], Run(self._serial, job_id, worker)
        self._workers[worker] = run
        self._in_progress += 1
        job.status, job.run = JobStatus.IN_PROGRESS, run
        job.started, job.worker = self._now, worker
        self._touch(job)
        return run, job

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
            job.chunks.append(value)
            self._changed.add(job.id)
        return job is not None

    def finish(self, now: float, run: Run, result: Result | None) -> bool:
        """
        Free the worker of *run*, and end the job if the run still counts.

        No result means that the run was stopped before it had one: then only the worker
        is freed.
        """
        job = self._current(now, run)
        if self._workers.get(run.worker) == run:
            self._workers[run.worker] = None
            self._changed.add(run.job_id)
        if job is None or result is None:
            return False
        if result.error is UNSET:
            self._end(job, JobStatus.COMPLETED, output=result.output)
        elif isinstance(result.error, str):
            self._end(job, JobStatus.FAILED, output=result.output, error=result.error)
        else:
            self._end(job, JobStatus.COMPLETED)
        return True

    # -- what time does

    def sweep(self, now: float) -> None:
        """Let time pass. It never goes back: an earlier *now* counts as the latest one seen."""
        self._now = max(self._now, now)
        while self._due and self._due[0][0] <= self._now:
            _, job_id = heapq.heappop(self._due)
            job = self._jobs.get(job_id)
            if job is None or job.due > self._now:
                continue
            overruns = job.overruns
            if overruns is not None and overruns < job.expires:
                self._stop(job)
                self._end(job, JobStatus.FAILED, error=EXECUTION_TIMEOUT_ERROR)
            else:
                self._stop(job)
                self._forget(job)

    # -- the parts of these

    def _current(self, now: float, run: Run) -> Job | None:
        self.sweep(now)
        job = self._jobs.get(run.job_id)
        return job if job is not None and job.run == run else None

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
        self._waiting.pop(job.id, None)
        del self._jobs[job.id]
        self._changed.add(job.id)
