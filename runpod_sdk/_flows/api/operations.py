"""
Define each operation of the API: its kind, its request and its response.

A generated function is imported with its operation if no other operation needs its models.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from runpod_sdk import models
from runpod_sdk._flows.api import parse
from runpod_sdk._flows.api.build import milliseconds
from runpod_sdk._flows.api.status_errors import refuse
from runpod_sdk._flows.operation import Operation
from runpod_sdk._flows.rate_limit import RateLimitedCall
from runpod_sdk._flows.retry import RepeatSafety
from runpod_sdk.settings import LARGEST_RUN, LARGEST_RUN_SYNC
from runpod_serverless_api import AuthenticatedClient
from runpod_serverless_api.api.jobs import (
    cancel_job,
    get_job_status,
    get_job_status_sync,
    retry_job,
    run_job,
    run_job_sync,
)
from runpod_serverless_api.models import JobRequest

if TYPE_CHECKING:
    from runpod_sdk._flows.api.parse_stream import StreamPage


def run(endpoint_id: str, request: JobRequest) -> Operation[models.JobState]:
    return Operation(
        f"run on endpoint {endpoint_id}",
        RepeatSafety.SUBMIT,
        partial(run_job.asyncio_detailed, endpoint_id, body=request),
        parse.submitted,
        refuse,
        complete=parse.complete_submission,
        largest=LARGEST_RUN,
        limit=RateLimitedCall.RUN,
        secrets=_secrets(request),
    )


def run_sync(endpoint_id: str, request: JobRequest, poll_wait: float) -> Operation[models.JobState]:
    ask = partial(
        run_job_sync.asyncio_detailed, endpoint_id, body=request, wait=milliseconds(poll_wait)
    )
    action = f"run_sync on endpoint {endpoint_id}"
    return Operation(
        action,
        RepeatSafety.SUBMIT,
        ask,
        parse.submitted,
        refuse,
        poll_wait,
        complete=parse.complete_submission,
        largest=LARGEST_RUN_SYNC,
        limit=RateLimitedCall.RUN_SYNC,
        secrets=_secrets(request),
    )


def _secrets(request: JobRequest) -> tuple[str, ...]:
    secret: object = request.s_3_config.access_secret if request.s_3_config else None
    return (secret,) if isinstance(secret, str) else ()


def status(endpoint_id: str, job_id: str) -> Operation[models.JobState]:
    ask = partial(get_job_status.asyncio_detailed, endpoint_id, job_id)
    action = f"status of job {job_id}"
    return Operation(
        action,
        RepeatSafety.READ,
        ask,
        parse.job_state,
        refuse,
        job_id=job_id,
        complete=parse.complete_job,
        limit=RateLimitedCall.STATUS,
    )


def status_sync(endpoint_id: str, job_id: str, poll_wait: float) -> Operation[models.JobState]:
    wait = milliseconds(poll_wait)
    ask = partial(get_job_status_sync.asyncio_detailed, endpoint_id, job_id, wait=wait)
    action = f"waiting for job {job_id}"
    return Operation(
        action,
        RepeatSafety.READ,
        ask,
        parse.job_state,
        refuse,
        poll_wait,
        job_id,
        complete=parse.complete_job,
        has_fallback=True,
        limit=RateLimitedCall.STATUS,
    )


def stream(endpoint_id: str, job_id: str, poll_wait: float) -> Operation[StreamPage]:
    from runpod_sdk._flows.api.parse_stream import stream_page
    from runpod_serverless_api.api.jobs import stream_job

    ask = partial(stream_job.asyncio_detailed, endpoint_id, job_id, wait=milliseconds(poll_wait))
    action = f"stream of job {job_id}"
    return Operation(
        action,
        RepeatSafety.CONSUME,
        ask,
        stream_page,
        refuse,
        poll_wait,
        job_id,
        complete=parse.check_stream,
        limit=RateLimitedCall.STREAM,
    )


def cancel(endpoint_id: str, job_id: str) -> Operation[models.JobState]:
    ask = partial(cancel_job.asyncio_detailed, endpoint_id, job_id)
    action = f"cancel of job {job_id}"
    return Operation(
        action,
        RepeatSafety.CHANGE,
        ask,
        parse.job_state,
        refuse,
        job_id=job_id,
        complete=parse.complete_job,
        limit=RateLimitedCall.CANCEL,
    )


def retry(endpoint_id: str, job_id: str) -> Operation[models.JobState]:
    ask = partial(retry_job.asyncio_detailed, endpoint_id, job_id)
    return Operation(
        f"retry of job {job_id}",
        RepeatSafety.CHANGE,
        ask,
        parse.job_state,
        refuse,
        job_id=job_id,
        complete=parse.complete_job,
    )


def health(endpoint_id: str) -> Operation[models.EndpointHealth]:
    from runpod_serverless_api.api.endpoints import get_health

    ask = partial(get_health.asyncio_detailed, endpoint_id)
    return Operation(
        f"health of endpoint {endpoint_id}", RepeatSafety.READ, ask, parse.health, refuse
    )


def purge(endpoint_id: str) -> Operation[models.PurgeResult]:
    from runpod_serverless_api.api.endpoints import purge_queue

    ask = partial(purge_queue.asyncio_detailed, endpoint_id)
    action = f"purge_queue of endpoint {endpoint_id}"
    return Operation(
        action, RepeatSafety.PURGE, ask, parse.purge_result, refuse, limit=RateLimitedCall.PURGE
    )


def authorization(api_key: str) -> dict[str, str]:
    """Return the header that carries *api_key*."""
    client = AuthenticatedClient(base_url="", token=api_key)
    return {client.auth_header_name: f"{client.prefix} {client.token}"}
