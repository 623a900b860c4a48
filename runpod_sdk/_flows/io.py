"""
The IO port: the interface through which a flow sends requests, sleeps and reads the clock.

The sync client's port blocks and never suspends, so one step runs a flow to its end. The async
client's port awaits. The tests' port has a clock that jumps. A flow works over any of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from attrs import define, evolve, field

from runpod_sdk import errors
from runpod_sdk._flows.censoring import Censor, censored_headers
from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.json_codec import decode
from runpod_sdk._origin import Origin
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk.settings import is_id

if TYPE_CHECKING:
    from concurrent.futures import Future

    from runpod_sdk._types import JSONValue
    from runpod_sdk.models import JobState

T = TypeVar("T")

Level = Literal["DEBUG", "INFO", "WARNING"]

_SHOWN_BYTES = 65_536


@define  # frozen classes take twice as long to create
class Request:
    """An HTTP request, without the client's base URL, API key and user agent."""

    method: str
    path: str
    params: Mapping[str, Any]
    content: bytes | None = field(repr=False)
    headers: Mapping[str, str]
    resends: int = 0
    """Number of earlier attempts."""
    repeatable: bool = True
    """Whether it is safe to send the request twice, so that an old connection may be used."""
    submission: Submission | None = field(default=None, repr=False, eq=False)
    """The record of the submission, if the request submits a job."""


@define
class Response:
    """One complete HTTP response, in the shape that the generated functions expect."""

    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    too_large: bool = False
    """Whether the body exceeds the limit; the rest was not read."""
    received: float = 0.0
    """Time of arrival, in seconds since the epoch."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Secrets that no error may contain, even if the server repeats them."""
    base_url: str = ""
    """The client's base URL, for messages."""
    key_origin: str = ""
    """Where the API key was found, if the server refused it; for messages."""
    distrust: Callable[[], object] | None = field(default=None, repr=False, eq=False)
    """Closes idle connections, because one of them may have answered another request."""
    _decoded: list[JSONValue] = field(factory=list, repr=False, eq=False)
    _shown: list[JSONValue] = field(factory=list, repr=False, eq=False)
    """The body without secrets, for errors."""

    def json(self) -> Any:
        if not self._decoded:
            self._decoded.append(decode(self.content))
        return self._decoded[0]

    def censor(self, secrets: tuple[str, ...]) -> Censor:
        """Return a `Censor` of the response's secrets and *secrets*."""
        return Censor((*self.secrets, *secrets))

    def censored(self, secrets: tuple[str, ...]) -> Response:
        """Return the response without its own secrets and *secrets*, for errors."""
        censor = self.censor(secrets)
        body = evolve(self, decoded=[]).body()  # decoded again, because the censor may change it
        return evolve(self, headers=censor.headers(self.headers), shown=[censor.json(body)])

    def origin(self, secrets: tuple[str, ...]) -> Origin:
        """Return the part of the response that a state keeps; *secrets* are the request's."""
        return Origin(self.base_url, self.headers, self.secrets + secrets, censored_headers)

    def body(self) -> JSONValue:
        """Return the decoded JSON, or the text; the beginning, if the body is too large."""
        if self._shown:
            return self._shown[0]
        if self.too_large:
            return self.content[:_SHOWN_BYTES].decode("utf-8", "replace")
        try:
            decoded: JSONValue = self.json()
        except (ValueError, RecursionError):
            return self.content.decode("utf-8", "replace")
        return decoded


@define(eq=False)
class Submission:
    """
    The state of a submission, which is valid at any instant, because an interruption may come then.

    The port updates it during each attempt.
    """

    sent: bool = False
    """Whether the request may have been sent."""
    read: Callable[[], Response] | None = None
    """Returns the part of the response that has arrived; None before the first part."""

    def begin(self) -> None:
        """Record the start of an attempt."""
        self.read, self.sent = None, True

    @property
    def response(self) -> Response | None:
        """The part of the response that has arrived; None if it cannot be read yet."""
        try:
            return None if self.read is None else self.read()
        except Exception as error:  # of a transport, about an incomplete response
            if raised_by_signal_handler(error):
                raise
            return None

    @property
    def job_id(self) -> str | None:
        """The job's id, read from the response, because the flow may not have read it yet."""
        response = self.response
        if response is None or not 200 <= response.status_code < 300:
            return None
        try:
            body = response.json()
        except (ValueError, RecursionError):
            return None
        job_id = body.get("id") if isinstance(body, dict) else None
        return job_id if is_id(job_id) else None

    @property
    def uncertain(self) -> bool:
        """Whether a job may exist, even if its id is unknown."""
        response = self.response
        if response is None or 200 <= response.status_code < 300:
            return self.sent
        cls = errors.status_error_class(response.status_code, submission=True)
        return issubclass(cls, errors.SubmissionUncertainError)


class RequestFailed(Exception):
    """Raised when a request got no usable response."""

    def __init__(
        self,
        reason: str,
        *,
        sent: bool,
        timed_out: bool = False,
        permanent: bool = False,
        closed: bool = False,
        error_type: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        """Whether the server may have accepted the request: its last byte reached the system."""
        self.timed_out = timed_out
        """Whether the attempt timed out."""
        self.permanent = permanent or closed
        """Whether each further attempt would fail in the same way."""
        self.closed = closed
        """Whether the client was closed during the request."""
        self.error_type = error_type
        """The class of the transport's exception, for telemetry."""


class TelemetrySink(Protocol):
    """
    The telemetry interface for jobs; the port itself records requests.

    A job's span ends when its end is seen, or when the program keeps no reference to the job.
    """

    def submission(self, endpoint_id: str) -> AbstractContextManager[Callable[[JobState], object]]:
        """Return a context manager around a submission, whose value is called with the state."""
        ...

    def follow_job(self, endpoint_id: str, job_id: str) -> object:
        """Return a reference to keep while the program uses the job."""
        ...

    def job_seen(self, endpoint_id: str, state: JobState) -> None: ...


class IO(Protocol):
    """The port's operations."""

    @property
    def telemetry(self) -> TelemetrySink: ...

    def send(self, request: Request, limit: TimeLimit) -> Coroutine[Any, Any, Response]:
        """Send *request* and read the response within *limit*; else raise `RequestFailed`."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    async def wait_for(self, future: Future[None], limit: float | None) -> bool:
        """Wait for *future*, at most *limit* seconds; return whether it is done."""
        ...

    async def shielded(self, flow: Awaitable[T]) -> T:
        """Await *flow* to its end, although the caller was interrupted."""
        ...

    def log(self, level: Level, message: str, *args: object) -> None:
        """Write to the package's log; *message* contains no secret and no input."""
        ...

    def now(self) -> float:
        """Return the time of a monotonic clock, in seconds."""
        ...

    def random(self) -> float:
        """Return a random number from 0 up to, but not including, 1."""
        ...
