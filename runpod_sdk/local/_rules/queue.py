"""The queue of an endpoint's jobs; the tables in `__init__.py` are its rules."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from copy import copy
from typing import Any

from runpod_serverless_api.models import JobStatus
from runpod_serverless_api.types import UNSET

from .fleet import Fleet, Phase, Worker
from .history import History
from .index import JobIndex
from .jobs import (
    EXECUTION_TIMEOUT_ERROR,
    LOST_ERROR,
    RETRYABLE,
    Effects,
    JobEventKind,
    JobFaults,
    JobRecord,
    JobSpec,
    NotRetryable,
    QueueCounts,
    Run,
    RunResult,
    UnknownJob,
    split_chunk,
)
from .waiting_jobs import WaitingJobs


class Queue:
    """The jobs of one endpoint, first come, first served, and the *fleet* that runs them."""

    def __init__(
        self, fleet: Fleet, job_faults: JobFaults | None = None, *, chunk_size: int = 1024 * 1024
    ) -> None:
        self.fleet = fleet
        self._job_faults = JobFaults() if job_faults is None else job_faults
        self._chunk_size = chunk_size
        self._now = float("-inf")
        self._jobs: dict[str, JobRecord] = {}
        self.index = JobIndex()
        """All jobs, by status."""
        self.history = History()
        self._waiting = WaitingJobs()
        self._due: list[tuple[float, str]] = []  # a heap; outdated entries are skipped
        self._serial = self._submitted = 0
        self._completed = self._failed = self._retried = self._in_progress = 0
        self._changed: set[str] = set()
        self._stopped: list[Run] = []
        self._ended: list[JobRecord] = []

    @property
    def jobs(self) -> Mapping[str, JobRecord]:
        """All jobs by id, in the order of their submission; do not change them."""
        return self._jobs

    @property
    def waiting(self) -> int:
        """The number of jobs in IN_QUEUE."""
        return len(self._waiting)

    def effects(self) -> Effects:
        """Scale the fleet for the queued jobs, and return the effects since the last call."""
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

    # -- requests of clients

    def submit(self, now: float, spec: JobSpec) -> JobRecord:
        """Add a new job at the end of the queue."""
        self.advance(now)
        if spec.id in self._jobs:
            raise ValueError(f"job {spec.id} exists already")
        self._submitted += 1
        job = JobRecord(
            spec, submitted=self._now, expires=self._now + spec.ttl, number=self._submitted
        )
        job.note(self._now, JobEventKind.SUBMITTED)
        self._jobs[job.id] = job
        self._waiting.append(job.id, urgent=not spec.low_priority)
        self._touch(job)
        return job

    def get(self, now: float, job_id: str) -> JobRecord:
        """Return a job; raise UnknownJob if it does not exist."""
        self.advance(now)
        job = self._jobs.get(job_id)
        if job is not None and job.terminal and self._job_faults.expires(job_id):
            self._forget(job)
        if job_id not in self._jobs:
            raise UnknownJob(job_id)
        return self._jobs[job_id]

    def set_ttl(self, now: float, job_id: str, ttl: float) -> JobRecord:
        """Let a job expire in *ttl* seconds; does nothing once it is terminal."""
        job = self.get(now, job_id)
        if not job.terminal:
            job.expires = self._now + ttl
            self._touch(job)
        return job

    def drain(self, now: float, job_id: str) -> list[Any]:
        """Remove and return the chunks that no client has read yet, in order."""
        job = self.get(now, job_id)
        chunks = list(job.chunks)
        job.chunks.clear()
        if chunks:
            self._mark(job)
        return chunks

    def cancel(self, now: float, job_id: str) -> JobRecord:
        """Cancel a queued or running job; does nothing to a terminal one."""
        job = self.get(now, job_id)
        if not job.terminal:
            self._stop(job)
            self._waiting.discard(job.id)
            self._end(job, JobStatus.CANCELLED)
        return job

    def retry(self, now: float, job_id: str) -> JobRecord:
        """Queue a failed job again, as if it were new; raise NotRetryable if it did not fail."""
        job = self.get(now, job_id)
        if job.status not in RETRYABLE:
            raise NotRetryable(job.status)
        job.error, job.ended, job.retries = UNSET, None, 0
        job.expires = self._now + job.spec.ttl
        self._queue_again(job, JobEventKind.RETRIED)
        self._waiting.append(job.id, urgent=not job.spec.low_priority)
        return job

    def note_webhook(self, now: float, job_id: str, outcome: str) -> None:
        """Record an attempt to deliver a job's webhook, if the job still exists."""
        self.advance(now)
        job = self._jobs.get(job_id)
        if job is not None:
            job.note(self._now, JobEventKind.WEBHOOK, outcome)
            self._mark(job)

    def purge(self, now: float) -> int:
        """Forget all queued jobs, and return their number."""
        self.advance(now)
        ids = list(self._waiting)
        for job_id in ids:
            self._forget(self._jobs[job_id])
        return len(ids)

    def counts(self, now: float) -> QueueCounts:
        """Count jobs and workers."""
        self.advance(now)
        return QueueCounts(
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

    # -- reports of workers

    def join(self, now: float, worker: str) -> None:
        """Record that a worker is ready: a launched or an external one."""
        self.advance(now)
        self.fleet.join(self._now, worker)

    def take(self, now: float, worker: str, most: int = 1) -> list[tuple[Run, JobRecord]]:
        """Assign up to *most* jobs to a worker, the oldest first."""
        self.advance(now)
        member = self.fleet.find(worker)
        if member is None or not member.available:
            return []
        if member.runs and not member.pulls:
            raise ValueError(f"worker {worker} is busy")
        taken: list[tuple[Run, JobRecord]] = []
        while len(taken) < most and (job_id := self._waiting.pop(unless=member.runs)) is not None:
            self._serial += 1
            job, run = self._jobs[job_id], Run(self._serial, job_id, worker)
            self.fleet.begin(self._now, run)
            self._in_progress += 1
            job.status, job.run = JobStatus.IN_PROGRESS, run
            job.started, job.worker = self._now, worker
            job.note(self._now, JobEventKind.TAKEN, worker)
            self.history.began(self._now, run)
            self._touch(job)
            taken.append((run, job))
        return taken

    def progress(self, now: float, run: Run, value: Any) -> bool:
        """Store a run's progress; return False, and do nothing, if the run no longer counts."""
        job = self._current(now, run)
        if job is not None:
            job.output = value
            job.note(self._now, JobEventKind.PROGRESS)
            self._mark(job)
        return job is not None

    def chunk(self, now: float, run: Run, value: Any) -> bool:
        """Add a chunk; return False, and do nothing, if the run no longer counts."""
        job = self._current(now, run)
        if job is not None:
            job.chunks += split_chunk(value, self._chunk_size)
            job.note(self._now, JobEventKind.CHUNK)
            self._mark(job)
        return job is not None

    def finish(self, now: float, run: Run, result: RunResult | None) -> bool:
        """
        Free the worker of *run*, and end the job if the run still counts.

        Without a result, the run was stopped before its end, and only the worker is freed.
        """
        job = self._current(now, run)
        self.fleet.end(self._now, run, recycle=result is not None and result.recycle)
        if job is None or result is None:
            return False
        if isinstance(result.error, str):
            self._end(job, JobStatus.FAILED, output=result.output, error=result.error)
        else:
            lost = result.error is not UNSET or self._job_faults.loses_output(job.id)
            self._end(job, JobStatus.COMPLETED, output=UNSET if lost else result.output)
        return True

    def lose_runs(self, now: float, runs: Collection[Run]) -> None:
        """Record that a worker no longer has these runs: runs that still count are lost."""
        self.advance(now)
        for run in runs:
            self.fleet.end(self._now, run)
        self._requeue_or_fail(list(runs))

    def mark_unhealthy(self, now: float, worker: str) -> None:
        """Record that a worker reports itself as unhealthy: it gets no more jobs."""
        self.advance(now)
        self.fleet.mark_unhealthy(self._now, worker)

    def lose_worker(self, now: float, worker: str) -> Worker | None:
        """Remove a lost worker with its runs; return it as it was, or None if it is unknown."""
        self.advance(now)
        lost = self.fleet.remove(worker)
        if lost is not None:
            self._requeue_or_fail(list(lost.runs.values()))
        return lost

    # -- time

    def advance(self, now: float) -> None:
        """Expire and time out jobs up to *now*; an earlier *now* counts as the latest one seen."""
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

    # -- helpers

    def _current(self, now: float, run: Run) -> JobRecord | None:
        self.advance(now)
        job = self._jobs.get(run.job_id)
        return job if job is not None and job.run == run else None

    def _requeue_or_fail(self, runs: list[Run]) -> None:
        for run in reversed(runs):  # so that the first of them is at the front again
            job = self._current(self._now, run)
            if job is None:
                continue
            if job.retries:
                self._end(job, JobStatus.FAILED, error=LOST_ERROR)
                continue
            self._leave_run(job, JobEventKind.LOST.name)
            job.retries = 1
            self._queue_again(job, JobEventKind.LOST, run.worker)
            self._waiting.prepend(job.id, urgent=not job.spec.low_priority)

    def _queue_again(self, job: JobRecord, why: JobEventKind, worker: str | None = None) -> None:
        job.status = JobStatus.IN_QUEUE
        job.queued = self._now
        job.note(self._now, why, worker)
        job.started = job.worker = None
        job.output = UNSET
        job.chunks.clear()
        self._retried += 1
        self._touch(job)

    def _touch(self, job: JobRecord) -> None:
        heapq.heappush(self._due, (job.due, job.id))
        self.index.update(job)
        self._mark(job)

    def _mark(self, job: JobRecord) -> None:
        job.revision += 1
        self._changed.add(job.id)

    def _stop(self, job: JobRecord) -> None:
        if job.run is not None:
            self._stopped.append(job.run)

    def _leave_run(self, job: JobRecord, outcome: str) -> None:
        if job.run is not None:
            self.history.left(self._now, job.run, outcome)
            job.run = None
            self._in_progress -= 1

    def _end(
        self, job: JobRecord, status: JobStatus, *, output: Any = UNSET, error: Any = UNSET
    ) -> None:
        self._leave_run(job, status.value)
        self._completed += status is JobStatus.COMPLETED
        self._failed += status is JobStatus.FAILED
        job.status, job.output, job.error = status, output, error
        job.ended = self._now
        job.note(
            self._now, JobEventKind.ENDED, status.value, error if isinstance(error, str) else None
        )
        self.history.ended(
            self._now,
            delay=None if job.started is None else job.started - job.queued,
            execution=job.execution_time,
            completed=status is JobStatus.COMPLETED,
        )
        job.expires = self._now + job.spec.retention
        self._ended.append(copy(job))
        self._touch(job)

    def _forget(self, job: JobRecord) -> None:
        self._leave_run(job, "EXPIRED")
        self._waiting.discard(job.id)
        self.index.discard(job.id)
        del self._jobs[job.id]
        self._changed.add(job.id)
