"""Batches as they stand on the wire; see `_wire` for all else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from runpod_serverless_api.models import Batch as BatchAnswer
from runpod_serverless_api.models import BatchChange, BatchListing, BatchRequestPage
from runpod_serverless_api.models import BatchRequest as BatchRequestAnswer

from ._rules.batches import Batch, BatchRequest
from ._wire import UNSET, Unset

REQUESTS = "requests"

# What follows the operation's own segment in a path.
ALL = ""
ONE = "/{batch}"
REQUESTS_OF_ONE = "/{batch}/requests"
REQUEST_OF_ONE = "/{batch}/requests/{request}"
FINALIZE = "/{batch}/finalize"
CANCEL = "/{batch}/cancel"


def told(batch: Batch, *, endpoint_id: str, epoch: float) -> dict[str, Any]:
    """Give the answer of a batch; *epoch* is the beginning of 1970 on the clock of the queue."""
    counts = batch.counts()
    answer = BatchAnswer(
        id=batch.id,
        status=batch.status,
        endpoint_id=endpoint_id,
        request_total=counts.total,
        request_in_progress=counts.in_progress,
        request_completed=counts.completed,
        request_failed=counts.failed,
        created_at=round((batch.created - epoch) * 1000),
    )
    return batch.attributes | answer.to_dict()


def changed(batch: Batch) -> dict[str, Any]:
    """Give the answer to a change of a batch, which is that to its creation."""
    return BatchChange(id=batch.id, status=batch.status).to_dict()


def listed(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the list of batches, in a form like that of the requests of a batch."""
    listing = BatchListing()
    listing.additional_properties["batches"] = batches
    return listing.to_dict()


def page(
    requests: list[BatchRequest], *, total: int, offset: int, limit: int, epoch: float
) -> dict[str, Any]:
    """Give a page of the requests of a batch."""

    def instant(time: float | None) -> str | Unset:
        if time is None:
            return UNSET
        return datetime.fromtimestamp(time - epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    return BatchRequestPage(
        requests=[
            BatchRequestAnswer(
                id=request.id,
                status=request.status,
                output=request.output,
                error=request.error,
                started_at=instant(request.started),
                completed_at=instant(request.completed),
            )
            for request in requests
        ],
        total=total,
        offset=offset,
        limit=limit,
        has_more=offset + len(requests) < total,
    ).to_dict()
