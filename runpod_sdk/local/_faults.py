"""
The faults that a local endpoint can show.

    of a request      carried out   answer                                   stands for
    ───────────────   ───────────   ──────────────────────────────────────   ───────────────────
    LostRequest       no            none: the connection is closed           a broken network
    LostReply         yes           none: the connection is closed           a broken network
    SlowReply         yes           late                                     a slow network
    RateLimited       no            429, with Retry-After if given           too many requests
    ServerFailure     no            500, 502 or 503                          an outage of RunPod
    GatewayTimeout    yes           524, an HTML page                        a gateway's timeout

    of jobs           effect
    ───────────────   ──────────────────────────────────────────────────────────────────────────
    NoOutput          a job that succeeds is COMPLETED, and its output is lost
    ExpiredResult     a job that has ended is forgotten: 404, as after its retention
    SlowStart         workers restart, and take no job until they are ready

Faults are values. `LocalEndpoint.faults.add` activates one.
"""

from __future__ import annotations

import math
from datetime import timedelta as timedelta  # in the converter's annotations
from typing import Any

from attrs import Attribute, field, frozen
from attrs.converters import optional as converted_optionally

from runpod_sdk.settings import checked_id

from ._limits import seconds
from ._wire import OperationName


def _operation(value: str) -> str:
    try:
        return OperationName(value).value
    except ValueError:
        raise ValueError(
            f"no operation {value!r}; the operations are {', '.join(OperationName)}"
        ) from None


def _positive(_: object, attribute: Attribute[Any], value: float | None) -> None:
    if value is not None and not 0 < value < math.inf:  # NaN neither
        raise ValueError(f"{attribute.name} must be greater than zero, not {value}")


def _whole(_: object, attribute: Attribute[Any], value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"{attribute.name} must be a whole number of seconds, not {value!r}")


def _status(_: object, __: Attribute[Any], value: int) -> None:
    if value not in (500, 502, 503):
        raise ValueError(f"status must be 500, 502 or 503, not {value!r:.60}")


def _job(_: object, __: Attribute[Any], value: str | None) -> None:
    if value is not None:
        checked_id(value, "job_id")


@frozen
class Fault:
    """The base class of all faults."""


@frozen
class RequestFault(Fault):
    """
    A fault of requests.

    Args:
        operation: The operation whose requests it applies to, by its name in the path, such as
            `run`, `runsync` or `status-sync`; all operations by default.
    """

    operation: str | None = field(default=None, converter=converted_optionally(_operation))


@frozen
class LostRequest(RequestFault):
    """Close the connection without carrying out the request and without an answer."""


@frozen
class LostReply(RequestFault):
    """Carry out the request, then close the connection without an answer."""


@frozen
class SlowReply(RequestFault):
    """
    Carry out the request at once, and answer late.

    Args:
        seconds: How long the answer is delayed, in real time.
    """

    seconds: float = field(kw_only=True, converter=seconds, validator=_positive)


@frozen
class RateLimited(RequestFault):
    """
    Answer 429 without carrying out the request.

    Args:
        retry_after: The value of the header `Retry-After`, in whole seconds; no header by default.
    """

    retry_after: int | None = field(default=None, kw_only=True, validator=_whole)


@frozen
class ServerFailure(RequestFault):
    """
    Answer with an error without carrying out the request.

    Args:
        status: 500 or 503, as JSON like the service's, or 502, as a gateway's HTML page.
    """

    status: int = field(default=503, kw_only=True, validator=_status)


@frozen
class GatewayTimeout(RequestFault):
    """
    Carry out the request, but answer 524 with an HTML page, as the service's gateway does.

    Args:
        after: After how many seconds of real time the page is sent, whether or not the request
            has been carried out; by default, it is sent in place of the answer.
    """

    after: float | None = field(
        default=None, kw_only=True, converter=converted_optionally(seconds), validator=_positive
    )


@frozen
class JobFault(Fault):
    """
    A fault of jobs.

    Args:
        job_id: The job that it applies to; any job by default.
    """

    job_id: str | None = field(default=None, validator=_job)


@frozen
class NoOutput(JobFault):
    """Lose the output of a job that succeeds, as happens to results that are too large."""


@frozen
class ExpiredResult(JobFault):
    """Forget a job that has ended when a client asks for it, as after its retention: 404."""


@frozen
class SlowStart(Fault):
    """
    Restart each worker as soon as it has no job, and make each start slow.

    A starting worker counts as initializing, and jobs wait in the queue. The fault is applied
    once for each worker that starts.

    Args:
        seconds: How long a worker takes to start, by the endpoint's clock.
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
