"""Updates of a job, in virtual time."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given

from runpod_sdk import errors
from runpod_sdk._flows.updates import UpdateReader
from runpod_sdk._io import sync
from runpod_sdk.models import JobState
from tests.flows.virtual import (
    JOB,
    RequestFault,
    Service,
    Timeline,
    VirtualIO,
    drive,
    randoms,
    request_faults,
    session,
    timelines,
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


@given(timelines, request_faults, randoms)
def test_each_change_comes_once_and_the_end_last(
    timeline: Timeline, faults: list[RequestFault], draws: list[float]
) -> None:
    """With any faults, the updates are true, in order, and end with the job's terminal state."""
    service = Service(timeline, faults)
    io = VirtualIO(service, randoms=draws)
    states, outcome = told(io, None)
    if isinstance(outcome, errors.RunpodError):
        assert not any(state.completed for state in states)
        return
    assert outcome is None
    assert states[-1].status == timeline.status
    assert sum(state.completed for state in states) == 1
    news = [(state.status, state.progress) for state in states]
    assert all(one != other for one, other in itertools.pairwise(news))
    if timeline.lost_run is None:
        assert news == sorted(
            news, key=lambda one: ["IN_QUEUE", "IN_PROGRESS", timeline.status].index(one[0])
        )


@given(timelines, request_faults, randoms, timeouts)
def test_they_end_by_the_deadline(
    timeline: Timeline, faults: list[RequestFault], draws: list[float], timeout: float
) -> None:
    """And not before it, if they end with it."""
    io = VirtualIO(Service(timeline, faults), randoms=draws)
    _, outcome = told(io, timeout)
    assert io.now() <= timeout + A_BLINK
    if isinstance(outcome, errors.RunpodTimeoutError):
        assert io.now() >= timeout - A_BLINK
        assert outcome.job == f"handle of {JOB}"


@given(timelines)
def test_news_is_not_old(timeline: Timeline) -> None:
    """Without faults, the end is reported within five seconds; no loop polls without a pause."""
    io = VirtualIO(Service(timeline))
    states, outcome = told(io, None)
    assert outcome is None
    assert states[-1].completed
    assert io.now() <= max(timeline.ends_at, 0.0) + 5.1
    assert len(io.calls) <= 12 + timeline.ends_at / 1.0


@pytest.mark.parametrize("long_polls", [True, False])
def test_a_start_is_news(long_polls: bool) -> None:
    """It is reported within five seconds, although no long poll ends for it."""
    io = VirtualIO(Service(Timeline(40.0, 400.0, long_polls=long_polls)))
    reader = UpdateReader(session(io), JOB, None, None)
    for status, at in (("IN_QUEUE", 0.0), ("IN_PROGRESS", 40.0), ("COMPLETED", 400.0)):
        state = sync.drive(reader.next())
        assert state is not None
        assert state.status == status
        assert at <= io.now() < at + 5.1
