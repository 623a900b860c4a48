"""`AsyncEndpoint.run` and `AsyncEndpoint.run_sync`, by the types of their inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from runpod_sdk._flows import api, submitting
from runpod_sdk._flows.guard import JobGuard
from runpod_sdk._outputs import reader_for
from runpod_sdk.models import ExecutionPolicy, InputValue, JobState, S3Config
from runpod_sdk.outcomes import checked
from runpod_sdk.settings import (
    RUN_SYNC_TIMEOUT,
    UNSET,
    OnTimeout,
    Timeout,
    Unset,
    call_timeout,
    checked_on_timeout,
    length_of_time,
)

if TYPE_CHECKING:
    from runpod_sdk._async.endpoint import AsyncEndpoint
    from runpod_sdk._async.job import AsyncJob

T = TypeVar("T")
In = TypeVar("In")
Out = TypeVar("Out")


async def run(
    self: AsyncEndpoint[In, Out],
    request: Mapping[str, InputValue] | api.JobRequest | None = None,
    *,
    input: In | Unset = UNSET,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    timeout: Timeout | Unset = UNSET,
) -> AsyncJob[Out]:
    """Async twin of `Endpoint.run`."""
    try:
        body = api.request(
            request,
            input=input,
            webhook=webhook,
            policy=policy,
            s3_config=s3_config,
            input_type=self.input_type,
        )
    finally:
        del request, input, webhook, s3_config  # which a traceback would show
    total = call_timeout(timeout)
    guard = JobGuard(self._session)
    try:
        state = await submitting.run(guard.session, body, total, guard.submission)
        return self.job(state.id)
    except BaseException as reason:
        await guard.ended_by(reason)
        raise


@overload
async def run_sync(
    self: AsyncEndpoint[In, Out],
    request: Mapping[str, InputValue] | api.JobRequest | None = None,
    *,
    input: In | Unset = UNSET,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    timeout: Timeout = RUN_SYNC_TIMEOUT,
    check: Literal[True] = True,
    on_timeout: OnTimeout = "detach",
    output_type: None = None,
) -> JobState[Out]: ...
@overload
async def run_sync(
    self: AsyncEndpoint[In, Out],
    request: Mapping[str, InputValue] | api.JobRequest | None = None,
    *,
    input: In | Unset = UNSET,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    timeout: Timeout = RUN_SYNC_TIMEOUT,
    check: Literal[True] = True,
    on_timeout: OnTimeout = "detach",
    output_type: type[T],
) -> JobState[T]: ...
@overload
async def run_sync(
    self: AsyncEndpoint[In, Out],
    request: Mapping[str, InputValue] | api.JobRequest | None = None,
    *,
    input: In | Unset = UNSET,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    timeout: Timeout = RUN_SYNC_TIMEOUT,
    check: bool = True,
    on_timeout: OnTimeout = "detach",
    output_type: Any = None,
) -> JobState[Any]: ...
async def run_sync(
    self: AsyncEndpoint[In, Out],
    request: Mapping[str, InputValue] | api.JobRequest | None = None,
    *,
    input: In | Unset = UNSET,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    timeout: Timeout = RUN_SYNC_TIMEOUT,
    check: bool = True,
    on_timeout: OnTimeout = "detach",
    output_type: Any = None,
) -> JobState[Any]:
    """Async twin of `Endpoint.run_sync`."""
    try:
        body = api.request(
            request,
            input=input,
            webhook=webhook,
            policy=policy,
            s3_config=s3_config,
            input_type=self.input_type,
        )
    finally:
        del request, input, webhook, s3_config  # which a traceback would show
    total, on_timeout = length_of_time(timeout), checked_on_timeout(on_timeout)
    read = reader_for(output_type, self.output_type)
    guard = JobGuard(self._session, on_timeout)
    try:
        state = await submitting.run_sync(guard.session, body, total, guard.submission)
        if check:
            checked(state, self.job)
        return state if read is None or not state.succeeded else read.state(state)
    except BaseException as reason:
        await guard.ended_by(reason)
        raise
