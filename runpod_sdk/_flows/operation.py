"""An operation of the API: sends its request and reads its response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from attrs import define, field

from runpod_sdk import errors
from runpod_sdk._flows.io import Response, Submission
from runpod_sdk._flows.rate_limit import RateLimitedCall
from runpod_sdk._flows.retry import RepeatSafety
from runpod_sdk._types import JSONValue

T = TypeVar("T")


@define  # frozen classes take twice as long to create
class Operation(Generic[T]):
    """An operation of the API with its arguments: sends the request and reads the response."""

    action: str
    """Description for messages, such as "status of job …"."""
    kind: RepeatSafety
    ask: Callable[..., Awaitable[Any]] = field(repr=False)
    """The generated function with its arguments, all but `client`."""
    read: Callable[[Any, dict[str, JSONValue]], T]
    """Makes the result from the generated model and the wire form."""
    refuse: Callable[[Operation[Any], Response, str | None], errors.RunpodError]
    """Makes the error for a response that is not 2xx, or is invalid for the given reason."""
    poll_wait: float = 0.0
    """The longest time that the server may delay the response (long poll), in seconds."""
    job_id: str | None = None
    """The id of the existing job, if the operation needs one."""
    complete: Callable[[dict[str, JSONValue], str | None], dict[str, JSONValue]] | None = None
    """Checks a body before it is parsed, and adds optional members that are missing."""
    largest: int | None = None
    """The documented limit for the size of the body, in bytes."""
    has_fallback: bool = False
    """Whether the caller uses another operation if the server answers 404."""
    any_body: bool = False
    """Whether the response may have any body, or none, as its form is not documented."""
    limit: RateLimitedCall | None = None
    """The rate limit of its kind, if RunPod documents one."""
    record: Submission | None = field(default=None, repr=False, eq=False)
    """The record of the submission, if the operation submits a job."""
    before_send: Callable[[], Awaitable[None]] | None = field(default=None, repr=False)
    """Awaited before each attempt, after the wait for the rate limit."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """The request's secrets, which no error may contain even if the server repeats them."""

    @property
    def submission(self) -> bool:
        return self.kind is RepeatSafety.SUBMIT
