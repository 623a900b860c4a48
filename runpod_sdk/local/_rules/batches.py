"""
The rules of batches: drafts until they are finalized, then jobs of the queue like any other.

    from        event        to
    ─────────   ──────────   ──────────────────────────────────────────────────────────────
    ·           create       DRAFT
    DRAFT       add, remove  DRAFT
    DRAFT       finalize     FINALIZED, and its requests are in the queue
    DRAFT       cancel       CANCELLED
    FINALIZED   cancel       FINALIZED, and what waits is cancelled at once; CANCELLED when
                             what runs has ended

A batch stays FINALIZED when all of its requests have ended. None becomes FAILED here. What is
chosen where the facts are unknown stands in `docs/local-endpoint.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import Factory, define, frozen

from runpod_sdk.local._wire import UNSET, BatchStatus, JobStatus

from .jobs import Job, Submission
from .queue import Queue

MOST_ACTIVE = 10
MOST_REQUESTS = 5_000

LOST = "the request was removed from the queue before its end"


class UnknownBatch(LookupError):
    """There is no such batch, or no such request of it; the argument says which."""


class BatchRefused(ValueError):
    """The batch does not allow this; the argument says why."""


@define(eq=False)
class BatchRequest:
    """One request of a batch. *job* is there once it has been in the queue."""

    submission: Submission
    job: Job | None = None
    fate: JobStatus | None = None
    """What became of it outside of the queue: cancelled as a draft, or lost."""

    @property
    def id(self) -> str:
        return self.submission.id

    @property
    def status(self) -> JobStatus:
        if self.fate is not None:
            return self.fate
        return JobStatus.IN_QUEUE if self.job is None else self.job.status

    @property
    def ended(self) -> bool:
        return self.fate is not None or (self.job is not None and self.job.terminal)

    @property
    def started(self) -> float | None:
        return None if self.job is None else self.job.started

    @property
    def completed(self) -> float | None:
        return None if self.job is None else self.job.ended

    @property
    def output(self) -> Any:
        return UNSET if self.job is None else self.job.output

    @property
    def error(self) -> Any:
        if self.fate is JobStatus.FAILED:
            return LOST
        return UNSET if self.job is None else self.job.error


@frozen
class BatchCounts:
    """How far a batch is. What was cancelled with the batch is in the *total* only."""

    total: int
    in_progress: int
    completed: int
    failed: int


@define(eq=False)
class Batch:
    """A batch. *attributes* are whatever a client has given it; *created* is of the clock."""

    id: str
    created: float
    requests: dict[str, BatchRequest] = Factory(dict[str, BatchRequest])
    status: BatchStatus = BatchStatus.DRAFT
    cancelled: bool = False
    attributes: dict[str, Any] = Factory(dict[str, Any])

    @property
    def ended(self) -> bool:
        """Whether nothing of it is still to be done."""
        return self.status is not BatchStatus.DRAFT and all(
            request.ended for request in self.requests.values()
        )

    def counts(self) -> BatchCounts:
        """Count its requests. A request that was cancelled by itself counts as failed."""
        states = [request.status for request in self.requests.values()]
        failed = states.count(JobStatus.FAILED)
        return BatchCounts(
            total=len(states),
            in_progress=states.count(JobStatus.IN_PROGRESS),
            completed=states.count(JobStatus.COMPLETED),
            failed=failed + (0 if self.cancelled else states.count(JobStatus.CANCELLED)),
        )


class Batches:
    """The batches of one endpoint, whose jobs go through *queue*. Times are as in the queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._batches: dict[str, Batch] = {}

    def create(self, now: float, batch_id: str, submissions: Iterable[Submission]) -> Batch:
        """Begin a draft; BatchRefused if there are too many batches or requests."""
        if sum(not batch.ended for batch in self.all(now)) >= MOST_ACTIVE:
            raise BatchRefused(f"there may be {MOST_ACTIVE} active batches")
        batch = Batch(batch_id, now)
        self._fill(batch, submissions)
        self._batches[batch_id] = batch
        return batch

    def get(self, now: float, batch_id: str) -> Batch:
        """Look a batch up; UnknownBatch if there is none."""
        self._queue.sweep(now)
        try:
            batch = self._batches[batch_id]
        except KeyError:
            raise UnknownBatch("batch") from None
        self._catch_up(batch)
        return batch

    def all(self, now: float) -> list[Batch]:
        """List the batches, the newest first."""
        self._queue.sweep(now)
        for batch in self._batches.values():
            self._catch_up(batch)
        return list(reversed(self._batches.values()))

    def update(self, now: float, batch_id: str, attributes: Mapping[str, Any]) -> Batch:
        """Keep what a client says of a batch, whatever its status."""
        batch = self.get(now, batch_id)
        batch.attributes.update(attributes)
        return batch

    def add(self, now: float, batch_id: str, submissions: Iterable[Submission]) -> Batch:
        """Add requests to a draft; BatchRefused if it is none, or there would be too many."""
        batch = self._draft(now, batch_id)
        self._fill(batch, submissions)
        return batch

    def remove(self, now: float, batch_id: str, request_id: str) -> Batch:
        """Remove a request from a draft; UnknownBatch if it has no such request."""
        batch = self._draft(now, batch_id)
        if batch.requests.pop(request_id, None) is None:
            raise UnknownBatch("request")
        return batch

    def finalize(self, now: float, batch_id: str) -> Batch:
        """Put the requests of a draft into the queue."""
        batch = self._draft(now, batch_id)
        batch.status = BatchStatus.FINALIZED
        for request in batch.requests.values():
            request.job = self._queue.submit(now, request.submission)
        return batch

    def cancel(self, now: float, batch_id: str) -> Batch:
        """Cancel what waits, and let what runs end; of no effect when nothing is left to do."""
        batch = self.get(now, batch_id)
        if batch.ended:
            return batch
        batch.cancelled = True
        for request in batch.requests.values():
            if request.job is None:
                request.fate = JobStatus.CANCELLED
            elif request.status is JobStatus.IN_QUEUE:
                self._queue.cancel(now, request.id)
        if batch.status is BatchStatus.DRAFT:
            batch.status = BatchStatus.FINALIZED
        self._catch_up(batch)
        return batch

    def _draft(self, now: float, batch_id: str) -> Batch:
        batch = self.get(now, batch_id)
        if batch.status is not BatchStatus.DRAFT:
            raise BatchRefused(f"only a draft can be changed, this one is {batch.status}")
        return batch

    def _fill(self, batch: Batch, submissions: Iterable[Submission]) -> None:
        requests = [BatchRequest(submission) for submission in submissions]
        if len(batch.requests) + len(requests) > MOST_REQUESTS:
            raise BatchRefused(f"a batch may have {MOST_REQUESTS} requests")
        batch.requests.update((request.id, request) for request in requests)

    def _catch_up(self, batch: Batch) -> None:
        """Note what time and the queue have done to a batch."""
        if batch.status is not BatchStatus.FINALIZED:
            return
        for request in batch.requests.values():
            if not request.ended and request.id not in self._queue.jobs:
                request.fate = JobStatus.FAILED
        if batch.cancelled and batch.ended:
            batch.status = BatchStatus.CANCELLED
