"""
The API's paths, verbs and documents.

Field names come from the generated models, so that a change of the API document changes this
module and no other one of this package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from runpod_serverless_api.models import (
    Error,
    Health,
    JobCounts,
    JobRequest,
    JobStatus,
    JobStream,
    PurgeResult,
    StreamChunk,
    WebhookPayload,
    WorkerCounts,
)
from runpod_serverless_api.models import Job as JobAnswer
from runpod_serverless_api.types import UNSET, Unset

from ._rules.jobs import JobRecord, QueueCounts
from ._rules.rates import Rate

ROOT = "v2"
"""The first segment of every path; the second is the id of the endpoint."""

OFFSET, LIMIT = "offset", "limit"
WAIT = "wait"
TTL = "ttl"
MIN_WAIT, MAX_WAIT = 1_000, 300_000  # ms
MAX_POLICY = 7 * 86_400_000  # ms

WORKER_KEY = "worker_key"
KEY_HEADER, KEY_SCHEME = b"authorization", "bearer"
RETRY_AFTER = "retry-after"

# Error texts that contain field names.
WRONG_KIND = {"error": "not allowed for QB API"}
NOT_OBJECTS = "policy and s3Config must be objects"
NOT_BOOLEAN = "policy.lowPriority must be a boolean"

WEBHOOK = "webhook"

BATCH_ID = "batchId"
"""The member of a handler's job with the batch's id."""

JOB_ID = "id"
"""The member of a handler's job with its id; the other members are the request's."""


class OperationName(StrEnum):
    """An operation, by the third segment of its path."""

    RUN = "run"
    RUN_SYNC = "runsync"
    STATUS = "status"
    STATUS_SYNC = "status-sync"
    STREAM = "stream"
    CANCEL = "cancel"
    RETRY = "retry"
    PURGE_QUEUE = "purge-queue"
    HEALTH = "health"
    REQUESTS = "requests"
    METRICS = "metrics"
    OPENAI = "openai"
    BATCH = "batch"


# The documentation has GET where RunPod's Go client has POST: both work, as in the service.
METHODS: dict[OperationName, tuple[str, ...]] = {
    OperationName.RUN: ("POST",),
    OperationName.RUN_SYNC: ("POST",),
    OperationName.STATUS: ("GET", "POST"),
    OperationName.STATUS_SYNC: ("GET", "POST"),
    OperationName.STREAM: ("GET", "POST"),
    OperationName.CANCEL: ("POST",),
    OperationName.RETRY: ("POST",),
    OperationName.PURGE_QUEUE: ("POST",),
    OperationName.HEALTH: ("GET",),
}

# Other operations have no limit.
RATES: dict[str, Rate] = {
    OperationName.RUN: Rate(1000, 200),
    OperationName.RUN_SYNC: Rate(2000, 400),
    OperationName.STATUS: Rate(2000, 400),
    OperationName.STATUS_SYNC: Rate(2000, 400),
    OperationName.STREAM: Rate(2000, 400),
    OperationName.CANCEL: Rate(100, 20),
    OperationName.PURGE_QUEUE: Rate(2),
    OperationName.OPENAI: Rate(2000, 400),
    OperationName.REQUESTS: Rate(10, 2),
}

JOB_OPERATIONS = frozenset(
    {
        OperationName.STATUS,
        OperationName.STATUS_SYNC,
        OperationName.STREAM,
        OperationName.CANCEL,
        OperationName.RETRY,
    }
)
"""The operations with a job's id as the fourth segment."""


def _milliseconds(seconds: float | None) -> int | Unset:
    return UNSET if seconds is None else round(seconds * 1000)


def job(job: JobRecord) -> dict[str, Any]:
    """Return a job as JSON; see the table of its keys in `_rules/__init__.py`."""
    return JobAnswer(
        id=job.id,
        status=job.status,
        delay_time=_milliseconds(job.delay_time),
        execution_time=_milliseconds(job.execution_time),
        worker_id=job.worker if job.worker is not None else UNSET,
        output=job.output,
        error=job.error,
        retries=job.retries or UNSET,
    ).to_dict()


def webhook(ended: JobRecord) -> dict[str, Any]:
    """Return the body of a webhook: the job with its input, without its worker."""
    asked = JobRequest.from_dict(ended.spec.request)
    body = WebhookPayload.from_dict(job(ended))
    body.input_, body.webhook, body.worker_id = asked.input_, asked.webhook, UNSET
    return body.to_dict()


def job_list(jobs: list[JobRecord], *, total: int, offset: int, limit: int) -> dict[str, Any]:
    """Return the answer of /requests, in a form like a batch's list of requests."""
    return {
        "requests": [job(one) for one in jobs],
        "total": total,
        "offset": offset,
        "limit": limit,
        "hasMore": offset + len(jobs) < total,
    }


def stream(status: JobStatus, chunks: list[Any]) -> dict[str, Any]:
    """Return the answer of /stream; the list is present even if empty."""
    return JobStream(
        status=status, stream=[StreamChunk(output=chunk) for chunk in chunks]
    ).to_dict()


def health(counts: QueueCounts) -> dict[str, Any]:
    """Return the answer of /health. Workers that can take a job at once are idle and ready."""
    return Health(
        jobs=JobCounts(
            completed=counts.completed,
            failed=counts.failed,
            in_progress=counts.in_progress,
            in_queue=counts.in_queue,
            retried=counts.retried,
        ),
        workers=_workers(counts),
    ).to_dict()


def metrics(counts: QueueCounts, ready: list[str]) -> dict[str, Any]:
    """Return the answer of /metrics, of which two members are known; *ready* are worker ids."""
    return {"readyWorkers": ready, "workers": _workers(counts).to_dict()}


def _workers(counts: QueueCounts) -> WorkerCounts:
    return WorkerCounts(
        idle=counts.idle,
        initializing=counts.initializing,
        ready=counts.idle,
        running=counts.running,
        throttled=0,
        unhealthy=counts.unhealthy,
    )


def purged(removed: int) -> dict[str, Any]:
    """Return the answer of /purge-queue, whose status is in lower case."""
    return PurgeResult(removed=removed, status="completed").to_dict()


def problem(status: HTTPStatus, detail: str) -> dict[str, Any]:
    """Return the body of an error, where `status` is a number."""
    return Error(status=status.value, title=status.phrase, detail=detail).to_dict()


def for_openai(route: str, body: object) -> JobRequest:
    """Return the job request for a request to the OpenAI proxy; *body* may be UNSET."""
    asked = {} if body is UNSET else {"openai_input": body}
    return JobRequest(input_={"openai_route": f"/{route}", **asked})


def for_handler(request: JobRequest) -> dict[str, Any]:
    """Return the members of a request that the service hands to workers: the known ones."""
    return JobRequest(
        input_=request.input_, webhook=request.webhook, s_3_config=request.s_3_config
    ).to_dict()


def input_of(request: Mapping[str, Any]) -> Any:
    """Return the input in a handler's request."""
    return request["input"]


def secrets(request: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the secrets in a handler's request."""
    storage = request.get("s3Config")
    given = storage.get("accessSecret") if isinstance(storage, dict) else None
    return (given,) if isinstance(given, str) else ()


_AS_WRITTEN: Final = frozenset({"input", "output"})

_compact = json.JSONEncoder(separators=(",", ":")).encode


def encode(body: object, *, sort: bool = True) -> bytes:
    """
    Return compact JSON.

    As in the service's responses, except errors, the API's own keys are sorted. Inputs and
    outputs keep the order in which they were written.
    """
    return _compact(_sorted(body) if sort else body).encode()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: value[key] if key in _AS_WRITTEN else _sorted(value[key]) for key in sorted(value)
        }
    return [_sorted(inner) for inner in value] if isinstance(value, list) else value
