"""
Explanations of a job's state, from its status and its endpoint's health.

For a job in the queue, the first line that applies determines the reason:

    a worker is idle                     STARTING       the worker should take the job now
    workers are busy, other jobs wait    QUEUE_AHEAD    other jobs come first
    workers are busy                     ALL_BUSY       the job starts when a worker is free
    workers are starting                 INITIALIZING   a cold start
    workers are throttled                THROTTLED      no hardware is free
    workers are unhealthy                UNHEALTHY      workers fail before they take a job
    there are no workers                 NO_WORKERS     RunPod has not started a worker
    the counts are missing               UNKNOWN

The text also counts the other workers: nine of ten may be throttled while one is busy.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import asdict, frozen

from runpod_sdk.error_text import line_of
from runpod_sdk.models import EndpointHealth, JobState, JobStatus, WorkerCounts

__all__ = ["Explanation", "JobReason"]


class JobReason(StrEnum):
    """Reasons for a job's state; later versions may add reasons."""

    STARTING = "STARTING"
    """In the queue; a worker is idle and should take the job now."""
    QUEUE_AHEAD = "QUEUE_AHEAD"
    """In the queue with other jobs; all workers are busy."""
    ALL_BUSY = "ALL_BUSY"
    """In the queue as the only job; all workers are busy."""
    INITIALIZING = "INITIALIZING"
    """In the queue; workers are starting."""
    THROTTLED = "THROTTLED"
    """In the queue; workers wait for free hardware."""
    UNHEALTHY = "UNHEALTHY"
    """In the queue; all workers are unhealthy."""
    NO_WORKERS = "NO_WORKERS"
    """In the queue; the endpoint has no workers."""
    RUNNING = "RUNNING"
    """A worker runs the job."""
    DONE = "DONE"
    """The job has ended."""
    NOT_FOUND = "NOT_FOUND"
    """The server does not know the job."""
    UNKNOWN = "UNKNOWN"
    """The reason could not be determined."""


@frozen(kw_only=True)
class Explanation:
    """Reason for a job's state; `str()` returns its text."""

    reason: JobReason
    text: str
    """The reason as a sentence, with advice."""
    state: JobState | None = None
    """The job's state; None if it could not be read."""
    health: EndpointHealth | None = None
    """The endpoint's health; None if it was not needed or could not be read."""

    def __str__(self) -> str:
        return self.text


_CHECK_LOG = (
    "check the worker's log; with versions 1.7.12 to 1.10.0 of the runpod package, an old job in"
    " the file .runpod_jobs.pkl of the working directory stops a worker from requesting jobs"
)

_BECAUSE = {
    JobReason.STARTING: (
        "a worker is idle and should take it now; if it stays queued, the worker may not request"
        f" jobs: {_CHECK_LOG}"
    ),
    JobReason.QUEUE_AHEAD: "all workers are busy, and other jobs are queued",
    JobReason.ALL_BUSY: "all workers are busy; no other job is queued",
    JobReason.INITIALIZING: (
        "its workers are starting; none is ready yet; if it stays queued, a worker may run without"
        f" requesting jobs: {_CHECK_LOG}"
    ),
    JobReason.THROTTLED: (
        "its workers are throttled: no hardware of the types that the endpoint allows is free;"
        " wait, or allow other types or regions"
    ),
    JobReason.UNHEALTHY: f"its workers are unhealthy: {_CHECK_LOG}",
    JobReason.NO_WORKERS: (
        "the endpoint has no workers; if it stays queued, check the endpoint's maximum number of"
        " workers and the account's balance (a low-priority job starts no workers)"
    ),
    JobReason.UNKNOWN: "the server does not say how many workers the endpoint has",
}


def of_state(state: JobState) -> Explanation | None:
    """Return the explanation of a job that is not in the queue; None for a queued job."""
    if state.status == JobStatus.IN_QUEUE:
        return None
    if state.completed:
        why = f", {line_of(state.error)}" if state.error else ""
        reason, text = JobReason.DONE, f"has ended: {state.status}{why}"
    elif state.status == JobStatus.IN_PROGRESS:
        where = f" on worker {state.worker_id}" if state.worker_id else ""
        again = f", after {state.retries} lost attempts" if state.retries else ""
        reason, text = JobReason.RUNNING, f"is running{where}{again}"
    else:
        reason = JobReason.UNKNOWN
        text = f"has the status {state.status}, which this version does not know"
    return Explanation(reason=reason, text=f"job {state.id} {text}", state=state)


def of_health(state: JobState, health: EndpointHealth) -> Explanation:
    """Return the explanation of a queued job, by the endpoint's worker counts."""
    waiting = health.jobs.in_queue or 0
    reason = _reason(health.workers, waiting)
    text = f"job {state.id} is in the queue: {_BECAUSE[reason]}{_counts(health)}"
    return Explanation(reason=reason, text=text, state=state, health=health)


def unknown(job_id: str, fault: Exception, state: JobState | None = None) -> Explanation:
    """Return the explanation for a reason that could not be determined."""
    where = "its status" if state is None else "it is in the queue, but the endpoint's health"
    text = f"job {job_id}: {where} could not be read: {fault}"
    return Explanation(reason=JobReason.UNKNOWN, text=text, state=state)


def not_found(job_id: str, fault: Exception) -> Explanation:
    """Return the explanation for a job that the server does not know."""
    return Explanation(reason=JobReason.NOT_FOUND, text=f"job {job_id} was not found: {fault}")


def _reason(workers: WorkerCounts, waiting: int) -> JobReason:
    if workers.idle:
        return JobReason.STARTING
    if workers.running:
        return JobReason.QUEUE_AHEAD if waiting > 1 else JobReason.ALL_BUSY
    if workers.ready:  # counts the idle ones, and may be all that is said of them
        return JobReason.STARTING
    if workers.initializing:
        return JobReason.INITIALIZING
    if workers.throttled:
        return JobReason.THROTTLED
    if workers.unhealthy:
        return JobReason.UNHEALTHY
    said = workers.idle, workers.ready, workers.running, workers.initializing, workers.throttled
    return JobReason.UNKNOWN if all(count is None for count in said) else JobReason.NO_WORKERS


def _counts(health: EndpointHealth) -> str:
    """Return the worker and job counts as text."""
    workers = asdict(health.workers)
    names = ("idle", "running", "initializing", "throttled", "unhealthy")
    parts = [f"{workers[name]} {name}" for name in names if workers[name]]
    of_workers = f"workers: {', '.join(parts)}" if parts else ""
    waiting = health.jobs.in_queue
    of_jobs = f"jobs in the queue: {waiting}" if waiting else ""
    said = "; ".join(part for part in (of_workers, of_jobs) if part)
    return f" ({said})" if said else ""
