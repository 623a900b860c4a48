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
"""Calls the caller's function for updates."""

_EARLY = 0.75
"""The fraction of a long poll before which a response counts as early."""


class UpdateReader:
    """Reads the updates of one job: its current state, each change, and its terminal state."""

    def __init__(
        self,
        context: EndpointContext,
        job_id: str,
        deadline: Deadline | None,
        timeout: float | None,
        known: JobState | None = None,
    ) -> None:
        """
        Create the reader; it sends nothing yet.

        Args:
            deadline: The deadline; None starts *timeout* with the first request.
            timeout: The timeout in seconds, if there is no deadline yet.
            known: The job's current state, if it is known.
        """
        self._context = context
        self._job_id = job_id
        self._deadline = deadline
        self._timeout = timeout
        self._started: JobPoller | None = None
        self._known = known
        self._reported: JobState | None = None
        self._idle = 0
        self._asked_at = 0.0
        self._ends_early = False

    async def fill(self) -> deque[JobState] | None:
        """Return a deque that contains the next update, or None after the last."""
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
        deadline, reported = self._deadline, self._reported
        if reported is not None and reported.completed:
            return None
        try:
            if reported is None:
                self._asked_at = context.io.now()
            if self._known is None:
                self._known = await self._poller.status(deadline)
            while reported is not None and not has_changed(self._known, reported):
                self._known = await self._poll_once(deadline, reported)
        except OutOfTime as out:
            await sleep_until_deadline(context, deadline)
            reason = out.failure or out.__cause__
            raise timed_out(context, self._job_id, deadline, self._known) from reason
        self._reported = self._known
        return self._reported

    @property
    def _poller(self) -> JobPoller:
        if self._started is None:  # not before the first request: the constructor reads the clock
            self._started = JobPoller(self._context, self._job_id)
        return self._started

    async def _poll_once(self, deadline: Deadline, reported: JobState) -> JobState:
        """Poll once, after the same pause as a wait without long polls: short after a change."""
        context, poller, idle = self._context, self._poller, self._idle
        interval = poll_pause(idle, 0.0)
        if interval < MIN_POLL_WAIT and not self._ends_early:
            await pause_between_polls(context, idle, self._asked_at, deadline)
            self._asked_at = context.io.now()
            state = await poller.status(deadline)
        else:
            held = POLL_WAIT if self._ends_early else interval
            self._asked_at = context.io.now()
            state = await poller(deadline, held)
            if has_changed(state, reported):
                self._ends_early = context.io.now() - poller.asked_at < _EARLY * held
            else:  # it may have been answered at once
                await pause_between_polls(context, idle, poller.asked_at, deadline)
        self._idle = 0 if has_changed(state, reported) else idle + 1
        return state


def has_changed(state: JobState, reported: JobState) -> bool:
    """Return whether the status or the progress has changed."""
    try:
        return (state.status, state.progress) != (reported.status, reported.progress)
    except RecursionError:  # a progress nested too deep to compare
        return True


def wait_and_notify(
    context: EndpointContext,
    job_id: str,
    deadline: Deadline,
    notify: Notify | None,
    known: JobState | None = None,
) -> Awaitable[JobState]:
    """
    Wait until the job's status is terminal, as `wait` does; call *notify* with each update.

    Args:
        notify: None without a function for updates: long polls are then as long as possible.
        known: The job's current state, if it is known.
    """
    if notify is None:
        return wait(context, job_id, deadline, known)
    return _notify_until_end(UpdateReader(context, job_id, deadline, None, known), notify)


async def _notify_until_end(updates: UpdateReader, notify: Notify) -> JobState:
    known: JobState | None = None
    while (state := await updates.next()) is not None:
        known = state
        await notify(state)
    assert known is not None
    return known
