"""`Endpoint.run` and `Endpoint.run_sync`, by the types of their inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from runpod_sdk._flows import api, submitting
from runpod_sdk._flows.guard import JobGuard
from runpod_sdk._io import sync
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
    from runpod_sdk._sync.endpoint import Endpoint
    from runpod_sdk._sync.job import Job

T = TypeVar("T")
In = TypeVar("In")
Out = TypeVar("Out")


def run(
    self: Endpoint[In, Out],
    request: Mapping[str, InputValue] | api.JobRequest | None = None,
    *,
    input: In | Unset = UNSET,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    timeout: Timeout | Unset = UNSET,
) -> Job[Out]:
    """
    Submit a job and return it, without waiting for it.

    Give either *request*, the API's own body, or keyword arguments, never both.
    A job is never sent twice, unless the first was surely not taken.

    Args:
        request: `{"input": …, "webhook": …, "policy": …, "s3Config": …}`, with
            the wire's names and milliseconds, or the generated `JobRequest`.
        input: Any JSON value, and in it values of attrs classes, dataclasses and pydantic's
            models, which are written as JSON; the handler gets it as `job["input"]`.
        webhook: URL that RunPod calls when the job has ended.
        policy: What the job may take on the server.
        s3_config: Storage for large results, handed to the handler.
        timeout: Longest total time of the submission, in seconds, and strict; None is no
            limit. Without it the client's own counts, which starts again as a body moves.

    Raises:
        ValueError: Both ways at once, no input, or a field that the API lacks.
        TypeError: The input has no JSON form, or is not of the endpoint's `input_type`;
            nothing was sent.
        ConfigurationError: The input needs cattrs, of the extra `types`; nothing was sent.
        SubmissionUncertainError: The job may have been enqueued, its id is not known.
        APIConnectionError: No connection; the job was not enqueued.
        RequestTooLargeError: As JSON it is larger than 10 MiB; nothing was sent.
        BadRequestError: The server did not take the body.
        RateLimitError: Too many requests or queued jobs; the job was not enqueued.

    Source: run_job in openapi/runpod-serverless.yaml.
    """
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
        state = sync.run(submitting.run(guard.session, body, total, guard.submission))
        return self.job(state.id)
    except BaseException as reason:
        sync.run(guard.ended_by(reason))
        raise


@overload
def run_sync(
    self: Endpoint[In, Out],
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
def run_sync(
    self: Endpoint[In, Out],
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
def run_sync(
    self: Endpoint[In, Out],
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
def run_sync(
    self: Endpoint[In, Out],
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
        output_type: What the output of a job that succeeded is to be, if not what the
            endpoint says: an attrs class, a dataclass, a TypedDict, a pydantic model, or
            what is spelled with them, such as `list[Model]`.

    Raises:
        JobError: The job ended badly, and *check* is true; `.state.error` says why.
        RunpodTimeoutError: *timeout* passed; `.job` can be waited for again,
            `.cancelled` says whether the server confirmed that it was cancelled.
        SubmissionUncertainError: The job may have been enqueued, its id is not known.
        OutputValidationError: The output is not of that type; `.state.output` is it.
        RequestTooLargeError: As JSON it is larger than 20 MiB, or than 10 MiB where it is
            submitted as by `run`; nothing was sent.

    Source: run_job_sync, get_job_status_sync in openapi/runpod-serverless.yaml.
    """
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
        state = sync.run(submitting.run_sync(guard.session, body, total, guard.submission))
        if check:
            checked(state, self.job)
        return state if read is None or not state.succeeded else read.state(state)
    except BaseException as reason:
        sync.run(guard.ended_by(reason))
        raise
