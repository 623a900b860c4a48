"""An operation of the API: how to ask, and how to read the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from runpod_sdk import errors
from runpod_sdk._flows.io import Response, Submission
from runpod_sdk._flows.rate_limit import RateLimitedCall
from runpod_sdk._flows.retry import RepeatSafety
from runpod_sdk._types import JSONValue

T = TypeVar("T")


@frozen
class Operation(Generic[T]):
    """One operation of the API with its arguments: how to ask, and how to read the answer."""

    action: str
    """Description for messages, such as "status of job …"."""
    kind: RepeatSafety
    ask: Callable[..., Awaitable[Any]] = field(repr=False)
    """The generated function with its arguments, all but `client`."""
    read: Callable[[Any, dict[str, JSONValue]], T]
    """Makes the result of the generated model and the wire form."""
    refuse: Callable[[Operation[Any], Response, str | None], errors.RunpodError]
    """Makes the error of an answer that is not 2xx, or can't be read for the reason given."""
    poll_wait: float = 0.0
    """How long the server may hold the answer back, in seconds."""
    job_id: str | None = None
    """The id of the existing job, if the operation needs one."""
    complete: Callable[[dict[str, JSONValue], str | None], dict[str, JSONValue]] | None = None
    """Checks a body before it is parsed, and adds the members that it may lack."""
    largest: int | None = None
    """Bytes of the body that the service takes, where it says so."""
    another_way: bool = False
    """Whether there is another operation to ask with, should this one be answered 404."""
    limit: RateLimitedCall | None = None
    """The rate limit of its kind, if RunPod documents one."""
    record: Submission | None = field(default=None, repr=False, eq=False)
    """The record of the submission, if the operation submits a job."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """The request's secrets, which no error may contain even if the server repeats them."""

    @property
    def submission(self) -> bool:
        return self.kind is RepeatSafety.SUBMIT
