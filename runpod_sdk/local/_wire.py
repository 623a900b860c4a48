"""
The API as it stands on the wire: paths, verbs, and the names of fields.

The names come from the generated models, so that a change of the contract is felt here
and nowhere else in this package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from runpod_serverless_api.models import (
    BatchStatus,
    Error,
    ExecutionPolicy,
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

from ._rules.rates import Rate

if TYPE_CHECKING:
    from ._rules.jobs import Counts, Job

__all__ = ["UNSET", "BatchStatus", "ExecutionPolicy", "JobRequest", "JobStatus", "Unset"]

ROOT = "v2"
"""The first segment of every path; the second is the id of the endpoint."""

OFFSET, LIMIT = "offset", "limit"
WAIT = "wait"
TTL = "ttl"
SHORTEST_WAIT, LONGEST_WAIT = 1_000, 300_000  # ms
LONGEST_POLICY = 7 * 86_400_000  # ms

WORKER_KEY = "worker_key"
KEY_HEADER, KEY_SCHEME = b"authorization", "bearer"
RETRY_AFTER = "retry-after"

# What refusals and failures say of fields, by their names on the wire.
EXECUTION_TIMEOUT_ERROR = "executionTimeout exceeded"
WRONG_KIND = {"error": "not allowed for QB API"}
LOST_ERROR = "job timed out after 1 retries"
NOT_OBJECTS = "policy and s3Config must be objects"
NOT_BOOLEAN = "policy.lowPriority must be a boolean"

WEBHOOK = "webhook"

BATCH_ID = "batchId"
"""The member of a handler's job that names its batch."""

JOB_ID = "id"
"""The member of a handler's job that names it; the others are those of the request."""


class Operation(StrEnum):
    """The third segment of a path."""

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


# The documentation has GET where RunPod's Go client has POST: both answer, as in the service.
METHODS: dict[Operation, tuple[str, ...]] = {
    Operation.RUN: ("POST",),
    Operation.RUN_SYNC: ("POST",),
    Operation.STATUS: ("GET", "POST"),
    Operation.STATUS_SYNC: ("GET", "POST"),
    Operation.STREAM: ("GET", "POST"),
    Operation.CANCEL: ("POST",),
    Operation.RETRY: ("POST",),
    Operation.PURGE_QUEUE: ("POST",),
    Operation.HEALTH: ("GET",),
}

# Those that are not named have no limit.
RATES: dict[str, Rate] = {
    Operation.RUN: Rate(1000, 200),
    Operation.RUN_SYNC: Rate(2000, 400),
    Operation.STATUS: Rate(2000, 400),
    Operation.STATUS_SYNC: Rate(2000, 400),
    Operation.STREAM: Rate(2000, 400),
    Operation.CANCEL: Rate(100, 20),
    Operation.PURGE_QUEUE: Rate(2),
    Operation.OPENAI: Rate(2000, 400),
    Operation.REQUESTS: Rate(10, 2),
}

OF_A_JOB = frozenset(
    {
        Operation.STATUS,
        Operation.STATUS_SYNC,
        Operation.STREAM,
        Operation.CANCEL,
        Operation.RETRY,
    }
)
"""Those that have the id of a job as their fourth segment."""


def _milliseconds(seconds: float | None) -> int | Unset:
    return UNSET if seconds is None else round(seconds * 1000)


def job(job: Job) -> dict[str, Any]:
    """Give a job the keys that it has in its state; see the table in `_rules/queue.py`."""
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


def webhook(ended: Job) -> dict[str, Any]:
    """Give the body of a webhook: the job and what it was asked with, but not its worker."""
    asked = JobRequest.from_dict(ended.submission.request)
    body = WebhookPayload.from_dict(job(ended))
    body.input_, body.webhook, body.worker_id = asked.input_, asked.webhook, UNSET
    return body.to_dict()


def job_list(jobs: list[Job], *, total: int, offset: int, limit: int) -> dict[str, Any]:
    """Give the answer of /requests, in a form like that of the requests of a batch."""
    return {
        "requests": [job(one) for one in jobs],
        "total": total,
        "offset": offset,
        "limit": limit,
        "hasMore": offset + len(jobs) < total,
    }


def stream(status: JobStatus, chunks: list[Any]) -> dict[str, Any]:
    """Give the answer of /stream; the list is there even when empty."""
    return JobStream(
        status=status, stream=[StreamChunk(output=chunk) for chunk in chunks]
    ).to_dict()


def health(counts: Counts) -> dict[str, Any]:
    """Give the answer of /health. Workers that could take a job at once are both idle and ready."""
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


def metrics(counts: Counts, ready: list[str]) -> dict[str, Any]:
    """Give the answer of /metrics, of which two members are known; *ready* are ids of workers."""
    return {"readyWorkers": ready, "workers": _workers(counts).to_dict()}


def _workers(counts: Counts) -> WorkerCounts:
    return WorkerCounts(
        idle=counts.idle,
        initializing=counts.initializing,
        ready=counts.idle,
        running=counts.running,
        throttled=0,
        unhealthy=counts.unhealthy,
    )


def purged(removed: int) -> dict[str, Any]:
    """Give the answer of /purge-queue, whose status is in lower case."""
    return PurgeResult(removed=removed, status="completed").to_dict()


def problem(status: HTTPStatus, detail: str) -> dict[str, Any]:
    """Give the body of a refusal; here, `status` is a number."""
    return Error(status=status.value, title=status.phrase, detail=detail).to_dict()


def for_openai(route: str, body: object) -> JobRequest:
    """Make the job that a request of the OpenAI proxy becomes; *body* is UNSET if there is none."""
    asked = {} if body is UNSET else {"openai_input": body}
    return JobRequest(input_={"openai_route": f"/{route}", **asked})


def for_handler(request: JobRequest) -> dict[str, Any]:
    """Keep of a request what the platform hands to the worker; unknown members are not in it."""
    return JobRequest(
        input_=request.input_, webhook=request.webhook, s_3_config=request.s_3_config
    ).to_dict()


def secrets(request: Mapping[str, Any]) -> tuple[str, ...]:
    """Give what of the request that a handler gets is not to be shown."""
    storage = request.get("s3Config")
    given = storage.get("accessSecret") if isinstance(storage, dict) else None
    return (given,) if isinstance(given, str) else ()


def encode(body: object, *, sort: bool = True) -> bytes:
    """Write compact JSON; keys sorted, as the service sends them in all but refusals."""
    return json.dumps(body, separators=(",", ":"), sort_keys=sort).encode()
