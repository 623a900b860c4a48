"""What the queue works with: what was asked for, a job, a run of it, its result, refusals."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

from attrs import Factory, define, frozen

from runpod_sdk.local._wire import UNSET, JobStatus, Unset

TERMINAL = frozenset(
    {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.TIMED_OUT}
)
RETRYABLE = frozenset({JobStatus.FAILED, JobStatus.TIMED_OUT})

_LONGEST_CHARACTER = 12  # bytes of JSON: an escaped surrogate pair


@frozen
class Submission:
    """What a client asked for. *request* is for the handler, never changed; times in seconds."""

    id: str
    request: Mapping[str, Any]
    execution_timeout: float
    ttl: float
    retention: float
    low_priority: bool = False
    """Whether it is no reason for more workers."""


@frozen
class Run:
    """One attempt of one worker at one job. No two are equal: *serial* is never used again."""

    serial: int
    job_id: str
    worker: str


@frozen
class Result:
    """What a worker says at the end of a run. *error* is whatever it sent, *output* any JSON."""

    output: Any = UNSET
    error: Any = UNSET
    recycle: bool = False
    """Whether the worker asks to be replaced."""


@define(eq=False)
class Job:
    """A job as the queue knows it. Instants are those of the clock that the queue is given."""

    submission: Submission
    submitted: float
    expires: float
    """When it is forgotten: by its TTL until it is terminal, by its retention after that."""
    status: JobStatus = JobStatus.IN_QUEUE
    run: Run | None = None
    """The run that may still change it; only in IN_PROGRESS."""
    started: float | None = None
    ended: float | None = None
    worker: str | None = None
    retries: int = 0
    """How often it was queued again because its worker had vanished."""
    output: Any = UNSET
    error: str | Unset = UNSET
    chunks: deque[Any] = Factory(deque[Any])
    """What was yielded and not yet given to anybody."""

    @property
    def id(self) -> str:
        return self.submission.id

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def overruns(self) -> float | None:
        """The instant of the execution timeout, while it runs."""
        if self.run is None or self.started is None:
            return None
        return self.started + self.submission.execution_timeout

    @property
    def due(self) -> float:
        """The instant at which time alone changes it."""
        overruns = self.overruns
        return self.expires if overruns is None else min(self.expires, overruns)

    @property
    def delay_time(self) -> float | None:
        """Seconds from the submission to the start of the last run."""
        return None if self.started is None else self.started - self.submitted

    @property
    def execution_time(self) -> float | None:
        """Seconds that the last run took, once it is over."""
        if self.started is None or self.ended is None:
            return None
        return self.ended - self.started


@frozen
class Counts:
    """What `/health` tells. *completed*, *failed* and *retried* only ever grow."""

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
    """What others have to do about an event."""

    changed: frozenset[str]
    """Jobs of which there is news; also that they are gone."""
    stopped: tuple[Run, ...]
    """Runs that no longer count."""
    ended: tuple[Job, ...] = ()
    """Jobs that have become terminal, as they were then."""
    workers_changed: bool = False
    """Whether there is news of workers."""
    launched: tuple[str, ...] = ()
    """Workers to be started."""
    retired: tuple[str, ...] = ()
    """Workers that have gone, and are to be ended."""


class UnknownJob(LookupError):
    """There is no such job, or no longer."""


class NotRetryable(ValueError):
    """The job did not fail; the argument is its status."""


class Mishaps:
    """Decide whether something goes wrong; asked once for each chance. Here, nothing does."""

    def loses_output(self, job_id: str) -> bool:
        """Tell whether the output of a job that succeeds is lost."""
        return False

    def expires(self, job_id: str) -> bool:
        """Tell whether a job that has ended is gone when it is asked for."""
        return False


def split(value: Any, size: int) -> list[Any]:
    """
    Give a chunk as several, none of them longer than *size* bytes of JSON.

    Only a text can be split without changing what it is; anything else comes whole.
    """
    if not isinstance(value, str) or len(value) < 2 or len(value) * _LONGEST_CHARACTER + 2 <= size:
        return [value]
    if len(json.dumps(value)) <= size:
        return [value]
    half = len(value) // 2
    return split(value[:half], size) + split(value[half:], size)
