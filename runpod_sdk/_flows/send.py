"""
Ask until there is an answer, or a reason to stop.

The two loops of this package are this one, after a failure, and those of `waiting`
and `streaming`, after an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TypeAlias, TypeVar

from runpod_sdk import _messages as messages
from runpod_sdk import errors
from runpod_sdk._flows import retry
from runpod_sdk._flows.call import Operation, exchange
from runpod_sdk._flows.deadline import NEVER, Deadline
from runpod_sdk._flows.io import NoReply, Session
from runpod_sdk._flows.rate_limit import Lane
from runpod_sdk._flows.retry import Kind
from runpod_sdk.models import JobState
from runpod_sdk.settings import BACKOFF_FIRST, PAUSE_FIRST

T = TypeVar("T")
Failure: TypeAlias = NoReply | errors.APIStatusError
"""What an attempt may end with in place of an answer."""
Revise: TypeAlias = Callable[[Failure, float], Operation[T]]
"""Returns what to ask next, after an attempt that failed after so many seconds."""


class OutOfTime(Exception):
    """The deadline has passed, or would pass before the next try."""

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
        """What the last try met, where there is no time for another."""
        self.sent = sent
        """Whether a try was cut short that may have reached the server."""
        self.in_line = in_line
        """Whether the request was not sent as its turn would not come in time."""
        self.wait = wait
        """The seconds until its turn, where that is known."""


async def send(
    session: Session,
    op: Operation[T],
    deadline: Deadline,
    *,
    give_up_at: float | None = None,
    revise: Revise[T] | None = None,
) -> T:
    """
    Ask, and ask again where that is safe and there is time.

    Args:
        give_up_at: The instant until which to ask again, however often; None is as often as
            the client's `max_retries` says.
        revise: Returns what to ask after a failure; None asks the same again.

    Raises:
        OutOfTime: The deadline is the reason to stop.
        APIStatusError: The server refused, and asking again is unsafe or was in vain.
        APIConnectionError: The same, without an answer.
        APIResponseValidationError: The answer can't be read.
    """
    io = session.io
    failure: errors.RunpodError | None = None
    retries = 0
    for resends in count():
        began = io.now()
        left = deadline.left(began)
        if left is not None and left <= 0:
            raise OutOfTime(failure)
        asked = began
        lane = await _enter(session, op, deadline if session.hurry else NEVER, failure)
        if not session.hurry:
            deadline = deadline.later(io.now() - began)
        try:
            if session.before is not None:
                await session.before()
            repeatable = op.kind in (Kind.READ, Kind.DRAIN)
            asked = io.now()
            limit = session.limit(deadline, op.hold, repeatable=repeatable)
            answer = await exchange(io, op, limit, resends)
            if op.job_id is not None:
                session.newcomers.discard(session.endpoint_id, op.job_id)
            if isinstance(answer, JobState):
                io.telemetry.saw(session.endpoint_id, answer)
            return answer
        except errors.APIStatusError as refusal:
            fault: Failure = refusal
            failure = refusal
        except NoReply as silence:
            left = deadline.left(io.now())
            if silence.timed_out and left is not None and left <= 0:
                raise OutOfTime(sent=silence.sent) from silence
            fault = silence
            failure = _no_answer(session, op, silence)
        finally:
            if lane is not None:
                lane.leave()
        if _is_too_early(session, op, fault):
            pause = PAUSE_FIRST
        else:
            retries += 1
            pause = retry.pause(retries, fault, io.random())
            if lane is not None and isinstance(fault, errors.RateLimitError):
                lane.refused(io.now(), max(pause, BACKOFF_FIRST))
            exhausted = (
                retries > session.max_retries
                if give_up_at is None
                else io.now() + pause > give_up_at
            )
            if exhausted or not retry.may_repeat(op.kind, fault):
                raise failure
        left = deadline.left(io.now())
        if left is not None and pause >= left:
            raise OutOfTime(failure)
        what = fault.reason if isinstance(fault, NoReply) else f"HTTP {fault.status_code}"
        io.note("DEBUG", "%s: %s; retry %d in %.1f s", op.action, what, resends + 1, pause)
        if revise is not None:
            op = revise(fault, io.now() - asked)
        await io.sleep(pause)
    raise AssertionError("unreachable")


async def _enter(
    session: Session, op: Operation[T], deadline: Deadline, failure: errors.RunpodError | None
) -> Lane | None:
    """
    Wait until it is the turn of *op* in its lane, and give the lane, to be left afterwards.

    Raises:
        OutOfTime: Its turn does not come before the deadline; with *failure*.
    """
    lane = None if op.limit is None else session.lane(op.limit)
    if lane is None:
        return None
    io = session.io
    turn = lane.enter()
    if turn is not None:
        came = False
        try:
            came = await io.turn(turn, deadline.left(io.now()))
        finally:
            if not came:
                lane.give_up(turn)
        if not came:
            raise OutOfTime(failure, in_line=True)
    try:
        while True:
            start = lane.start(io.now(), deadline.at)
            if start is None:
                raise OutOfTime(failure, in_line=True, wait=lane.wait(io.now()))
            pause = start - io.now()
            if pause <= 0:
                return lane
            await io.sleep(pause)
            if lane.is_open(io.now()):
                return lane
    except BaseException:
        lane.leave()
        raise


async def perform(session: Session, op: Operation[T], deadline: Deadline) -> T:
    """
    Carry out an operation that is one question and one answer.

    Raises:
        RunpodTimeoutError: The deadline passed.
        APIStatusError: The server refused, also where there was no time to ask again.
        APIConnectionError: The same, without an answer.
    """
    try:
        return await send(session, op, deadline)
    except OutOfTime as out:
        if out.failure is not None:
            raise out.failure from out.failure.__cause__
        uncertain = op.submission and out.sent
        cls = errors.SubmissionTimeoutError if uncertain else errors.RunpodTimeoutError
        message = messages.timed_out(
            op.action, deadline.timeout, uncertain=uncertain, in_line=out.in_line, wait=out.wait
        )
        job = None if op.job_id is None else session.handle(op.job_id)
        raise cls(message, job=job) from out.__cause__


def _is_too_early(session: Session, op: Operation[T], fault: Failure) -> bool:
    """Tell whether the answer may be that of a server that does not know the job yet."""
    return (
        isinstance(fault, errors.NotFoundError) and not op.another_way and session.is_new(op.job_id)
    )


def _no_answer(session: Session, op: Operation[T], fault: NoReply) -> errors.RunpodError:
    cls: type[errors.APIConnectionError] = errors.APIConnectionError
    if fault.sent and op.submission:
        cls = errors.SubmissionUncertainError
    elif fault.sent and op.kind is Kind.DRAIN:
        cls = errors.StreamInterruptedError
    elif fault.closed:
        cls = errors.ClientClosedError
    message = messages.no_answer(op.action, fault.reason, submission=op.submission and fault.sent)
    error = cls(message)
    error.__cause__ = fault.__cause__
    return error
