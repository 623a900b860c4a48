"""
Values of the service's batch API. Experimental: RunPod documents its responses only in part.

See `Endpoint.batches` and docs/service-batches.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from runpod_sdk.files import OutputFile, files_of
from runpod_sdk.models import JobStatus, JSONValue, Received, short

__all__ = ["BatchResult", "BatchState", "BatchStatus"]


class BatchStatus(StrEnum):
    """Statuses of a batch; a status that this version does not know is a plain string."""

    DRAFT = "DRAFT"
    FINALIZED = "FINALIZED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@frozen(kw_only=True)
class BatchState(Received):
    """A snapshot of a batch, as the server described it."""

    id: str
    status: BatchStatus | str
    total: int | None = None
    """Number of requests; None if the server does not say."""
    in_progress: int | None = None
    completed: int | None = None
    """Number of requests that succeeded."""
    failed: int | None = None
    created_at: datetime | None = None
    extra: Mapping[str, JSONValue] = field(factory=dict, repr=short)
    """Other members of the response, by their wire names."""

    @property
    def finished(self) -> bool:
        """Whether no request will change any more: all have ended, or the batch has."""
        if self.status in (BatchStatus.FAILED, BatchStatus.CANCELLED):
            return True
        if self.status != BatchStatus.FINALIZED or self.total is None:
            return False
        return (self.completed or 0) + (self.failed or 0) >= self.total


@frozen(kw_only=True)
class BatchResult(Received):
    """One request of a batch, with its result if it has ended."""

    id: str
    status: JobStatus | str
    output: Any = field(default=None, repr=short)
    error: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    extra: Mapping[str, JSONValue] = field(factory=dict, repr=short)
    """Other members of the response, by their wire names."""

    @property
    def succeeded(self) -> bool:
        """Whether the request has completed without an error."""
        return self.status == JobStatus.COMPLETED

    @property
    def files(self) -> list[OutputFile]:
        """The files in the output; see `JobState.files`."""
        return files_of(self.output)
