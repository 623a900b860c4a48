"""
Why a job is where it is: a judgement on its state and on its endpoint's health.

Of a job in the queue, what matters is who could take it. The first line that holds decides:

    a worker is idle            STARTING       it should be taken any moment
    workers run, others wait    QUEUE_AHEAD    its turn comes after theirs
    workers run                 ALL_BUSY       its turn comes when one of them is done
    workers are starting        INITIALIZING   a cold start
    workers are throttled       THROTTLED      there is no free hardware for them
    workers are unhealthy       UNHEALTHY      they fail before they take a job
    there are none              NO_WORKERS     none is wanted, or none has been asked for yet
    nobody counts them          UNKNOWN

The text names the other workers too: of ten, nine may be throttled while one runs.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import asdict, frozen

from runpod_sdk.error_text import line_of
from runpod_sdk.models import EndpointHealth, JobState, JobStatus, WorkerCounts

__all__ = ["Explanation", "JobReason"]


class JobReason(StrEnum):
    """Why a job is where it is, as a code; others may be added."""

    STARTING = "STARTING"
    """In the queue, and a worker is idle."""
    QUEUE_AHEAD = "QUEUE_AHEAD"
    """In the queue, with others; all workers are busy."""
    ALL_BUSY = "ALL_BUSY"
    """In the queue, alone; all workers are busy."""
    INITIALIZING = "INITIALIZING"
    """In the queue; workers are being started."""
    THROTTLED = "THROTTLED"
    """In the queue; the workers that there could be wait for hardware."""
    UNHEALTHY = "UNHEALTHY"
    """In the queue; the workers that there are can't work."""
    NO_WORKERS = "NO_WORKERS"
    """In the queue; there is no worker."""
    RUNNING = "RUNNING"
    DONE = "DONE"
    """The status is terminal."""
    NOT_FOUND = "NOT_FOUND"
    """The server does not know the job."""
    UNKNOWN = "UNKNOWN"
    """It could not be found out."""


@frozen(kw_only=True)
class Explanation:
    """Why a job is where it is; as a string, its text."""

    reason: JobReason
    text: str
    """The same in a sentence, with what can be done about it."""
    state: JobState | None = None
    """What the server said of the job; None where it could not be had."""
    health: EndpointHealth | None = None
    """What it said of the endpoint; None where that was not asked, or could not be had."""

    def __str__(self) -> str:
        return self.text


_CHECK_LOG = (
    "check the worker's log; with versions 1.7.12 to 1.10.0 of the runpod package, an old job in the"
    " file .runpod_jobs.pkl of the working directory stops a worker from requesting jobs"
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
    """Explain a job whose state says enough; None for one in the queue."""
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
    """Explain a job in the queue, by the workers that could take it."""
    waiting = health.jobs.in_queue or 0
    reason = _reason(health.workers, waiting)
    text = f"job {state.id} is in the queue: {_BECAUSE[reason]}{_counts(health)}"
    return Explanation(reason=reason, text=text, state=state, health=health)


def unknown(job_id: str, fault: Exception, state: JobState | None = None) -> Explanation:
    """Say that the reason could not be found out, and why not."""
    where = "its status" if state is None else "it is in the queue, but the endpoint's health"
    text = f"job {job_id}: {where} could not be read: {fault}"
    return Explanation(reason=JobReason.UNKNOWN, text=text, state=state)


def not_found(job_id: str, fault: Exception) -> Explanation:
    """Say that there is no such job, any more or at this endpoint."""
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
    """Spell what there is of workers and of jobs."""
    workers = asdict(health.workers)
    names = ("idle", "running", "initializing", "throttled", "unhealthy")
    parts = [f"{workers[name]} {name}" for name in names if workers[name]]
    of_workers = f"workers: {', '.join(parts)}" if parts else ""
    waiting = health.jobs.in_queue
    of_jobs = f"jobs in the queue: {waiting}" if waiting else ""
    said = "; ".join(part for part in (of_workers, of_jobs) if part)
    return f" ({said})" if said else ""
