"""
Report each change of a job's status or progress, once.

RunPod ends a long poll when the job has ended, but not always for other changes. Each long poll is
therefore as short as the pause between two polls, and where that is too short for a long poll, the
client requests `/status`. If a response arrives early with a change, the server ends long polls for
changes, and the next ones are as long as in a wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.deadline import Deadline
from runpod_sdk._flows.send import OutOfTime
from runpod_sdk._flows.wait import (
    JobPoller,
    pause_between_polls,
    poll_pause,
    sleep_until_deadline,
    timed_out,
    wait,
)
from runpod_sdk.models import JobState
from runpod_sdk.settings import MIN_POLL_WAIT, POLL_WAIT

Notify: TypeAlias = Callable[[JobState], Awaitable[None]]
"""Calls the function of a program that wants to know of updates."""

_EARLY = 0.75
"""The part of a long poll within which an answer counts as early."""


class UpdateReader:
    """Reads the updates of one job: its present state, each change, and its terminal state."""

    def __init__(
        self,
        context: EndpointContext,
        job_id: str,
        deadline: Deadline | None,
        timeout: float | None,
        known: JobState | None = None,
    ) -> None:
        """
        Begin.

        Args:
            deadline: When the time is over; None begins *timeout* with the first question.
            known: The job's present state, if it is known.
        """
        self._context = context
        self._job_id = job_id
        self._deadline = deadline
        self._timeout = timeout
        self._started: JobPoller | None = None
        self._known = known
        self._told: JobState | None = None
        self._idle = 0
        self._asked = 0.0
        self._ends_early = False

    async def fill(self) -> deque[JobState] | None:
        """Return the next update in a queue, or None after the last."""
        state = await self.next()
        return None if state is None else deque([state])

    async def next(self) -> JobState | None:
        """
        Return the next update, or None after the last.

        Raises:
            RunpodTimeoutError: The deadline passed.
            NotFoundError: The server does not know the job.
        """
        context = self._context
        if self._deadline is None:
            self._deadline = context.deadline(self._timeout)
        deadline, told = self._deadline, self._told
        if told is not None and told.completed:
            return None
        try:
            if told is None:
                self._asked = context.io.now()
            if self._known is None:
                self._known = await self._poll.status(deadline)
            while told is not None and not is_news(self._known, told):
                self._known = await self._ask(deadline, told)
        except OutOfTime as out:
            await sleep_until_deadline(context, deadline)
            reason = out.failure or out.__cause__
            raise timed_out(context, self._job_id, deadline, self._known) from reason
        self._told = self._known
        return self._told

    @property
    def _poll(self) -> JobPoller:
        if self._started is None:  # not before the first question: it looks at the clock
            self._started = JobPoller(self._context, self._job_id)
        return self._started

    async def _ask(self, deadline: Deadline, told: JobState) -> JobState:
        """Ask once, at the pace of a wait without long polls: soon after news, else seldom."""
        context, poll, idle = self._context, self._poll, self._idle
        pace = poll_pause(idle, 0.0)
        if pace < MIN_POLL_WAIT and not self._ends_early:
            await pause_between_polls(context, idle, self._asked, deadline)
            self._asked = context.io.now()
            state = await poll.status(deadline)
        else:
            held = POLL_WAIT if self._ends_early else pace
            self._asked = context.io.now()
            state = await poll(deadline, held)
            if is_news(state, told):
                self._ends_early = context.io.now() - poll.asked < _EARLY * held
            else:  # it may have been answered at once
                await pause_between_polls(context, idle, poll.asked, deadline)
        self._idle = 0 if is_news(state, told) else idle + 1
        return state


def is_news(state: JobState, told: JobState) -> bool:
    """Return whether the status or the progress has changed."""
    try:
        return (state.status, state.progress) != (told.status, told.progress)
    except RecursionError:  # a progress nested too deep to compare
        return True


async def wait_and_notify(
    context: EndpointContext,
    job_id: str,
    deadline: Deadline,
    notify: Notify | None,
    known: JobState | None = None,
) -> JobState:
    """
    Wait until the job's status is terminal, as `wait` does; call *notify* with each update.

    Args:
        notify: None without a function for updates: long polls are then as long as possible.
        known: The job's current state, if it is known.
    """
    if notify is None:
        return await wait(context, job_id, deadline, known)
    updates = UpdateReader(context, job_id, deadline, None, known)
    while (state := await updates.next()) is not None:
        known = state
        await notify(state)
    assert known is not None
    return known
