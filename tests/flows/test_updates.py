"""Updates of a job, in virtual time."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given

from runpod_sdk import errors
from runpod_sdk._flows.updates import UpdateReader
from runpod_sdk.models import JobState
from tests.flows.virtual import (
    JOB,
    Meeting,
    Service,
    Story,
    VirtualIO,
    drive,
    meetings,
    randoms,
    session,
    stories,
    timeouts,
)

A_BLINK = 1e-6


def told(io: VirtualIO, timeout: float | None) -> tuple[list[JobState], Any]:
    """Read all updates; return them, and the error that ended them, if any."""
    reader = UpdateReader(session(io), JOB, None, timeout)
    states: list[JobState] = []

    async def read() -> None:
        while (state := await reader.next()) is not None:
            states.append(state)

    return states, drive(read())


@given(stories, meetings, randoms)
def test_each_change_comes_once_and_the_end_last(
    story: Story, faults: list[Meeting], luck: list[float]
) -> None:
    """With any faults, the updates are true, in order, and end with the job's terminal state."""
    service = Service(story, faults)
    io = VirtualIO(service, randoms=luck)
    states, outcome = told(io, None)
    if isinstance(outcome, errors.RunpodError):
        assert not any(state.completed for state in states)
        return
    assert outcome is None
    assert states[-1].status == story.status
    assert sum(state.completed for state in states) == 1
    news = [(state.status, state.progress) for state in states]
    assert all(one != other for one, other in itertools.pairwise(news))
    if story.lost_run is None:
        assert news == sorted(
            news, key=lambda one: ["IN_QUEUE", "IN_PROGRESS", story.status].index(one[0])
        )


@given(stories, meetings, randoms, timeouts)
def test_they_end_by_the_deadline(
    story: Story, faults: list[Meeting], luck: list[float], timeout: float
) -> None:
    """And not before it, if they end with it."""
    io = VirtualIO(Service(story, faults), randoms=luck)
    _, outcome = told(io, timeout)
    assert io.now() <= timeout + A_BLINK
    if isinstance(outcome, errors.RunpodTimeoutError):
        assert io.now() >= timeout - A_BLINK
        assert outcome.job == f"handle of {JOB}"


@given(stories)
def test_news_is_not_old(story: Story) -> None:
    """Without faults, the end is reported within five seconds; no loop polls without a pause."""
    io = VirtualIO(Service(story))
    states, outcome = told(io, None)
    assert outcome is None
    assert states[-1].completed
    assert io.now() <= max(story.ends_at, 0.0) + 5.1
    assert len(io.calls) <= 12 + story.ends_at / 1.0
