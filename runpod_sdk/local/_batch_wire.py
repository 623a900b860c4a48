"""The responses of the batch API; `_wire` contains all other responses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from runpod_serverless_api.models import Batch as BatchAnswer
from runpod_serverless_api.models import BatchChange, BatchListing, BatchRequestPage
from runpod_serverless_api.models import BatchRequest as BatchRequestAnswer
from runpod_serverless_api.types import UNSET, Unset

from ._rules.batches import BatchRecord, BatchRequest

REQUESTS = "requests"

# The rest of a path, after the operation.
ALL = ""
ONE = "/{batch}"
REQUESTS_OF_ONE = "/{batch}/requests"
REQUEST_OF_ONE = "/{batch}/requests/{request}"
FINALIZE = "/{batch}/finalize"
CANCEL = "/{batch}/cancel"


def batch_document(batch: BatchRecord, *, endpoint_id: str, epoch: float) -> dict[str, Any]:
    """Return a batch as JSON; *epoch* is the beginning of 1970 on the queue's clock."""
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


def change_document(batch: BatchRecord) -> dict[str, Any]:
    """Return the answer to the creation or a change of a batch."""
    return BatchChange(id=batch.id, status=batch.status).to_dict()


def list_document(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the list of batches, in a form like a batch's list of requests."""
    listing = BatchListing()
    listing.additional_properties["batches"] = batches
    return listing.to_dict()


def page_document(
    requests: list[BatchRequest], *, total: int, offset: int, limit: int, epoch: float
) -> dict[str, Any]:
    """Return a page of a batch's requests."""

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
