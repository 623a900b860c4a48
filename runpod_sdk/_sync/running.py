"""`Endpoint.run_sync`, by the type of its output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from runpod_sdk._flows import api, submitting
from runpod_sdk._io import sync
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
    from runpod_sdk._sync.endpoint import Endpoint

T = TypeVar("T")


@overload
def run_sync(
    self: Endpoint,
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
def run_sync(
    self: Endpoint,
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
def run_sync(
    self: Endpoint,
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
def run_sync(
    self: Endpoint,
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
    """
    Submit a job, wait until it has ended, and return its terminal state.

    Takes a request as `run` does. The job's id is in hand within about a second;
    the rest of the wait is long polls, which are safe to repeat. With a *timeout*
    of two seconds or less the job is submitted as by `run`, to have its id in time.

    Args:
        timeout: Longest total time, in seconds; None waits without limit.
        check: False returns the state of a job that ended badly, instead of raising.
        on_timeout: "cancel" cancels the job, best effort and within 5 seconds, when
            the time is up or the caller is interrupted; else it goes on.
        output_type: What the output of a job that succeeded is to be: an attrs class, a
            dataclass, a TypedDict, a pydantic model, or what is spelled with them, such
            as `list[Model]`.

    Raises:
        JobError: The job ended badly, and *check* is true; `.state.error` says why.
        RunpodTimeoutError: *timeout* passed; `.job` can be waited for again,
            `.cancelled` says whether the server confirmed that it was cancelled.
        SubmissionUncertainError: The job may have been enqueued, its id is not known.
        OutputValidationError: The output is not of *output_type*; `.state.output` is it.
        RequestTooLargeError: As JSON it is larger than 20 MiB, or than 10 MiB where it is
            submitted as by `run`; nothing was sent.

    Source: run_job_sync, get_job_status_sync in openapi/runpod-serverless.yaml.
    """
    body = api.request(request, input=input, webhook=webhook, policy=policy, s3_config=s3_config)
    total, on_timeout = length_of_time(timeout), checked_on_timeout(on_timeout)
    read = None if output_type is None else reader(output_type)
    state = sync.run(submitting.run_sync(self._session, body, total, on_timeout))
    if check:
        state.raise_for_status()
    return state if read is None or not state.succeeded else read.state(state)
