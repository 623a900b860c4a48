"""The operations of the batch API, with their requests and responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from attrs import frozen

from runpod_sdk._flows.api import parse
from runpod_sdk._flows.api.status_errors import refuse
from runpod_sdk._flows.operation import Operation
from runpod_sdk._flows.retry import RepeatSafety
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk.batches import BatchResult, BatchState, BatchStatus
from runpod_sdk.models import JSONValue
from runpod_sdk.settings import LARGEST_RUN
from runpod_serverless_api import models as wire
from runpod_serverless_api.api.batches import (
    add_batch_requests,
    cancel_batch,
    create_batch,
    finalize_batch,
    get_batch,
    list_batch_requests,
)

_STATUSES = {status.value: status for status in BatchStatus}
_BATCH = frozenset(
    wire.Batch(
        id="",
        status="",
        endpoint_id="",
        request_total=0,
        request_in_progress=0,
        request_completed=0,
        request_failed=0,
        created_at=0,
    ).to_dict()
) - {"endpointId"}
_REQUEST = frozenset(
    wire.BatchRequest(
        id="", status="", output=None, error=None, started_at="", completed_at=""
    ).to_dict()
)


@frozen
class ResultPage:
    """A page of a batch's requests."""

    results: tuple[BatchResult, ...]
    has_more: bool


def create(endpoint_id: str, requests: Sequence[wire.JobRequest]) -> Operation[BatchState]:
    return Operation(
        f"creation of a batch on endpoint {endpoint_id}",
        RepeatSafety.CHANGE,
        partial(create_batch.asyncio_detailed, endpoint_id, body=list(requests)),
        _batch,
        refuse,
        largest=LARGEST_RUN,
    )


def add(endpoint_id: str, batch_id: str, requests: Sequence[wire.JobRequest]) -> Operation[None]:
    body = wire.BatchAddition(requests=list(requests))
    return Operation(
        f"addition to batch {batch_id}",
        RepeatSafety.CHANGE,
        partial(add_batch_requests.asyncio_detailed, endpoint_id, batch_id, body=body),
        _nothing,
        refuse,
        largest=LARGEST_RUN,
        any_body=True,
    )


def finalize(endpoint_id: str, batch_id: str) -> Operation[None]:
    return Operation(
        f"finalize of batch {batch_id}",
        RepeatSafety.CHANGE,
        partial(finalize_batch.asyncio_detailed, endpoint_id, batch_id),
        _nothing,
        refuse,
        any_body=True,
    )


def cancel(endpoint_id: str, batch_id: str) -> Operation[None]:
    return Operation(
        f"cancel of batch {batch_id}",
        RepeatSafety.CHANGE,
        partial(cancel_batch.asyncio_detailed, endpoint_id, batch_id),
        _nothing,
        refuse,
        any_body=True,
    )


def get(endpoint_id: str, batch_id: str) -> Operation[BatchState]:
    return Operation(
        f"status of batch {batch_id}",
        RepeatSafety.READ,
        partial(get_batch.asyncio_detailed, endpoint_id, batch_id),
        _batch,
        refuse,
    )


def page(endpoint_id: str, batch_id: str, offset: int, limit: int) -> Operation[ResultPage]:
    return Operation(
        f"results of batch {batch_id}",
        RepeatSafety.READ,
        partial(
            list_batch_requests.asyncio_detailed, endpoint_id, batch_id, offset=offset, limit=limit
        ),
        _page,
        refuse,
    )


def _nothing(_: object, __: Mapping[str, JSONValue]) -> None:
    """Read a response whose format is not documented."""


def _batch(batch: wire.Batch, body: Mapping[str, JSONValue]) -> BatchState:
    if not isinstance(batch.id, str) or not batch.id:
        raise TypeError("it has no usable id")
    return BatchState(
        id=batch.id,
        status=_STATUSES.get(str(batch.status), str(batch.status)),
        total=parse.count_of(batch.request_total),
        in_progress=parse.count_of(batch.request_in_progress),
        completed=parse.count_of(batch.request_completed),
        failed=parse.count_of(batch.request_failed),
        created_at=_moment(batch.created_at),
        extra=parse.others_of(body, _BATCH),
        wire=body,
    )


def _page(page: wire.BatchRequestPage, _: Mapping[str, JSONValue]) -> ResultPage:
    requests = page.requests or []
    return ResultPage(tuple(_result(request) for request in requests), page.has_more is True)


def _result(request: wire.BatchRequest) -> BatchResult:
    if not isinstance(request, wire.BatchRequest):
        raise TypeError("a request is not an object")
    body = request.to_dict()
    return BatchResult(
        id=str(request.id),
        status=parse.status_of(request.status),
        output=parse.value_of(request.output),
        error=parse.text_of(request.error),
        started_at=_moment(request.started_at),
        completed_at=_moment(request.completed_at),
        extra=parse.others_of(body, _REQUEST),
        wire=body,
    )


def _moment(value: Any) -> datetime | None:
    """Parse milliseconds since the epoch, or ISO 8601; return None for other formats."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError) as error:
        if raised_by_signal_handler(error):
            raise
        return None
