"""
Wait for a job with long polls.

The server holds each response until the job has ended or the `wait` has passed, so there is no
pause between long polls. A response that arrives at once without news is followed by a pause,
longer each time. A server without long polls is polled at `/status`, with the same pauses.

The wait survives outages until the caller's deadline; without one, until `OUTAGE` seconds have
passed without a good response. If a gateway cuts or drops two held responses in a row, the next
long polls are half as long as the last one. If that is too short for a long poll, `/status` is
polled for a while.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable

from runpod_sdk import _messages as messages
from runpod_sdk import errors
from runpod_sdk._flows import api
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.deadline import NEVER, Deadline
from runpod_sdk._flows.io import RequestFailed
from runpod_sdk._flows.operation import Operation
from runpod_sdk._flows.rate_limit import RateLimitedCall
from runpod_sdk._flows.send import Failure, OutOfTime, send_until_answered
from runpod_sdk.models import JobState
from runpod_sdk.settings import (
    MAX_POLL_WAIT,
    MIN_POLL_WAIT,
    OUTAGE,
    PAUSE_FIRST,
    PAUSE_GROWTH,
    PAUSE_LONGEST,
    POLL_WAIT,
    SHORT_POLLS,
)


def poll_wait(left: float | None, longest: float = POLL_WAIT) -> float:
    """Return the length of a long poll in seconds, with *left* seconds until the deadline."""
    wanted = longest if left is None else min(left, longest)
    return min(max(wanted, MIN_POLL_WAIT), MAX_POLL_WAIT)


def poll_pause(idle: int, elapsed: float, longest: float = PAUSE_LONGEST) -> float:
    """
    Return the pause before the next poll, in seconds.

    Args:
        idle: The number of responses in a row without a change.
        elapsed: The time since the last request was sent, in seconds.
        longest: The longest time between two requests, in seconds.
    """
    growth = PAUSE_GROWTH ** min(idle, 16)
    return max(0.0, min(PAUSE_FIRST * growth, longest) - elapsed)


async def pause_between_polls(
    context: EndpointContext,
    idle: int,
    asked_at: float,
    deadline: Deadline,
    longest: float = PAUSE_LONGEST,
) -> None:
    """
    Wait for the pause after a poll that was sent at *asked_at*.

    Raises:
        OutOfTime: The deadline is before the end of the pause.
    """
    now = context.io.now()
    length = poll_pause(idle, now - asked_at, longest)
    left = deadline.left(now)
    if left is not None and length >= left:
        raise OutOfTime
    if length > 0:
        await context.io.sleep(length)


async def sleep_until_deadline(context: EndpointContext, deadline: Deadline) -> None:
    """Sleep until the deadline, which is too close for another attempt."""
    left = deadline.left(context.io.now())
    if left is not None and left > 0:
        await context.io.sleep(left)


async def wait(
    context: EndpointContext, job_id: str, deadline: Deadline, known: JobState | None = None
) -> JobState:
    """
    Wait until the job's status is terminal.

    Args:
        known: The job's last known state, if any.

    Raises:
        RunpodTimeoutError: The deadline passed first; with the last state.
        NotFoundError: The server does not know the job, at `/status` either.
    """
    poller = JobPoller(context, job_id)
    idle = 0
    while known is None or not known.completed:
        try:
            state = await poller(deadline)
            idle = idle + 1 if _is_unchanged(state, known) else 0
            known = state
            if not known.completed:
                await pause_between_polls(context, idle, poller.asked_at, deadline)
        except OutOfTime as out:
            await sleep_until_deadline(context, deadline)
            raise timed_out(context, job_id, deadline, known) from (out.failure or out.__cause__)
    return known


def _is_unchanged(state: JobState, known: JobState | None) -> bool:
    try:
        return state == known
    except RecursionError:  # a progress that is nested too deep to compare counts as a change
        return False


class JobPoller:
    """Reads the state of a job, by long poll if the server supports it."""

    def __init__(self, context: EndpointContext, job_id: str) -> None:
        self._context = context
        self._job_id = job_id
        self._span = context.io.telemetry.follow_job(context.endpoint_id, job_id)
        self._long_polls = True
        self._longest = MAX_POLL_WAIT
        """The longest long poll that gateways do not cut, in seconds."""
        self._cuts = 0
        """The number of long polls in a row without a response."""
        self._short_until = 0.0
        """When to try long polls again, after a gateway cut the shortest one."""
        self._answered = context.io.now()
        """When the last valid response arrived."""
        self.asked_at = 0.0
        """When the last request was sent."""
        self._op: Operation[JobState]
        """The current operation."""
        self._deadline = NEVER
        """The current operation's deadline."""
        self._wait = POLL_WAIT
        """The longest wait of the current operation, in seconds."""

    async def __call__(self, deadline: Deadline, longest: float = POLL_WAIT) -> JobState:
        context, job_id = self._context, self._job_id
        self.asked_at = context.io.now()
        is_new = False
        if self._long_polls and self.asked_at >= self._short_until:
            try:
                self._deadline, self._wait = deadline, longest
                self._op = self._long_poll()
                return self._answer(await self._send())
            except errors.APIStatusError as refusal:
                if refusal.status_code not in (404, 405):
                    raise
                is_new = refusal.status_code == 404 and context.is_new(job_id)
            self._long_polls = is_new
        return await self.status(deadline)

    async def status(self, deadline: Deadline) -> JobState:
        """Read the current state, without a long poll."""
        context = self._context
        self.asked_at = context.io.now()
        self._op = api.status(context.endpoint_id, self._job_id)
        self._deadline, self._wait = deadline, POLL_WAIT
        return self._answer(await self._send())

    def _long_poll(self) -> Operation[JobState]:
        context = self._context
        wanted = context.poll_wait(RateLimitedCall.STATUS, min(self._wait, self._longest))
        held = poll_wait(self._deadline.left(self.asked_at), wanted)
        return api.status_sync(context.endpoint_id, self._job_id, held)

    def _send(self) -> Awaitable[JobState]:
        """Send the current operation, through outages and gateways that cut long polls."""
        give_up_at = math.inf if self._deadline.at is not None else self._answered + OUTAGE
        return send_until_answered(
            self._context, self._op, self._deadline, give_up_at=give_up_at, revise=self._revise
        )

    def _answer(self, state: JobState) -> JobState:
        """Record that the current operation was answered with *state*, and return it."""
        self._answered = self._context.io.now()
        if self._op.poll_wait:
            self._cuts = 0
        return state

    def _revise(self, fault: Failure, elapsed: float) -> Operation[JobState]:
        """Return the next operation after a failure."""
        context, poll_wait = self._context, self._op.poll_wait
        self.asked_at = context.io.now()
        if poll_wait and _may_be_cut(fault):
            self._cuts += 1
            if self._cuts > 1:
                self._longest = min(elapsed, poll_wait) / 2
        if poll_wait and self._longest < MIN_POLL_WAIT:
            self._longest, self._short_until = MAX_POLL_WAIT, self.asked_at + SHORT_POLLS
            self._op = api.status(context.endpoint_id, self._job_id)
        elif poll_wait:
            self._op = self._long_poll()
        return self._op


def _may_be_cut(fault: Failure) -> bool:
    """Return whether a gateway may have cut a long poll."""
    if isinstance(fault, RequestFailed):
        return fault.sent
    return fault.status_code == 408 or fault.status_code >= 500


def timed_out(
    context: EndpointContext, job_id: str, deadline: Deadline, state: JobState | None
) -> errors.RunpodTimeoutError:
    """Create the error of a wait for a job whose deadline has passed."""
    message = messages.timed_out(f"job {job_id}", deadline.timeout, state=state)
    return errors.RunpodTimeoutError(message, job=context.job_of(job_id), state=state)
