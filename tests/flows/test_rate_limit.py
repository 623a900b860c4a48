"""Rate limiters keep to their rates, and no request waits longer than necessary."""

from __future__ import annotations

from bisect import bisect_right
from concurrent.futures import Future

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from runpod_sdk._flows import api
from runpod_sdk._flows.rate_limit import (
    MARGIN,
    RATES,
    WINDOW,
    Allowance,
    RateLimitedCall,
    RateLimiter,
    RateLimiters,
)
from runpod_sdk._flows.send import call
from runpod_sdk._flows.submit import run
from runpod_sdk.errors import RateLimitError, RunpodTimeoutError, ServerError
from runpod_sdk.models import JobState
from runpod_sdk.settings import UNSET
from tests.flows.virtual import (
    ENDPOINT,
    JOB,
    Fault,
    RequestFault,
    Service,
    Timeline,
    VirtualIO,
    drive,
    session,
)

RATE = Allowance(requests=20, concurrent=4, burst=2)
FAST = st.floats(0.0, 0.2)
GAPS = st.lists(st.one_of(FAST, st.floats(0.0, 12.0)), min_size=1, max_size=80)


def most_within(starts: list[float], window: float) -> int:
    """Return the largest number of requests in a *window*, without its end."""
    return max(
        bisect_right(starts, start + window - 1e-6) - index for index, start in enumerate(starts)
    )


def started(limiter: RateLimiter, now: float) -> float:
    start = limiter.reserve(now, None)
    assert start is not None
    return start


@given(gaps=GAPS, rate=st.sampled_from([RATE, Allowance(requests=3, concurrent=None, burst=3)]))
def test_no_window_has_more_than_the_rate(gaps: list[float], rate: Allowance) -> None:
    """In ten seconds and the half second that requests may be late, no more start than allowed."""
    limiter, now, starts = RateLimiter(rate), 0.0, list[float]()
    for gap in gaps:
        now += gap
        starts.append(started(limiter, now))
    assert starts == sorted(starts)
    assert most_within(starts, 10.5) <= rate.requests
    if rate.burst < rate.requests:
        assert most_within(starts, 1.05) <= rate.burst


@given(gaps=GAPS)
def test_nobody_waits_without_need(gaps: list[float]) -> None:
    """A delayed start is exactly at the end of a window that was full without it."""
    limiter, now, starts = RateLimiter(RATE), 0.0, list[float]()
    for gap in gaps:
        now += gap
        start = started(limiter, now)
        if start > now:
            ends = [starts[-RATE.burst] + WINDOW * MARGIN / 10, starts[-1]]
            if len(starts) >= RATE.requests:
                ends.append(starts[-RATE.requests] + WINDOW * MARGIN)
            assert start == pytest.approx(max(ends))
        starts.append(start)


@pytest.mark.parametrize(
    ("kind", "share", "starts", "slots"),
    [
        (RateLimitedCall.PURGE, 0.25, [0.0, 21.0, 42.0], None),
        (RateLimitedCall.CANCEL, 0.05, [0.0, 2.1, 4.2], 1),
        (RateLimitedCall.CANCEL, 0.002, [0.0, 52.5, 105.0], 1),
        (RateLimitedCall.CANCEL, 0.2, [0.0, 0.0, 1.05], 4),
    ],
)
def test_a_share_of_a_limit(
    kind: RateLimitedCall, share: float, starts: list[float], slots: int | None
) -> None:
    """It is kept although it is less than a request in ten seconds, and is never nothing."""
    limiter = RateLimiters(share).limiter("ep", kind)
    assert [limiter.reserve(0.0, None) for _ in starts] == [pytest.approx(at) for at in starts]
    taken = [limiter.acquire() is None for _ in range(6)]
    assert taken == [slots is None or number < slots for number in range(6)]


@given(gaps=GAPS, left=st.floats(0.0, 3.0))
@example(gaps=[*[0.0] * 6, 1.0], left=0.5)
def test_what_would_come_too_late_is_not_counted(gaps: list[float], left: float) -> None:
    limiter, other, now = RateLimiter(RATE), RateLimiter(RATE), 0.0
    for gap in gaps:
        now += gap
        wait = other.wait(now)
        start = limiter.reserve(now, now + left)
        if start is None:
            assert wait >= left - 1e-6
        else:
            assert start < now + left
            assert other.reserve(now, None) == start


@given(pause=st.floats(0.1, 30.0), refusals=st.integers(1, 12))
def test_a_refusal_pauses_the_limiter_and_lowers_its_rate(pause: float, refusals: int) -> None:
    """Nothing starts in the pause; after it, at most the admitted rate or a quarter."""
    limiter, now = RateLimiter(RATE), 100.0
    for _ in range(refusals):
        now = started(limiter, now)
        limiter.back_off(now, pause)
        assert started(limiter, now) >= now + pause
        now += pause + WINDOW
    limiter.back_off(now, pause)
    starts = [started(limiter, now) for _ in range(RATE.requests + 1)]
    assert most_within(starts, WINDOW) <= RATE.requests / 2


def test_refusals_of_one_moment_are_one() -> None:
    """Ten requests are refused at almost the same time: the rate is lowered once."""
    limiter, once = RateLimiter(RATE), RateLimiter(RATE)
    started(once, 100.0)
    for _ in range(10):
        started(limiter, 100.0)
    for number in range(10):
        limiter.back_off(102.0, 1.0 + number / 1000)
    once.back_off(102.0, 1.009)
    assert [started(limiter, 103.1) for _ in range(9)] == [started(once, 103.1) for _ in range(9)]


def test_a_start_that_was_put_off_is_void_after_a_refusal() -> None:
    """A cancelled start is reserved again, and does not count twice."""
    limiter = RateLimiter(RATE)
    starts = [started(limiter, 100.0) for _ in range(6)]
    assert starts[-1] > 100.0
    pauses = limiter.pauses
    limiter.back_off(100.0, 5.0)
    assert limiter.pauses > pauses
    assert started(limiter, 100.0) == 105.0


def test_a_limiter_comes_back_to_its_rate() -> None:
    """The full rate is reached within a minute without refusals."""
    limiter, now = RateLimiter(RATE), 0.0
    for _ in range(10):
        limiter.back_off(now, 1.0)
        now += WINDOW
    now += 60.0
    starts = [started(limiter, now) for _ in range(RATE.requests + 1)]
    assert starts[-1] - starts[0] == pytest.approx(WINDOW * MARGIN)


def test_an_event_loop_with_an_earlier_clock() -> None:
    """Starts by the clock of an ended loop delay no request."""
    limiter = RateLimiter(RATE)
    for _ in range(RATE.requests):
        limiter.reserve(1_000_000.0, None)
    assert limiter.reserve(5.0, None) == 5.0


@given(actions=st.lists(st.integers(0, 9), max_size=200))
@example(actions=[*[0] * 6, 5, 5, 0, *[5] * 4, *[0] * 5])
def test_places_are_given_by_turns(actions: list[int]) -> None:
    """Slots are never exceeded, go to the longest waiting request, and none is lost."""
    limiter = RateLimiter(RATE)
    inside, line = 0, list[Future[None]]()
    for action in actions:
        if action < 5:
            turn = limiter.acquire()
            if turn is None:
                inside += 1
            else:
                assert inside == RATE.concurrent
                line.append(turn)
        elif action < 8 and inside:
            limiter.release()
            if line:
                assert line.pop(0).done()  # the slot is passed on
            else:
                inside -= 1
        elif action == 8 and line:
            limiter.abandon(line.pop(len(line) // 2))
        assert not any(turn.done() for turn in line)
        assert inside <= (RATE.concurrent or 0)


def test_a_turn_that_came_while_it_was_given_up() -> None:
    """The slot goes to the next waiting request."""
    limiter = RateLimiter(Allowance(10, 1, 10))
    assert limiter.acquire() is None
    first, second = limiter.acquire(), limiter.acquire()
    assert first is not None
    assert second is not None
    limiter.release()
    assert first.done()
    limiter.abandon(first)
    assert second.done()


def test_answers_are_held_for_less_where_places_are_scarce() -> None:
    limiter = RateLimiter(Allowance(2000, 400, 200))
    held = [limiter.poll_wait(30.0)]
    for _ in range(400):
        limiter.acquire()
        held.append(limiter.poll_wait(30.0))
    assert held[0] == 30.0
    assert held == sorted(held, reverse=True)
    assert held[-1] == pytest.approx(WINDOW * MARGIN * 400 / 2000)
    assert limiter.poll_wait(1.0) == 1.0


@pytest.mark.parametrize("limit", RateLimitedCall)
def test_each_kind_has_a_lane_of_its_own_at_each_endpoint(limit: RateLimitedCall) -> None:
    limiters_of_all = RateLimiters()
    limiters = {
        limiters_of_all.limiter(endpoint, other) for endpoint in "ab" for other in RateLimitedCall
    }
    assert len(limiters) == 2 * len(RateLimitedCall)
    assert limiters_of_all.limiter("a", limit) is limiters_of_all.limiter("a", limit)
    rate = RATES[limit]
    assert rate.burst * 10 >= rate.requests


class Line(VirtualIO):
    """A port on which everybody waits in vain for a slot."""

    async def wait_for(self, turn: Future[None], limit: float | None) -> bool:
        assert limit is not None
        self.time += limit
        return False


def test_no_slot_is_lost() -> None:
    """Requests that fail, or whose turn comes too late or never, give their slots back."""
    io = Line(Service(Timeline(), [RequestFault(Fault.BROKEN)] * 10))
    limiters = RateLimiters()
    here = evolve(session(io), rate_limiters=limiters)
    limiter = limiters.limiter(ENDPOINT, RateLimitedCall.CANCEL)

    def cancel(timeout: float) -> object:
        return drive(call(here, api.cancel(ENDPOINT, JOB), here.deadline(timeout)))

    def free() -> int:
        """Take all slots that are free, and return their number."""
        return sum(limiter.acquire() is None for _ in range(20))

    failed = [cancel(60.0) for _ in range(10)]  # all that may start in the first second
    assert [type(outcome) for outcome in failed] == [ServerError] * 10
    too_late = [cancel(0.1) for _ in range(5)]
    assert [type(outcome) for outcome in too_late] == [RunpodTimeoutError] * 5
    assert free() == 20
    assert isinstance(cancel(0.1), RunpodTimeoutError)
    for _ in range(20):
        limiter.release()
    assert free() == 20


@pytest.mark.parametrize(("refusals", "taken"), [(60, True), (1000, False)])
def test_a_service_that_refuses(refusals: int, taken: bool) -> None:
    """An input of a `map` waits longer than the client's timeout, and not longer than an outage."""
    faults = [RequestFault(Fault.TOO_MANY, retry_after="7")] * refusals
    io = VirtualIO(Service(Timeline(), faults, started=False))
    here = evolve(session(io), rate_limiters=RateLimiters(), queueing_counts=False)
    outcome = drive(run(here, api.JobRequest(input_=1), UNSET))
    assert isinstance(outcome, JobState if taken else RateLimitError)
    assert 400 < io.now() < 610
