"""
Ask until there is an answer, or a reason to stop.

The two loops of this package are this one, after a failure, and those of `waiting`
and `streaming`, after an answer.
"""

from __future__ import annotations

from itertools import count
from typing import TypeVar

from runpod_sdk import errors
from runpod_sdk._flows import retry
from runpod_sdk._flows.exchange import Operation, exchange
from runpod_sdk._flows.port import Deadline, NoReply, Session
from runpod_sdk._flows.retry import Kind

T = TypeVar("T")


class OutOfTime(Exception):
    """The deadline has passed, or would pass before the next try."""

    def __init__(self, failure: errors.RunpodError | None = None, *, sent: bool = False) -> None:
        super().__init__(failure)
        self.failure = failure
        """What the last try met, where there is no time for another."""
        self.sent = sent
        """Whether a try was cut short that may have reached the server."""


async def send(session: Session, op: Operation[T], deadline: Deadline) -> T:
    """
    Ask, and ask again where that is safe and there is time.

    Raises:
        OutOfTime: The deadline is the reason to stop.
        APIStatusError: The server refused, and asking again is unsafe or was in vain.
        APIConnectionError: The same, without an answer.
        APIResponseValidationError: The answer can't be read.
    """
    io = session.io
    failure: errors.RunpodError | None = None
    for attempt in count(1):
        left = deadline.left(io.now())
        if left is not None and left <= 0:
            raise OutOfTime(failure)
        try:
            return await exchange(io, op, _limit(session, op, left))
        except errors.APIStatusError as refusal:
            fault: NoReply | errors.APIStatusError = refusal
            failure = refusal
        except NoReply as silence:
            left = deadline.left(io.now())
            if silence.timed_out and left is not None and left <= 0:
                raise OutOfTime(sent=silence.sent) from silence
            fault = silence
            failure = _no_answer(session, op, silence)
        if attempt > session.max_retries or not retry.may_repeat(op.kind, fault):
            raise failure
        pause = retry.pause(attempt, fault, io.random())
        left = deadline.left(io.now())
        if left is not None and pause >= left:
            raise OutOfTime(failure)
        await io.sleep(pause)
    raise AssertionError("unreachable")


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
        message = errors.timeout_message(op.action, deadline.timeout, uncertain=uncertain)
        job = None if op.job_id is None else session.handle(op.job_id)
        raise cls(message, job=job) from out.__cause__
    except (GeneratorExit, Exception):
        raise
    except BaseException as interruption:  # Ctrl-C, or the cancellation of a task
        if op.submission:
            note = errors.no_answer_message(op.action, "interrupted", submission=True)
            interruption.add_note(note)
        raise


def _limit(session: Session, op: Operation[T], left: float | None) -> float | None:
    """Bound one try: what may be asked again isn't waited for without end."""
    if op.kind not in (Kind.READ, Kind.DRAIN) or session.patience is None:
        return left
    patience = op.hold + session.patience
    return patience if left is None else min(left, patience)


def _no_answer(session: Session, op: Operation[T], fault: NoReply) -> errors.RunpodError:
    if not fault.sent:
        cls: type[errors.APIConnectionError] = errors.APIConnectionError
    elif op.submission:
        cls = errors.SubmissionUncertainError
    elif op.kind is Kind.DRAIN:
        cls = errors.StreamInterruptedError
    else:
        cls = errors.APIConnectionError
    message = errors.no_answer_message(
        op.action, fault.reason, submission=op.submission and fault.sent
    )
    error = cls(message)
    error.__cause__ = fault.__cause__
    return error
