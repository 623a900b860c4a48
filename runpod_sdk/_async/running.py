"""`AsyncEndpoint.run_sync`, by the type of its output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from runpod_sdk._flows import api, submitting
from runpod_sdk._outputs import reader
from runpod_sdk.models import ExecutionPolicy, JobState, JSONValue, S3Config
from runpod_sdk.settings import (
    RUN_SYNC_TIMEOUT,
    UNSET,
    OnTimeout,
    Timeout,
    Unset,
    checked_on_timeout,
    length_of_time,
)

if TYPE_CHECKING:
    from runpod_sdk._async.endpoint import AsyncEndpoint

T = TypeVar("T")


@overload
async def run_sync(
    self: AsyncEndpoint,
    request: Mapping[str, JSONValue] | api.JobRequest | None = None,
    *,
    input: JSONValue | Unset = UNSET,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    timeout: Timeout = RUN_SYNC_TIMEOUT,
    check: bool = True,
    on_timeout: OnTimeout = "detach",
    output_type: None = None,
) -> JobState: ...
@overload
async def run_sync(
    self: AsyncEndpoint,
    request: Mapping[str, JSONValue] | api.JobRequest | None = None,
    *,
    input: JSONValue | Unset = UNSET,
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
    self: AsyncEndpoint,
    request: Mapping[str, JSONValue] | api.JobRequest | None = None,
    *,
    input: JSONValue | Unset = UNSET,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    timeout: Timeout = RUN_SYNC_TIMEOUT,
    check: bool = True,
    on_timeout: OnTimeout = "detach",
    output_type: Any,
) -> JobState[Any]: ...
async def run_sync(
    self: AsyncEndpoint,
    request: Mapping[str, JSONValue] | api.JobRequest | None = None,
    *,
    input: JSONValue | Unset = UNSET,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    timeout: Timeout = RUN_SYNC_TIMEOUT,
    check: bool = True,
    on_timeout: OnTimeout = "detach",
    output_type: Any = None,
) -> JobState[Any]:
    """Async twin of `Endpoint.run_sync`."""
    body = api.request(request, input=input, webhook=webhook, policy=policy, s3_config=s3_config)
    total, on_timeout = length_of_time(timeout), checked_on_timeout(on_timeout)
    read = None if output_type is None else reader(output_type)
    state = await submitting.run_sync(self._session, body, total, on_timeout)
    if check:
        state.raise_for_status()
    return state if read is None or not state.succeeded else read.state(state)
