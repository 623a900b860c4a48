"""
Faults that a local endpoint shows on demand.

    of a request      happens     is answered                                like
    ───────────────   ─────────   ────────────────────────────────────────   ───────────────────
    LostRequest       no          not at all: the connection is closed       a broken network
    LostReply         yes         not at all: the connection is closed       the same, later
    SlowReply         yes         late                                       a slow network
    RateLimited       no          429, with Retry-After if asked for         too many requests
    ServerFailure     no          500, 502 or 503                            a fault of RunPod's
    GatewayTimeout    yes         524, a page in HTML                        an edge out of patience

    of jobs           what happens
    ───────────────   ──────────────────────────────────────────────────────────────────────────
    NoOutput          a job that succeeds is COMPLETED, and its output is lost
    ExpiredResult     a job that has ended is gone when it is asked for: 404, as after retention
    SlowStart         workers start anew, and take no job until they are ready

A fault is a value. Adding it to `LocalEndpoint.faults` brings it into force.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from attrs import Attribute, field, frozen
from attrs.converters import optional as converted_optionally
from attrs.validators import in_, instance_of, optional

from ._wire import Operation


def _operation(value: str) -> str:
    try:
        return Operation(value).value
    except ValueError:
        raise ValueError(
            f"there is no operation {value!r}; there are {', '.join(Operation)}"
        ) from None


def seconds(value: float | timedelta) -> float:
    """Read a length of time, in seconds."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a length of time must be a number of seconds, not {value!r}")
    return float(value)


def _positive(_: object, attribute: Attribute[Any], value: float | None) -> None:
    if value is not None and not 0 < value < math.inf:  # NaN neither
        raise ValueError(f"{attribute.name} must be greater than zero, not {value}")


def _whole(_: object, attribute: Attribute[Any], value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"{attribute.name} must be a whole number of seconds, not {value!r}")


@frozen
class Fault:
    """Something that goes wrong; see its subclasses."""


@frozen
class RequestFault(Fault):
    """
    A fault of requests.

    Args:
        operation: Whose requests it befalls, by the name in their path, such as `run`, `runsync`
            or `status-sync`; those of all operations without it.
    """

    operation: str | None = field(default=None, converter=converted_optionally(_operation))


@frozen
class LostRequest(RequestFault):
    """Close the connection before anything has happened, without one byte of an answer."""


@frozen
class LostReply(RequestFault):
    """Do what was asked, then close the connection without one byte of an answer."""


@frozen
class SlowReply(RequestFault):
    """
    Do what was asked at once, and answer late.

    Args:
        seconds: How long the answer is kept back; real time.
    """

    seconds: float = field(kw_only=True, converter=seconds, validator=_positive)


@frozen
class RateLimited(RequestFault):
    """
    Answer 429, and do nothing.

    Args:
        retry_after: What the header `Retry-After` says, in whole seconds; no such header without.
    """

    retry_after: int | None = field(default=None, kw_only=True, validator=_whole)


@frozen
class ServerFailure(RequestFault):
    """
    Answer *status*, and do nothing.

    Args:
        status: 500 or 503, in JSON as the service words them, or 502, a page of the edge before it.
    """

    status: int = field(default=503, kw_only=True, validator=in_((500, 502, 503)))


@frozen
class GatewayTimeout(RequestFault):
    """
    Do what was asked, but answer 524 with a page in HTML, as the edge does before the service.

    Args:
        after: When the page comes, in seconds of real time, even if the service has no answer
            by then; without it, in place of the answer.
    """

    after: float | None = field(
        default=None, kw_only=True, converter=converted_optionally(seconds), validator=_positive
    )


@frozen
class JobFault(Fault):
    """
    A fault of jobs.

    Args:
        job_id: The job that it befalls; any without it.
    """

    job_id: str | None = field(default=None, validator=optional(instance_of(str)))


@frozen
class NoOutput(JobFault):
    """Let a job that succeeds be COMPLETED without output, as when its result was too large."""


@frozen
class ExpiredResult(JobFault):
    """Forget a job that has ended when it is asked for, as if its retention had passed: 404."""


@frozen
class SlowStart(Fault):
    """
    Let workers start anew, each as soon as it has no job, and let each that starts take long.

    Until then it is counted as initializing, and jobs wait in the queue. It strikes once for
    each worker that starts.

    Args:
        seconds: How long a worker takes to start, by the clock of the endpoint.
    """

    seconds: float = field(converter=seconds, validator=_positive)


KINDS: tuple[type[Fault], ...] = (
    LostRequest,
    LostReply,
    SlowReply,
    RateLimited,
    ServerFailure,
    GatewayTimeout,
    NoOutput,
    ExpiredResult,
    SlowStart,
)
