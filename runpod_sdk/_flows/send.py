"""
Send a request until there is a response, or a reason to stop.

This loop repeats a request after a failure. The loops of `wait` and `stream` repeat requests after
a response.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TypeAlias, TypeVar

from runpod_sdk import _messages as messages
from runpod_sdk import errors
from runpod_sdk._flows import retry
from runpod_sdk._flows.call import call_once
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.deadline import NEVER, TIMER_RESOLUTION, Deadline
from runpod_sdk._flows.io import IO, RequestFailed
from runpod_sdk._flows.operation import Operation
from runpod_sdk._flows.rate_limit import Limiter
from runpod_sdk._flows.retry import RepeatSafety
from runpod_sdk.models import JobState
from runpod_sdk.settings import BACKOFF_FIRST, OUTAGE, PAUSE_FIRST

T = TypeVar("T")
Failure: TypeAlias = RequestFailed | errors.APIStatusError
"""The failure of an attempt."""
Revise: TypeAlias = Callable[[Failure, float], Operation[T]]
"""Returns the next operation, given the failure of an attempt and its duration in seconds."""


class OutOfTime(Exception):
    """The deadline has passed, or would pass before the next attempt."""

    def __init__(
        self,
        failure: errors.RunpodError | None = None,
        *,
        sent: bool = False,
        in_line: bool = False,
        wait: float | None = None,
    ) -> None:
        super().__init__(failure)
        self.failure = failure
        """The failure of the last attempt."""
        self.sent = sent
        """Whether an interrupted attempt may have reached the server."""
        self.in_line = in_line
        """Whether the request was not sent because of the rate limit."""
        self.wait = wait
        """The seconds until the rate limit allows the request, if known."""


async def send_until_answered(
    context: EndpointContext,
    op: Operation[T],
    deadline: Deadline,
    *,
    give_up_at: float | None = None,
    revise: Revise[T] | None = None,
) -> T:
    """
    Send a request, and retry it if that is safe and there is time.

    Args:
        give_up_at: The time until which to retry, without a limit on the number; None uses the
            client's `max_retries`.
        revise: Returns the next operation after a failure; None repeats the same operation.

    Raises:
        OutOfTime: The deadline passed.
        APIStatusError: The response is not 2xx, and a retry is unsafe or failed.
        APIConnectionError: No response arrived, and a retry is unsafe or failed.
        APIResponseValidationError: The response cannot be read.
    """
    io = context.io
    failure: errors.RunpodError | None = None
    retries = 0
    first_refusal: float | None = None
    """When a request that queues for as long as it takes was first refused by the rate limit."""
    for resends in count():
        began = io.now()
        left = deadline.left(began)
        if left is not None and left <= 0:
            raise OutOfTime(failure)
        sent_at = began
        limiter = context.rate_limiter(op.limit)
        if limiter is not None and context.queueing_counts:
            await _acquire(io, limiter, deadline, failure)
        elif limiter is not None:
            await _acquire(io, limiter, NEVER, failure)
            deadline = deadline.later(io.now() - began)
        try:
            if op.before_send is not None:
                await op.before_send()
            repeatable = op.kind in (RepeatSafety.READ, RepeatSafety.CONSUME)
            sent_at = io.now()
            limit = context.limit(deadline, op.poll_wait, repeatable=repeatable)
            answer = await call_once(io, op, limit, resends, context.headers)
            if op.job_id is not None:
                context.recent_jobs.discard(context.endpoint_id, op.job_id)
            if isinstance(answer, JobState):
                io.telemetry.job_seen(context.endpoint_id, answer)
            return answer
        except errors.APIStatusError as refusal:
            fault: Failure = refusal
            failure = refusal
        except RequestFailed as error:
            left = deadline.left(io.now())
            if error.timed_out and left is not None and left <= TIMER_RESOLUTION:
                raise OutOfTime(sent=error.sent) from error
            fault = error
            failure = _connection_error(context, op, error)
        finally:
            if limiter is not None:
                limiter.release()
        if _is_too_early(context, op, fault):
            pause = PAUSE_FIRST
        else:
            is_queued = limiter is not None and isinstance(fault, errors.RateLimitError)
            queueing_is_free = is_queued and not context.queueing_counts
            if queueing_is_free:
                first_refusal = first_refusal or io.now()
                pause = retry.pause(1, fault, io.random())
                exhausted = io.now() + pause > first_refusal + OUTAGE
            else:
                retries += 1
                pause = retry.pause(retries, fault, io.random())
                exhausted = (
                    retries > context.max_retries
                    if give_up_at is None
                    else io.now() + pause > give_up_at
                )
            if limiter is not None and is_queued:
                limiter.back_off(io.now(), max(pause, BACKOFF_FIRST))
            if exhausted or not retry.may_repeat(op.kind, fault):
                raise failure
            if queueing_is_free:
                deadline = deadline.later(pause)
        left = deadline.left(io.now())
        if left is not None and pause >= left:
            raise OutOfTime(failure)
        what = fault.reason if isinstance(fault, RequestFailed) else f"HTTP {fault.status_code}"
        io.log("DEBUG", "%s: %s; retry %d in %.1f s", op.action, what, resends + 1, pause)
        if revise is not None:
            op = revise(fault, io.now() - sent_at)
        await io.sleep(pause)
    raise AssertionError("unreachable")


async def _acquire(
    io: IO, limiter: Limiter, deadline: Deadline, failure: errors.RunpodError | None
) -> None:
    """
    Wait until the rate limiter admits a request; the caller releases the limiter.

    Raises:
        OutOfTime: The limiter does not admit it before the deadline; with *failure*.
    """
    waiter = limiter.acquire()
    if waiter is not None:
        acquired = False
        try:
            acquired = await io.wait_for(waiter, deadline.left(io.now()))
        finally:
            if not acquired:
                limiter.abandon(waiter)
        if not acquired:
            raise OutOfTime(failure, in_line=True)
    try:
        while True:
            pauses, now = limiter.pauses, io.now()
            start = limiter.reserve(now, deadline.at)
            if start is None:
                raise OutOfTime(failure, in_line=True, wait=limiter.wait(now))
            if start <= now:
                return
            await io.sleep(start - now)
            if limiter.pauses == pauses:
                return
    except BaseException:
        limiter.release()
        raise


async def call(context: EndpointContext, op: Operation[T], deadline: Deadline) -> T:
    """
    Perform an operation with one request and one response.

    Raises:
        RunpodTimeoutError: The deadline passed.
        APIStatusError: The response is not 2xx, also if there was no time for a retry.
        APIConnectionError: No response arrived, also if there was no time for a retry.
    """
    try:
        return await send_until_answered(context, op, deadline)
    except OutOfTime as out:
        if out.failure is not None:
            raise out.failure from out.failure.__cause__
        uncertain = op.submission and out.sent
        cls = errors.SubmissionTimeoutError if uncertain else errors.RunpodTimeoutError
        message = messages.timed_out(
            op.action, deadline.timeout, uncertain=uncertain, in_line=out.in_line, wait=out.wait
        )
        job = None if op.job_id is None else context.job_of(op.job_id)
        raise cls(message, job=job) from out.__cause__


def _is_too_early(context: EndpointContext, op: Operation[T], fault: Failure) -> bool:
    """Return whether the response may come from a server that does not know the job yet."""
    return (
        isinstance(fault, errors.NotFoundError)
        and not op.has_fallback
        and context.is_new(op.job_id)
    )


def _connection_error(
    context: EndpointContext, op: Operation[T], fault: RequestFailed
) -> errors.RunpodError:
    cls: type[errors.APIConnectionError] = errors.APIConnectionError
    if fault.sent and op.submission:
        cls = errors.SubmissionUncertainError
    elif fault.sent and op.kind is RepeatSafety.CONSUME:
        cls = errors.StreamInterruptedError
    elif fault.closed:
        cls = errors.ClientClosedError
    message = messages.no_answer(op.action, fault.reason, submission=op.submission and fault.sent)
    error = cls(message)
    error.__cause__ = fault.__cause__
    return error
