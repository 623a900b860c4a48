"""
The IO port: all that a flow asks of the world outside.

A port of the sync client blocks and never suspends, so that a flow over it runs to
its end in one step; a port of the async client awaits; a port of the tests has a
clock that jumps. Flows know none of them apart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from attrs import define, evolve, field, frozen

from runpod_sdk import errors
from runpod_sdk._flows.censoring import Censor, censored_headers
from runpod_sdk._flows.deadline import Deadline, TimeLimit
from runpod_sdk._flows.json_codec import decode
from runpod_sdk._flows.rate_limit import RateLimitedCall, RateLimiter, RateLimiters
from runpod_sdk._flows.recent_jobs import RecentJobs
from runpod_sdk._origin import Origin
from runpod_sdk.settings import Unset, is_id

if TYPE_CHECKING:
    from concurrent.futures import Future

    from runpod_sdk._types import JSONValue
    from runpod_sdk.models import JobState

T = TypeVar("T")

Level = Literal["DEBUG", "INFO"]

_GLIMPSE = 65_536


@frozen
class Request:
    """One HTTP request, without what belongs to the client: base URL, key, user agent."""

    method: str
    path: str
    params: Mapping[str, Any]
    content: bytes | None = field(repr=False)
    headers: Mapping[str, str]
    resends: int = 0
    """How often it was sent before, in vain."""
    repeatable: bool = True
    """Whether sending it twice does no harm, so that a connection may be tried that may be dead."""
    submission: Submission | None = field(default=None, repr=False, eq=False)
    """Where to keep what becomes of it, if it submits a job."""


@define
class Response:
    """One HTTP answer, whole. Looks like a response to the generated functions."""

    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    too_large: bool = False
    """Whether the rest of the body was left unread."""
    received: float = 0.0
    """When it came, in seconds since the epoch."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What must not get into an error, should the server repeat it."""
    base_url: str = ""
    """What the client was told to ask, for messages."""
    key_origin: str = ""
    """Where the API key of the request came from, if it was refused; for messages."""
    distrust: Callable[[], object] | None = field(default=None, repr=False, eq=False)
    """Drops the connections that are idle; for one that may have answered another request."""
    _decoded: list[JSONValue] = field(factory=list, repr=False, eq=False)
    _shown: list[JSONValue] = field(factory=list, repr=False, eq=False)
    """The body as an error may show it, once that is known."""

    def json(self) -> Any:
        if not self._decoded:
            self._decoded.append(decode(self.content))
        return self._decoded[0]

    def censor(self, secrets: tuple[str, ...]) -> Censor:
        """Return what takes its own secrets and these out of a text."""
        return Censor((*self.secrets, *secrets))

    def censored(self, secrets: tuple[str, ...]) -> Response:
        """Return the reply as an error may show it, without its own *secrets* and these."""
        censor = self.censor(secrets)
        body = evolve(self, decoded=[]).body()  # decoded anew, as it may be changed
        return evolve(self, headers=censor.headers(self.headers), shown=[censor.json(body)])

    def origin(self, secrets: tuple[str, ...]) -> Origin:
        """Return what a state keeps of the reply; *secrets* are those of the request."""
        return Origin(self.base_url, self.headers, self.secrets + secrets, censored_headers)

    def body(self) -> JSONValue:
        """Return the decoded JSON, else the text; of what is too large, the beginning."""
        if self._shown:
            return self._shown[0]
        if self.too_large:
            return self.content[:_GLIMPSE].decode("utf-8", "replace")
        try:
            decoded: JSONValue = self.json()
        except (ValueError, RecursionError):
            return self.content.decode("utf-8", "replace")
        return decoded


@define(eq=False)
class Submission:
    """
    What is known of a submission, at any instant: an interruption may come at each.

    The port keeps here what it knows of the attempt that is under way.
    """

    sent: bool = False
    """Whether the request may have left."""
    read: Callable[[], Response] | None = None
    """Returns the answer, as far as it has come; None before any of it has."""

    def begin(self) -> None:
        """Note that an attempt begins."""
        self.read, self.sent = None, True

    @property
    def response(self) -> Response | None:
        """The answer, as far as it has come; None if nothing can be made of it yet."""
        try:
            return None if self.read is None else self.read()
        except Exception:  # of a transport: it was cut short
            return None

    @property
    def job_id(self) -> str | None:
        """The id of the job, read from the answer itself: nobody else may have read it yet."""
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
        """Whether there may be a job, whether or not its id is known."""
        response = self.response
        if response is None or 200 <= response.status_code < 300:
            return self.sent
        cls = errors.status_error_class(response.status_code, submission=True)
        return issubclass(cls, errors.SubmissionUncertainError)


class RequestFailed(Exception):
    """A call that got no usable answer."""

    def __init__(
        self,
        reason: str,
        *,
        sent: bool,
        timed_out: bool = False,
        permanent: bool = False,
        closed: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        """Whether the server may have taken the request: all of it was handed to the system."""
        self.timed_out = timed_out
        """Whether the time limit of the attempt ended it."""
        self.permanent = permanent or closed
        """Whether the next attempt would fail in the same way."""
        self.closed = closed
        """Whether the client was closed meanwhile."""


class TelemetrySink(Protocol):
    """
    Is told what becomes of jobs, for whoever measures; of requests the port tells itself.

    A job's story ends when its end is seen, or when nobody keeps anything of it any more.
    """

    def submission(self, endpoint_id: str) -> AbstractContextManager[Callable[[JobState], object]]:
        """Enclose the submission of a job; to be called with the answer."""
        ...

    def follow_job(self, endpoint_id: str, job_id: str) -> object:
        """Return what is to be kept for as long as the job is dealt with."""
        ...

    def job_seen(self, endpoint_id: str, state: JobState) -> None: ...


class IO(Protocol):
    """What a flow may ask for."""

    @property
    def telemetry(self) -> TelemetrySink: ...

    def send(self, request: Request, limit: TimeLimit) -> Coroutine[Any, Any, Response]:
        """Send *request* and read the whole answer within *limit*; raise `NoReply` without one."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    async def wait_for(self, future: Future[None], limit: float | None) -> bool:
        """Wait until *future* is done, for *limit* seconds at the most; tell whether it is."""
        ...

    async def shielded(self, flow: Awaitable[T]) -> T:
        """Await *flow* to its end although the caller has been interrupted."""
        ...

    def log(self, level: Level, message: str, *args: object) -> None:
        """Tell whoever reads the log of this package, with neither a secret nor an input."""
        ...

    def now(self) -> float:
        """Return the time of a clock that only goes forward, in seconds."""
        ...

    def random(self) -> float:
        """Return a number from 0 up to 1."""
        ...


@frozen
class EndpointContext:
    """What the flows of one endpoint share."""

    io: IO
    endpoint_id: str
    attempt_timeout: float | None
    """Longest time for one answer to something that may be asked again, beyond its hold."""
    max_retries: int
    job_of: Callable[[str], Any] = field(repr=False)
    """Makes the public job of an id, for errors to carry."""
    recent_jobs: RecentJobs = field(repr=False)
    """The jobs that the client has submitted just now."""
    rate_limiters: RateLimiters | None = None
    """The lanes of the client's requests; None if it does not keep to rates."""
    size_limits: bool = True
    """Whether to refuse requests that are larger than the service takes."""
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    """Headers of each request of the call, besides those of the client."""
    queueing_counts: bool = True
    """Whether the wait for a turn counts as time taken."""
    before_send: Callable[[], Awaitable[None]] | None = field(default=None, repr=False)
    """Is awaited when it is a request's turn, right before it is sent; each time it is."""

    def deadline(self, timeout: float | None) -> Deadline:
        """Return the deadline of a call that waits for a job."""
        return Deadline.after(timeout, self.io.now())

    def call_deadline(self, timeout: float | Unset | None) -> Deadline:
        """
        Return the deadline of a call that does not wait for a job.

        Args:
            timeout: A strict total, or None for no limit at all; `UNSET` is the client's own
                timeout, which begins anew while a body moves.
        """
        now = self.io.now()
        if isinstance(timeout, Unset):
            at = None if self.attempt_timeout is None else now + self.attempt_timeout
            return Deadline(at, self.attempt_timeout, restarts=True)
        at = None if timeout is None else now + timeout
        return Deadline(at, timeout, bounds_attempts=timeout is not None)

    def limit(self, deadline: Deadline, hold: float, *, repeatable: bool) -> TimeLimit:
        """
        Return the time limit of one attempt.

        Args:
            hold: How long the server may hold its answer back, in seconds.
            repeatable: Whether there can be another attempt, so that this one need not get all
                of the time.
        """
        if self.attempt_timeout is None or not (repeatable and deadline.bounds_attempts):
            return TimeLimit(self.io.now, deadline)
        return TimeLimit(self.io.now, deadline, self.attempt_timeout, self.attempt_timeout + hold)

    def rate_limiter(self, limit: RateLimitedCall) -> RateLimiter | None:
        return (
            None
            if self.rate_limiters is None
            else self.rate_limiters.limiter(self.endpoint_id, limit)
        )

    def is_new(self, job_id: str | None) -> bool:
        """Tell whether it may be that not all servers know the job yet."""
        return job_id is not None and self.recent_jobs.has(self.endpoint_id, job_id, self.io.now())

    def poll_wait(self, limit: RateLimitedCall, wanted: float) -> float:
        """Return how long an answer may be held, where *wanted* seconds would be wanted."""
        limiter = self.rate_limiter(limit)
        return wanted if limiter is None else limiter.poll_wait(wanted)
