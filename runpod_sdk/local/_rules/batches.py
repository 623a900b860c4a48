"""
The rules of batches: a batch is a draft until it is finalized; then its requests are jobs.

    from        event        to
    ─────────   ──────────   ──────────────────────────────────────────────────────────────
    ·           create       DRAFT
    DRAFT       add, remove  DRAFT
    DRAFT       finalize     FINALIZED, and its requests are in the queue
    DRAFT       cancel       CANCELLED
    FINALIZED   cancel       FINALIZED, and its queued jobs are cancelled at once; CANCELLED
                             when its running jobs have ended

A batch stays FINALIZED when all of its requests have ended. No batch becomes FAILED.
`docs/local-endpoint.md` lists the choices where the facts are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import Factory, define, frozen

from runpod_serverless_api.models import BatchStatus, JobStatus
from runpod_serverless_api.types import UNSET

from .jobs import JobRecord, JobSpec
from .queue import Queue

MAX_ACTIVE = 10
MAX_REQUESTS = 5_000

LOST = "the request was removed from the queue before its end"


class UnknownBatch(LookupError):
    """The batch, or the request in it, does not exist; the argument is which of the two."""


class BatchRefused(ValueError):
    """The change of a batch is not allowed; the argument is the reason."""


@define(eq=False)
class BatchRequest:
    """One request of a batch. *job* is set once the request is in the queue."""

    spec: JobSpec
    job: JobRecord | None = None
    fate: JobStatus | None = None
    """Its status if it ended outside the queue: cancelled as a draft, or lost."""

    @property
    def id(self) -> str:
        return self.spec.id

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
    """A batch's requests by status. Those cancelled with the batch count in *total* only."""

    total: int
    in_progress: int
    completed: int
    failed: int


@define(eq=False)
class BatchRecord:
    """A batch. *attributes* are the members that clients set; *created* is the clock's time."""

    id: str
    created: float
    requests: dict[str, BatchRequest] = Factory(dict[str, BatchRequest])
    status: BatchStatus = BatchStatus.DRAFT
    cancelled: bool = False
    attributes: dict[str, Any] = Factory(dict[str, Any])

    @property
    def ended(self) -> bool:
        """Whether all of its requests have ended."""
        return self.status is not BatchStatus.DRAFT and all(
            request.ended for request in self.requests.values()
        )

    def counts(self) -> BatchCounts:
        """Count its requests. A request that was cancelled on its own counts as failed."""
        states = [request.status for request in self.requests.values()]
        failed = states.count(JobStatus.FAILED)
        return BatchCounts(
            total=len(states),
            in_progress=states.count(JobStatus.IN_PROGRESS),
            completed=states.count(JobStatus.COMPLETED),
            failed=failed + (0 if self.cancelled else states.count(JobStatus.CANCELLED)),
        )


class Batches:
    """The batches of one endpoint, whose requests become jobs of *queue*."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._batches: dict[str, BatchRecord] = {}

    def create(self, now: float, batch_id: str, specs: Iterable[JobSpec]) -> BatchRecord:
        """Create a draft; raise BatchRefused if there are too many batches or requests."""
        if sum(not batch.ended for batch in self.all(now)) >= MAX_ACTIVE:
            raise BatchRefused(f"at most {MAX_ACTIVE} batches can be active")
        batch = BatchRecord(batch_id, now)
        self._fill(batch, specs)
        self._batches[batch_id] = batch
        return batch

    def get(self, now: float, batch_id: str) -> BatchRecord:
        """Return a batch; raise UnknownBatch if it does not exist."""
        self._queue.advance(now)
        try:
            batch = self._batches[batch_id]
        except KeyError:
            raise UnknownBatch("batch") from None
        self._catch_up(batch)
        return batch

    def all(self, now: float) -> list[BatchRecord]:
        """Return the batches, the newest first."""
        self._queue.advance(now)
        for batch in self._batches.values():
            self._catch_up(batch)
        return list(reversed(self._batches.values()))

    def update(self, now: float, batch_id: str, attributes: Mapping[str, Any]) -> BatchRecord:
        """Set a batch's attributes, in any status."""
        batch = self.get(now, batch_id)
        batch.attributes.update(attributes)
        return batch

    def add(self, now: float, batch_id: str, specs: Iterable[JobSpec]) -> BatchRecord:
        """Add requests to a draft; raise BatchRefused if it is no draft or would have too many."""
        batch = self._draft(now, batch_id)
        self._fill(batch, specs)
        return batch

    def remove(self, now: float, batch_id: str, request_id: str) -> BatchRecord:
        """Remove a request from a draft; raise UnknownBatch if it has no such request."""
        batch = self._draft(now, batch_id)
        if batch.requests.pop(request_id, None) is None:
            raise UnknownBatch("request")
        return batch

    def finalize(self, now: float, batch_id: str) -> BatchRecord:
        """Put the requests of a draft into the queue."""
        batch = self._draft(now, batch_id)
        batch.status = BatchStatus.FINALIZED
        for request in batch.requests.values():
            request.job = self._queue.submit(now, request.spec)
        return batch

    def cancel(self, now: float, batch_id: str) -> BatchRecord:
        """Cancel the queued requests and let running ones end; does nothing if all have ended."""
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

    def _draft(self, now: float, batch_id: str) -> BatchRecord:
        batch = self.get(now, batch_id)
        if batch.status is not BatchStatus.DRAFT:
            raise BatchRefused(f"only a draft can be changed; this batch is {batch.status}")
        return batch

    def _fill(self, batch: BatchRecord, specs: Iterable[JobSpec]) -> None:
        requests = [BatchRequest(spec) for spec in specs]
        if len(batch.requests) + len(requests) > MAX_REQUESTS:
            raise BatchRefused(f"a batch can have at most {MAX_REQUESTS} requests")
        batch.requests.update((request.id, request) for request in requests)

    def _catch_up(self, batch: BatchRecord) -> None:
        """Update a batch from the queue."""
        if batch.status is not BatchStatus.FINALIZED:
            return
        for request in batch.requests.values():
            if not request.ended and request.id not in self._queue.jobs:
                request.fate = JobStatus.FAILED
        if batch.cancelled and batch.ended:
            batch.status = BatchStatus.CANCELLED
