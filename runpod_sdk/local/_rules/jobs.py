"""The values of the queue: job specifications, jobs, runs, results, effects and errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from attrs import Factory, define, frozen

from runpod_serverless_api.models import JobStatus
from runpod_serverless_api.types import UNSET, Unset

TERMINAL = frozenset(
    {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.TIMED_OUT}
)
RETRYABLE = frozenset({JobStatus.FAILED, JobStatus.TIMED_OUT})

EXECUTION_TIMEOUT_ERROR = "executionTimeout exceeded"
LOST_ERROR = "job timed out after 1 retries"

_MAX_CHARACTER_BYTES = 12  # bytes of JSON: an escaped surrogate pair

_MAX_EVENTS = 100
"""The events that a job keeps: its submission and the last ones."""


@frozen
class JobSpec:
    """A submitted job. *request* goes to the handler and never changes; times in seconds."""

    id: str
    request: Mapping[str, Any]
    execution_timeout: float
    ttl: float
    retention: float
    low_priority: bool = False
    """Whether the job starts no additional workers."""
    policy: Mapping[str, Any] = Factory(dict[str, Any])
    """The policy as it was submitted."""


@frozen
class Run:
    """One attempt of one worker to run one job. *serial* is unique, so no two runs are equal."""

    serial: int
    job_id: str
    worker: str


@frozen
class RunResult:
    """A worker's report at the end of a run. *output* and *error* are any JSON."""

    output: Any = UNSET
    error: Any = UNSET
    recycle: bool = False
    """Whether the worker asks to be replaced."""


class JobEventKind(StrEnum):
    """The kinds of a job's events."""

    SUBMITTED = "submitted"
    TAKEN = "taken"
    PROGRESS = "progress"
    CHUNK = "chunk"
    LOST = "lost"
    RETRIED = "retried"
    ENDED = "ended"
    WEBHOOK = "webhook"


_REPEATED = frozenset({JobEventKind.PROGRESS, JobEventKind.CHUNK})


@define(eq=False)
class JobEvent:
    """An event in the life of a job; all progress of a run is one event, and so are its chunks."""

    kind: JobEventKind
    at: float
    detail: str | None = None
    """The worker of TAKEN and LOST, the status of ENDED, the outcome of WEBHOOK."""
    error: str | None = None
    """The error with which the job ENDED."""
    count: int = 1
    until: float = Factory(lambda event: event.at, takes_self=True)
    """The time of the last one of *count*."""


@define(eq=False)
class JobRecord:
    """A job of the queue. Times are from the queue's clock."""

    spec: JobSpec
    submitted: float
    expires: float
    """When it is forgotten: after its TTL, or after its retention once it is terminal."""
    number: int = 0
    """Its number in the order of submissions."""
    queued: float = Factory(lambda job: job.submitted, takes_self=True)
    """When it was put into the queue, the last time."""
    revision: int = 0
    """The number of its changes so far."""
    events: list[JobEvent] = Factory(list[JobEvent])
    """The history of the job, the oldest event first."""
    status: JobStatus = JobStatus.IN_QUEUE
    run: Run | None = None
    """Its current run; set only while IN_PROGRESS."""
    started: float | None = None
    ended: float | None = None
    worker: str | None = None
    retries: int = 0
    """How often it was queued again because its worker was lost."""
    output: Any = UNSET
    error: str | Unset = UNSET
    chunks: list[Any] = Factory(list[Any])
    """The chunks that no client has read yet."""

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def attempts(self) -> int:
        """The number of times that a worker has taken it."""
        return sum(event.kind is JobEventKind.TAKEN for event in self.events)

    @property
    def chunk_count(self) -> int:
        """The number of chunks that its last run has produced so far."""
        event = self._repeated(JobEventKind.CHUNK)
        return 0 if event is None else event.count

    def note(
        self, now: float, kind: JobEventKind, detail: str | None = None, error: str | None = None
    ) -> None:
        """Add an event to the history."""
        if kind in _REPEATED and (event := self._repeated(kind)) is not None:
            event.count += 1
            event.until = now
            return
        self.events.append(JobEvent(kind, now, detail, error))
        if len(self.events) > _MAX_EVENTS:
            del self.events[1]

    def _repeated(self, kind: JobEventKind) -> JobEvent | None:
        """Return the event of that kind in the last run, if there is one."""
        for event in reversed(self.events):
            if event.kind is kind:
                return event
            if event.kind is JobEventKind.TAKEN:
                return None
        return None

    @property
    def overruns(self) -> float | None:
        """The time of its execution timeout, while it runs."""
        if self.run is None or self.started is None:
            return None
        return self.started + self.spec.execution_timeout

    @property
    def due(self) -> float:
        """The time at which it expires or times out."""
        overruns = self.overruns
        return self.expires if overruns is None else min(self.expires, overruns)

    @property
    def delay_time(self) -> float | None:
        """Seconds from the submission to the start of the last run."""
        return None if self.started is None else self.started - self.submitted

    @property
    def execution_time(self) -> float | None:
        """Seconds that the last run took, once it has ended."""
        if self.started is None or self.ended is None:
            return None
        return self.ended - self.started


@frozen
class QueueCounts:
    """The counters of `/health`. *completed*, *failed* and *retried* only grow."""

    completed: int
    failed: int
    retried: int
    in_progress: int
    in_queue: int
    idle: int
    running: int
    initializing: int
    unhealthy: int


@frozen
class Effects:
    """Actions for the caller of the queue after an event."""

    changed: frozenset[str]
    """The ids of changed or forgotten jobs."""
    stopped: tuple[Run, ...]
    """Runs to stop, as they no longer count."""
    ended: tuple[JobRecord, ...] = ()
    """Jobs that have become terminal, as they were then."""
    workers_changed: bool = False
    """Whether a worker has changed."""
    launched: tuple[str, ...] = ()
    """Workers to start."""
    retired: tuple[str, ...] = ()
    """Retired workers to end."""


class UnknownJob(LookupError):
    """The job does not exist, or no longer."""


class NotRetryable(ValueError):
    """Only failed jobs can be retried; the argument is the job's status."""


class JobFaults:
    """Decides which faults apply to a job; each method is called once per chance. Here, none do."""

    def loses_output(self, job_id: str) -> bool:
        """Return whether the output of a job that succeeds is lost."""
        return False

    def expires(self, job_id: str) -> bool:
        """Return whether an ended job is forgotten when a client asks for it."""
        return False


def split_chunk(value: Any, size: int) -> list[Any]:
    """
    Split a chunk into chunks of at most *size* bytes of JSON.

    Only text can be split without changing its type; any other value stays whole.
    """
    if (
        not isinstance(value, str)
        or len(value) < 2
        or len(value) * _MAX_CHARACTER_BYTES + 2 <= size
    ):
        return [value]
    if len(json.dumps(value)) <= size:
        return [value]
    half = len(value) // 2
    return split_chunk(value[:half], size) + split_chunk(value[half:], size)
