"""Lanes keep to their rates, whatever comes, and nobody waits longer than that takes."""

from __future__ import annotations

from bisect import bisect_right
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk._flows.rate_limit import MARGIN, RATES, SLOWEST, WINDOW, Lane, Limit, Rate, Traffic

RATE = Rate(requests=20, concurrent=4, burst=2)
FAST = st.floats(0.0, 0.2)
GAPS = st.lists(st.one_of(FAST, st.floats(0.0, 12.0)), min_size=1, max_size=80)


def most_within(starts: list[float], window: float) -> int:
    """Count the requests in the fullest *window*, its end left out."""
    return max(
        bisect_right(starts, start + window - 1e-6) - index for index, start in enumerate(starts)
    )


def started(lane: Lane, now: float) -> float:
    start = lane.start(now, None)
    assert start is not None
    return start


@given(gaps=GAPS)
def test_no_window_has_more_than_the_rate(gaps: list[float]) -> None:
    lane, now, starts = Lane(RATE), 0.0, list[float]()
    for gap in gaps:
        now += gap
        starts.append(started(lane, now))
    assert starts == sorted(starts)
    assert most_within(starts, WINDOW * MARGIN) <= RATE.requests
    assert most_within(starts, WINDOW * MARGIN / 10) <= RATE.burst


@given(gaps=GAPS)
def test_nobody_waits_without_need(gaps: list[float]) -> None:
    """A start that is put off comes at the very end of a window that was full without it."""
    lane, now, starts = Lane(RATE), 0.0, list[float]()
    for gap in gaps:
        now += gap
        start = started(lane, now)
        if start > now:
            ends = [starts[-RATE.burst] + WINDOW * MARGIN / 10, starts[-1]]
            if len(starts) >= RATE.requests:
                ends.append(starts[-RATE.requests] + WINDOW * MARGIN)
            assert start == pytest.approx(max(ends))
        starts.append(start)


@given(gaps=GAPS, left=st.floats(0.0, 3.0))
def test_what_would_come_too_late_is_not_counted(gaps: list[float], left: float) -> None:
    lane, other, now = Lane(RATE), Lane(RATE), 0.0
    for gap in gaps:
        now += gap
        start = lane.start(now, now + left)
        if start is not None:
            assert start < now + left
            assert other.start(now, None) == start


@given(pause=st.floats(0.1, 30.0), refusals=st.integers(1, 12))
def test_a_refusal_stops_the_lane_and_slows_it_down(pause: float, refusals: int) -> None:
    lane, now = Lane(RATE), 100.0
    for _ in range(refusals):
        now = started(lane, now)
        lane.refused(now, pause)
        assert started(lane, now) >= now + pause
        now += pause * 1.01
    slowness = min(SLOWEST, 2.0**refusals)
    starts = [started(lane, now) for _ in range(RATE.requests + 1)]
    if pause * 1.01 < WINDOW:
        assert starts[-1] - starts[0] >= WINDOW * MARGIN * slowness * 0.99


def test_many_refusals_of_one_moment_are_one() -> None:
    """Four that are under way are refused together: the lane is slowed down once."""
    lane, once = Lane(RATE), Lane(RATE)
    for _ in range(4):
        lane.refused(100.0, 1.0)
    once.refused(100.0, 1.0)
    assert [lane.start(101.0, None) for _ in range(30)] == [
        once.start(101.0, None) for _ in range(30)
    ]


def test_a_lane_comes_back_to_its_rate() -> None:
    lane, now = Lane(RATE), 0.0
    for _ in range(10):
        lane.refused(now, 1.0)
        now += 2.0
    for _ in range(10):
        now = started(lane, now) + SLOWEST * WINDOW * 1.1
    starts = [started(lane, now) for _ in range(RATE.requests + 1)]
    assert starts[-1] - starts[0] == pytest.approx(WINDOW * MARGIN)


def test_an_event_loop_with_an_earlier_clock() -> None:
    """What was counted by the clock of a loop that is gone holds nobody up."""
    lane = Lane(RATE)
    for _ in range(RATE.requests):
        lane.start(1_000_000.0, None)
    assert lane.start(5.0, None) == 5.0


@given(actions=st.lists(st.integers(0, 9), max_size=200))
def test_places_are_given_by_turns(actions: list[int]) -> None:
    """Never more than there are, to whoever waits longest, and none is lost."""
    lane = Lane(RATE)
    inside, line = 0, list[Future[None]]()
    for action in actions:
        if action < 5:
            turn = lane.enter()
            if turn is None:
                inside += 1
            else:
                assert inside == RATE.concurrent
                line.append(turn)
        elif action < 8 and inside:
            lane.leave()
            if line:
                assert line.pop(0).done()  # the place goes over
            else:
                inside -= 1
        elif action == 8 and line:
            lane.give_up(line.pop(len(line) // 2))
        assert not any(turn.done() for turn in line)
        assert inside <= (RATE.concurrent or 0)


def test_a_turn_that_came_while_it_was_given_up() -> None:
    """The place goes to the next in line."""
    lane = Lane(Rate(10, 1, 10))
    assert lane.enter() is None
    first, second = lane.enter(), lane.enter()
    assert first is not None
    assert second is not None
    lane.leave()
    assert first.done()
    lane.give_up(first)
    assert second.done()


def test_answers_are_held_for_less_where_places_are_scarce() -> None:
    lane = Lane(Rate(2000, 400, 200))
    held = [lane.hold(30.0)]
    for _ in range(400):
        lane.enter()
        held.append(lane.hold(30.0))
    assert held[0] == 30.0
    assert held == sorted(held, reverse=True)
    assert held[-1] == pytest.approx(WINDOW * MARGIN * 400 / 2000)
    assert lane.hold(1.0) == 1.0


@pytest.mark.parametrize("limit", Limit)
def test_each_kind_has_a_lane_of_its_own_at_each_endpoint(limit: Limit) -> None:
    traffic = Traffic()
    lanes = {traffic.lane(endpoint, other) for endpoint in "ab" for other in Limit}
    assert len(lanes) == 2 * len(Limit)
    assert traffic.lane("a", limit) is traffic.lane("a", limit)
    rate = RATES[limit]
    assert rate.burst * 10 >= rate.requests
