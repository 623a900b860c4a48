"""
Exceptions: one class for each thing that a caller can do about an error.

RunpodError
├─ ConfigurationError                 missing API key, or invalid configuration
├─ RequestTooLargeError (ValueError)  request is larger than RunPod accepts
├─ JournalError                       journal of a map cannot be used
├─ APIConnectionError                 no usable response arrived
│  ├─ SubmissionUncertainError        … to a submission: the job may exist
│  ├─ StreamInterruptedError          … to a stream: chunks are missing
│  └─ ClientClosedError               client was closed, before or during the call
├─ RunpodTimeoutError (TimeoutError)  call timed out
│  └─ SubmissionTimeoutError          … during a submission (a SubmissionUncertainError)
├─ APIStatusError                     response is not 2xx
│  ├─ BadRequestError 400  AuthenticationError 401  PermissionDeniedError 403
│  ├─ NotFoundError 404    ConflictError 409        PayloadTooLargeError 413
│  ├─ RateLimitError 429
│  └─ ServerError 5xx
│     └─ SubmissionServerError        … to a submission (a SubmissionUncertainError)
├─ APIResponseValidationError         2xx response does not match the API document
│  └─ SubmissionResponseError         … to a submission (a SubmissionUncertainError)
├─ DownloadError                      linked file of an output could not be downloaded
│  └─ WebPageError                    … because the link leads to a web page
├─ SaveOutputError                    some files of an output were not saved
├─ StorageError                       file could not be uploaded to storage
├─ OutputValidationError              output does not have the requested type
└─ JobError                           job failed
   └─ JobFailedError  JobCancelledError  JobTimedOutError

`except SubmissionUncertainError` catches every error after which a job with an unknown id may
exist. All errors can be pickled, and none contains a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runpod_sdk._nesting import packed, unpacked
from runpod_sdk._types import JobHandle, JSONValue

if TYPE_CHECKING:
    from pathlib import Path

    from runpod_sdk.error_text import ErrorDetails
    from runpod_sdk.models import JobState

__all__ = [
    "APIConnectionError",
    "APIResponseValidationError",
    "APIStatusError",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedError",
    "ConfigurationError",
    "ConflictError",
    "DownloadError",
    "JobCancelledError",
    "JobError",
    "JobFailedError",
    "JobTimedOutError",
    "JournalError",
    "NotFoundError",
    "OutputValidationError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestTooLargeError",
    "RunpodError",
    "RunpodTimeoutError",
    "SaveOutputError",
    "ServerError",
    "StorageError",
    "StreamInterruptedError",
    "SubmissionResponseError",
    "SubmissionServerError",
    "SubmissionTimeoutError",
    "SubmissionUncertainError",
    "WebPageError",
]


def _revive(cls: type[RunpodError], args: tuple[Any, ...], state: dict[str, Any]) -> RunpodError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update({name: unpacked(value) for name, value in state.items()})
    return error


class RunpodError(Exception):
    """
    Base class of all errors that this package raises.

    What to do: catch a subclass first. After a `RunpodError` of a submission that is not a
    `SubmissionUncertainError`, no job exists.
    """

    job: JobHandle | None = None
    """The job of the failed call, if it is known. You can wait for it again."""
    index: int | None = None
    """The index of the input in a `map`, counted from 0."""
    key: str | int | None = None
    """The key of the input in a `map` with `key`."""

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: packed(value) for name, value in self.__dict__.items()}
        return _revive, (type(self), self.args, state)


class ConfigurationError(RunpodError):
    """
    Raised when the configuration is invalid; nothing was sent.

    For example, an API key is missing, a base URL, proxy or certificate file is invalid, or an
    optional package is not installed.

    What to do: correct the variable, file or argument that the message names.
    """


class RequestTooLargeError(RunpodError, ValueError):
    """
    Raised when a request is larger than RunPod accepts; nothing was sent.

    What to do: store large data elsewhere and send its URL.
    """

    def __init__(self, message: str, *, size: int, limit: int) -> None:
        super().__init__(message)
        self.size = size
        """Size of the request as JSON, in bytes."""
        self.limit = limit
        """Largest size that RunPod accepts, in bytes."""


class JournalError(RunpodError):
    """
    Raised when the journal of a `map` is in use, damaged, or from other inputs.

    It is also the error of an input that the journal skips.

    What to do: follow the message.
    """

    def __init__(self, message: str, *, in_use: bool = False) -> None:
        super().__init__(message)
        self.in_use = in_use
        """Whether another `map`, `Journal` or process uses the journal."""


class APIConnectionError(RunpodError):
    """
    Raised when no usable response arrived: the connection was refused, reset or interrupted.

    What to do: try again later.
    """


class ClientClosedError(APIConnectionError, RuntimeError):
    """
    Raised when the client was closed, before or during the call.

    What to do: create a new client.
    """


class SubmissionUncertainError(APIConnectionError):
    """
    Raised when a job was submitted and no usable response arrived.

    The job may exist and cost money.

    What to do: check whether the job exists before you submit it again.
    """


class StreamInterruptedError(APIConnectionError):
    """
    Raised when chunks of a stream are missing, and the job's output does not contain them.

    Either a response was lost that may have contained chunks, or RunPod moved the job to another
    worker, whose chunks do not continue the delivered chunks.

    What to do: read the job's output, or the remaining chunks with `endpoint.stream(job_id)`.
    """

    def __init__(
        self, message: str, *, job: JobHandle | None = None, state: JobState | None = None
    ) -> None:
        super().__init__(message)
        self.job = job
        self.state = state
        """The job's state after the failure, if it could be read."""


class RunpodTimeoutError(RunpodError, TimeoutError):
    """
    Raised when a call timed out; the job, if there is one, keeps running unless `.cancelled`.

    What to do: wait again with `.job`, or cancel it.
    """

    def __init__(
        self, message: str, *, job: JobHandle | None = None, state: JobState | None = None
    ) -> None:
        super().__init__(message)
        self.job = job
        self.state = state
        """The job's last known state."""
        self.cancelled = False
        """Whether the server confirmed that the job was cancelled (`on_timeout="cancel"`)."""


class SubmissionTimeoutError(RunpodTimeoutError, SubmissionUncertainError):
    """
    Raised when a submission timed out; the job may exist and cost money.

    What to do: check whether the job exists before you submit it again.
    """


class APIStatusError(RunpodError):
    """
    Raised when the response is not 2xx and no subclass fits.

    What to do: inspect `.status_code` and `.body`.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        body: JSONValue = None,
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.body = body
        """The decoded JSON, or the text if the body is not JSON."""
        self.headers: Mapping[str, str] = {} if headers is None else headers
        self.request_id = request_id
        """The request's id, for RunPod's support."""
        self.retry_after = retry_after
        """Seconds to wait before the next attempt, from `Retry-After`."""


class BadRequestError(APIStatusError):
    """
    Raised on 400: the server rejects the request, for example a body that is too large.

    What to do: correct the request; `.body` says what is wrong.
    """


class AuthenticationError(APIStatusError):
    """
    Raised on 401: the API key is missing, wrong or revoked.

    What to do: correct the API key.
    """


class PermissionDeniedError(APIStatusError):
    """
    Raised on 403: the API key has no permission for this operation.

    What to do: check the key's permissions.
    """


class NotFoundError(APIStatusError):
    """
    Raised on 404: the endpoint or job does not exist, or the job's result has expired.

    What to do: check the ids.
    """


class ConflictError(APIStatusError):
    """
    Raised on 409: the request conflicts with the server's state.

    What to do: check the job's status first.
    """


class PayloadTooLargeError(APIStatusError):
    """
    Raised on 413: the body is larger than the server accepts.

    What to do: send less, for example a URL of the data.
    """


class RateLimitError(APIStatusError):
    """
    Raised on 429: too many requests or queued jobs; the server did not accept the request.

    What to do: try again after `.retry_after` seconds, if it is not None.
    """


class ServerError(APIStatusError):
    """
    Raised on 5xx: the server, or a proxy in front of it (52x), failed.

    What to do: try again later.
    """


class SubmissionServerError(ServerError, SubmissionUncertainError):
    """
    Raised when the response to a submission is 5xx, except 503.

    The job may exist and cost money.

    What to do: check whether the job exists before you submit it again.
    """


class APIResponseValidationError(RunpodError):
    """
    Raised when the body of a 2xx response does not match the API document.

    What to do: inspect `.body`.
    """

    def __init__(self, message: str, *, body: JSONValue = None) -> None:
        super().__init__(message)
        self.body = body
        """The complete body: the decoded JSON, or the text if it is not JSON."""


class SubmissionResponseError(APIResponseValidationError, SubmissionUncertainError):
    """
    Raised when the response to a submission does not match the API document.

    The job most likely exists.

    What to do: look for the job's id in `.body` before you submit it again.
    """


class OutputValidationError(RunpodError):
    """
    Raised when a job succeeded, but its output does not have the requested *output_type*.

    What to do: inspect `.state.output`.
    """

    def __init__(self, message: str, *, state: JobState) -> None:
        super().__init__(message)
        self.state = state
        """The final state; `.state.output` is the received output."""


class DownloadError(RunpodError):
    """
    Raised when a linked file of an output could not be downloaded.

    What to do: follow the message, or download the link yourself.
    """


class WebPageError(DownloadError):
    """
    Raised when a link in an output leads to a web page instead of a file.

    What to do: open the link in a browser, or log in there.
    """


class SaveOutputError(RunpodError):
    """
    Raised when some files of an output could not be saved; the other files were saved.

    What to do: inspect `.saved` and `.failed`.
    """

    def __init__(
        self,
        message: str,
        *,
        saved: Sequence[Path] = (),
        failed: Mapping[str, Exception] | None = None,
    ) -> None:
        super().__init__(message)
        self.saved = list(saved)
        """The files that were saved."""
        self.failed = dict(failed or {})
        """The exceptions of the other files, by their places in the output (JSON pointers)."""


class StorageError(RunpodError):
    """
    Raised when a file could not be uploaded: the storage refused it, or could not be reached.

    What to do: follow the message.
    """


class JobError(RunpodError):
    """
    Raised when a job failed, was cancelled, or timed out on the server.

    What to do: inspect `.state`.
    """

    def __init__(self, message: str, *, state: JobState) -> None:
        super().__init__(message)
        self.state = state
        """The final state; `.state.error` is the error text."""


class JobFailedError(JobError):
    """
    Raised when the handler failed, or RunPod stopped the job, for example on its execution timeout.

    What to do: read `.state.error`; `job.retry()` runs the job again.
    """

    @property
    def error_type(self) -> str | None:
        """The class of the handler's exception, such as `ValueError`; None if it was not sent."""
        return self._details.type

    @property
    def error_message(self) -> str | None:
        """The message of the handler's exception; None if it was not sent."""
        return self._details.message

    @property
    def error_traceback(self) -> str | None:
        """The traceback of the handler's exception, as text; None if it was not sent."""
        return self._details.traceback

    @property
    def _details(self) -> ErrorDetails:
        from runpod_sdk.error_text import details_of

        return details_of(self.state.error or "")


class JobCancelledError(JobError):
    """
    Raised when the job was cancelled before it ended.

    What to do: nothing, if you cancelled it; else submit it again.
    """


class JobTimedOutError(JobError):
    """
    Raised when the job did not start or end within the server's time limit.

    What to do: use a longer `ttl` in the policy, or check the endpoint's workers.
    """


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    429: RateLimitError,
}


def status_error_class(status_code: int, *, submission: bool) -> type[APIStatusError]:
    """Return the class for a response that is not 2xx."""
    if status_code >= 500:
        return SubmissionServerError if submission and status_code != 503 else ServerError
    return _BY_STATUS.get(status_code, APIStatusError)
