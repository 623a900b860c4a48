"""
What can go wrong, one class for each thing that a caller can do about it.

RunpodError
├─ ConfigurationError                 no key, a bad base URL
├─ RequestTooLargeError (ValueError)  larger than the service takes; nothing was sent
├─ JournalError                       the journal of a `map` can't be used, or says not to
├─ APIConnectionError                 no usable answer: refused, reset, cut short
│  ├─ SubmissionUncertainError        … after a job was sent: it may have been enqueued
│  ├─ StreamInterruptedError          … while chunks may have been on their way
│  └─ ClientClosedError               the client was closed, before the call or during it
├─ RunpodTimeoutError (TimeoutError)  the call timed out
│  └─ SubmissionTimeoutError          … after a job was sent (a SubmissionUncertainError)
├─ APIStatusError                     an answer that is not 2xx
│  ├─ BadRequestError 400  AuthenticationError 401  PermissionDeniedError 403
│  ├─ NotFoundError 404    ConflictError 409        PayloadTooLargeError 413
│  ├─ RateLimitError 429
│  └─ ServerError 5xx
│     └─ SubmissionServerError        … to a job that was sent (a SubmissionUncertainError)
├─ APIResponseValidationError         a 2xx whose body is not what the API document says
│  └─ SubmissionResponseError         … to a job that was sent (a SubmissionUncertainError)
├─ DownloadError                      a file that an output links to can't be downloaded
│  └─ WebPageError                    … as the link leads to a web page
├─ SaveOutputError                    some files of an output were not saved
├─ StorageError                       a file could not be put into storage
├─ OutputValidationError              the job succeeded, and its output is not of the type asked
└─ JobError                           the job ended badly
   └─ JobFailedError  JobCancelledError  JobTimedOutError

`except SubmissionUncertainError` therefore catches every case in which a job may
exist whose id is not known. All of them can be pickled; none shows a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runpod_sdk._nesting import packed, unpacked

if TYPE_CHECKING:
    from pathlib import Path

    from runpod_sdk._types import JobHandle, JSONValue
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
    """The root of all errors that this package raises on purpose."""

    job: JobHandle | None = None
    """The job that was being waited for, where one is known; it can be waited for again."""
    index: int | None = None
    """Which of the inputs of a `map` it befell, counted from 0."""

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: packed(value) for name, value in self.__dict__.items()}
        return _revive, (type(self), self.args, state)


class ConfigurationError(RunpodError):
    """The client can't be set up, or used, as it was asked to; nothing was sent."""


class RequestTooLargeError(RunpodError, ValueError):
    """The request is larger than the service takes; nothing was sent."""

    def __init__(self, message: str, *, size: int, limit: int) -> None:
        super().__init__(message)
        self.size = size
        """Bytes of the request, as JSON."""
        self.limit = limit
        """Bytes that the service takes."""


class JournalError(RunpodError):
    """The journal of a `map` is in use, broken, or of other inputs; or says to skip one."""


class APIConnectionError(RunpodError):
    """No usable answer came: the connection was refused, reset or cut short."""


class ClientClosedError(APIConnectionError, RuntimeError):
    """The client was closed, before the call or during it; create a new one."""


class SubmissionUncertainError(APIConnectionError):
    """A job was sent and no usable answer came: it may have been enqueued, and cost money."""


class StreamInterruptedError(APIConnectionError):
    """
    Chunks of a stream are missing, and the job's output does not contain them.

    Either a response was lost that may have carried chunks, or the job was given to another
    worker, whose chunks do not continue those delivered so far.
    """

    def __init__(
        self, message: str, *, job: JobHandle | None = None, state: JobState | None = None
    ) -> None:
        super().__init__(message)
        self.job = job
        self.state = state
        """What the job had come to, where that could be found out."""


class RunpodTimeoutError(RunpodError, TimeoutError):
    """The call timed out. The job, if there is one, keeps running unless `.cancelled`."""

    def __init__(
        self, message: str, *, job: JobHandle | None = None, state: JobState | None = None
    ) -> None:
        super().__init__(message)
        self.job = job
        self.state = state
        """The last that was heard of the job."""
        self.cancelled = False
        """Whether the server confirmed that the job was cancelled (`on_timeout="cancel"`)."""


class SubmissionTimeoutError(RunpodTimeoutError, SubmissionUncertainError):
    """The call timed out after a job was sent: the job may have been enqueued, and cost money."""


class APIStatusError(RunpodError):
    """The server answered with a status that is not 2xx."""

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
        """The decoded JSON, else the text."""
        self.headers: Mapping[str, str] = {} if headers is None else headers
        self.request_id = request_id
        """What to name when asking RunPod about this answer."""
        self.retry_after = retry_after
        """Seconds that the server asked to wait before the next try."""


class BadRequestError(APIStatusError):
    """400: the request was not understood; a body that is too large also ends here."""


class AuthenticationError(APIStatusError):
    """401: the API key is missing, wrong or revoked."""


class PermissionDeniedError(APIStatusError):
    """403: the API key may not do this."""


class NotFoundError(APIStatusError):
    """404: no such endpoint or job, or the job's result is no longer kept."""


class ConflictError(APIStatusError):
    """409: the request does not fit the state that the server is in."""


class PayloadTooLargeError(APIStatusError):
    """413: the body is larger than the server takes."""


class RateLimitError(APIStatusError):
    """429: too many requests, or too many jobs in the queue; nothing was taken."""


class ServerError(APIStatusError):
    """5xx: the server, or a proxy before it (52x), could not answer."""


class SubmissionServerError(ServerError, SubmissionUncertainError):
    """5xx, but not 503, to a job that was sent: it may have been enqueued, and cost money."""


class APIResponseValidationError(RunpodError):
    """The server answered 2xx with a body that is not what the API document says."""

    def __init__(self, message: str, *, body: JSONValue = None) -> None:
        super().__init__(message)
        self.body = body
        """The decoded JSON, else the text: all that came."""


class SubmissionResponseError(APIResponseValidationError, SubmissionUncertainError):
    """The same, to a job that was sent: it was most likely enqueued; look into `.body`."""


class OutputValidationError(RunpodError):
    """The job succeeded, and its output is not what *output_type* says."""

    def __init__(self, message: str, *, state: JobState) -> None:
        super().__init__(message)
        self.state = state
        """The terminal state; `.state.output` is the output as it came."""


class DownloadError(RunpodError):
    """A file that an output links to could not be downloaded."""


class WebPageError(DownloadError):
    """The link leads to a page for a browser, not to a file."""


class SaveOutputError(RunpodError):
    """Some files of an output could not be saved; the others were."""

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
        """Why each of the others was not, by its place in the output (a JSON pointer)."""


class StorageError(RunpodError):
    """A file could not be put into storage: it refused, or could not be reached."""


class JobError(RunpodError):
    """The job ended badly."""

    def __init__(self, message: str, *, state: JobState) -> None:
        super().__init__(message)
        self.state = state
        """The terminal state: `.state.error` is the text, `.state.output` what there is."""


class JobFailedError(JobError):
    """The handler failed, or the platform gave the job up (also on its execution timeout)."""

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
    """The job was cancelled before it was done."""


class JobTimedOutError(JobError):
    """The job did not run, or did not end, in the time that the server allowed."""


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
    """Choose the class for an answer that is not 2xx."""
    if status_code >= 500:
        return SubmissionServerError if submission and status_code != 503 else ServerError
    return _BY_STATUS.get(status_code, APIStatusError)
