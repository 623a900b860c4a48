"""
Several clients at one endpoint, in virtual time: the limit is used, and each gets its share.

The service is that of the local endpoint: a window of ten seconds begins with the first request
after the last one; what is refused does not count.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk._flows.rate_ledger import LEASE, Ask, Grant, RateLedger
from runpod_sdk._flows.rate_limit import RATES, WINDOW, Limiter, RateLimitedCall, RateLimiter
from runpod_sdk._flows.shared_rate_limiter import SharedRateLimiter
from runpod_sdk.local._rules.rates import Meter, Rate, RateExceeded
from tests.hypothesis_profiles import at_most

LIMIT = RATES[RateLimitedCall.RUN]
IN_FLIGHT = 100
"""Requests that each client has in progress, or waiting, at any time."""
LATENCY = 0.05
END = 70.0


class Simulation:
    """Clients that submit as many jobs as they may."""

    def __init__(self, seed: int, *, tells_when: bool = True, takes: float = LATENCY / 2) -> None:
        self._random = random.Random(seed)
        self._tells_when = tells_when
        """Whether a refusal says after how long to try again."""
        self._takes = takes
        """Seconds that a request is held."""
        self._meter = Meter(Rate(LIMIT.requests, LIMIT.concurrent))
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self.now = 0.0
        self.admitted: list[tuple[float, int]] = []
        self.refused: list[tuple[float, int]] = []
        self.dead: set[int] = set()
        """Clients of which nothing happens any more."""

    def add(
        self, client: int, begins: float, limiter: Limiter | None = None, jobs: int = IN_FLIGHT
    ) -> None:
        limiter = limiter or RateLimiter(LIMIT)
        for _ in range(jobs):
            self.at(begins, lambda _: self._enter(client, limiter))

    def run(self, end: float = END) -> None:
        while self._events and self.now < end:
            self.now, _, happens = heapq.heappop(self._events)
            happens(self.now)

    def at(self, when: float, happens: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), happens))

    def _enter(self, client: int, limiter: Limiter) -> None:
        def given(_: Future[None]) -> None:
            self.at(self.now, lambda now: self._reserve(client, limiter, now))

        if client in self.dead:
            return
        turn = limiter.acquire()
        if turn is None:
            self._reserve(client, limiter, self.now)
        else:
            turn.add_done_callback(given)

    def _reserve(self, client: int, limiter: Limiter, now: float) -> None:
        def begin(now: float) -> None:
            if limiter.pauses != pauses:
                self._reserve(client, limiter, now)
            elif client not in self.dead:
                way = LATENCY * self._random.uniform(0.3, 0.7)
                self.at(now + way, lambda now: self._arrive(client, limiter, now))

        pauses = limiter.pauses
        start = limiter.reserve(now, None)
        assert start is not None
        self.at(start, begin)

    def _arrive(self, client: int, limiter: Limiter, now: float) -> None:
        def ended(_: float) -> None:
            self._meter.leave()
            limiter.release()
            self._enter(client, limiter)

        def refused(now: float) -> None:
            limiter.release()
            limiter.back_off(now, max(pause, 0.5))
            self.at(now + pause, lambda _: self._enter(client, limiter))

        pause = self._random.random() * 0.5
        try:
            self._meter.enter(now, lambda: 0)
        except RateExceeded as refusal:
            if self._tells_when:
                pause = max(1, math.ceil(refusal.wait))
            self.refused.append((now, client))
            self.at(now + LATENCY / 2, refused)
        else:
            self.admitted.append((now, client))
            self.at(now + self._takes, ended)

    def used(self, begins: float, end: float) -> tuple[float, dict[int, int]]:
        """Return the part of the limit that was used in a time, and the requests of each client."""
        shares = Counter(client for when, client in self.admitted if begins <= when < end)
        return shares.total() * WINDOW / (LIMIT.requests * (end - begins)), shares


class SharedSimulation(Simulation):
    """Clients with a budget, whose questions take time; the store may be away."""

    def __init__(self, seed: int, *, delay: float, takes: float = LATENCY / 2) -> None:
        super().__init__(seed, takes=takes)
        self._delay = delay
        """Largest time of a question to the store, and of an answer, in seconds."""
        self._text: str | None = None
        self.questions = 0
        self.away = (math.inf, math.inf)

    def join(self, client: int, begins: float, jobs: int = IN_FLIGHT) -> None:
        """Add a client, with what the thread of its budget does."""
        waits = asking = False

        def wake() -> None:
            nonlocal waits
            if not asking and not waits:
                waits = True
                self.at(self.now, step)

        def step(now: float) -> None:
            nonlocal waits, asking
            waits = False
            if client in self.dead or asking:
                return
            when = limiter.next_ask(now)
            if when > now:
                if when < math.inf:
                    self.at(when, step)
                return
            asking = True
            ask = limiter.ask(now)
            self.at(now + self._random.uniform(0, self._delay), lambda now: answer(ask, now))

        def answer(ask: Ask, now: float) -> None:
            self.questions += 1
            if self.away[0] <= now < self.away[1]:
                grant = limiter.own_grant(ask, now)
            else:
                ledger = RateLedger.read(LIMIT, self._text)
                grant = ledger.take(ask, 1e6 + now)  # of a clock of its own
                self._text = ledger.write()
                limiter.reached()
            back = now + self._random.uniform(0, self._delay)
            self.at(back, lambda now: granted(ask, grant, now))

        def granted(ask: Ask, grant: Grant, now: float) -> None:
            nonlocal asking
            asking = False
            if client not in self.dead:
                limiter.granted(ask, grant, now)
                step(now)

        limiter = SharedRateLimiter(LIMIT, f"client-{client}", lambda: self.now, wake)
        self.add(client, begins, limiter, jobs)


@pytest.mark.parametrize("clients", [1, 4, 16])
@given(
    seed=st.integers(0, 10_000),
    tells_when=st.booleans(),
    apart=st.one_of(st.just(0.0), st.floats(0.0, 0.3)),
)
@at_most(4)
def test_the_limit_is_used_and_shared(
    clients: int, seed: int, tells_when: bool, apart: float
) -> None:
    """From the third window on: 85 % of it in sum, to none less than half of its fair share."""
    simulation = Simulation(seed, tells_when=tells_when)
    for client in range(clients):
        simulation.add(client, begins=client * apart)
    simulation.run()
    used, shares = simulation.used(2 * WINDOW, END)
    assert used >= 0.85
    assert min(shares[client] for client in range(clients)) >= sum(shares.values()) / clients / 2
    times = [when for when, _ in simulation.admitted]
    assert max(after - before for before, after in pairwise(times)) < WINDOW + 1


@pytest.mark.parametrize("clients", [1, 4, 16])
@given(
    seed=st.integers(0, 10_000),
    apart=st.one_of(st.just(0.0), st.floats(0.0, 0.3)),
    delay=st.sampled_from([0.0, 0.002, 0.05]),
    most=st.sampled_from([IN_FLIGHT, 1000]),
)
@at_most(3)
def test_a_budget_is_used_and_shared_without_refusals(
    clients: int, seed: int, apart: float, delay: float, most: int
) -> None:
    """
    From the second window on: 95 % of the limit in sum, fair shares, and never a 429.

    One client may have ten times as many jobs as the others.
    """
    simulation = SharedSimulation(seed, delay=delay)
    for client in range(clients):
        simulation.join(client, begins=client * apart, jobs=IN_FLIGHT if client else most)
    simulation.run(40.0)
    used, shares = simulation.used(WINDOW, 40.0)
    assert not simulation.refused
    assert used >= 0.95
    assert min(shares[client] for client in range(clients)) >= sum(shares.values()) / clients / 2
    assert simulation.questions < 40 * 12 * clients, "the store is asked too often"


@given(seed=st.integers(0, 10_000))
@at_most(2)
def test_a_dead_client_gives_its_share_back(seed: int) -> None:
    """Three of four clients die: within the lease, the last one uses all of the limit."""
    simulation = SharedSimulation(seed, delay=0.002, takes=2.5)  # so that slots are scarce
    for client in range(4):
        simulation.join(client, begins=0.0)
    simulation.run(20.0)
    simulation.dead |= {0, 1, 2}
    simulation.run(20.0 + LEASE)
    assert not simulation.refused
    _, before = simulation.used(WINDOW, 20.0)
    begins, end = 23.0 + LEASE, 33.0 + LEASE
    simulation.run(end)
    _, after = simulation.used(begins, end)
    concurrent = LIMIT.concurrent or 0
    assert before[3] == pytest.approx(concurrent / 4 / 2.5 * WINDOW, rel=0.3)
    assert after[3] >= 0.8 * IN_FLIGHT / (2.5 + LATENCY) * WINDOW
    assert not simulation.refused


@given(seed=st.integers(0, 10_000), away=st.floats(5.0, 25.0))
@at_most(2)
def test_without_the_store_clients_keep_to_their_shares(seed: int, away: float) -> None:
    """The work goes on, nothing is refused, and the store is used again when it is back."""
    simulation = SharedSimulation(seed, delay=0.002)
    simulation.away = away, away + 20.0
    for client in range(4):
        simulation.join(client, begins=0.0)
    simulation.run(60.0)
    assert not simulation.refused
    for begins in range(5, 55, 5):
        used, shares = simulation.used(begins, begins + 5.0)
        assert used >= 0.85
        assert min(shares[client] for client in range(4)) >= 0.5 * sum(shares.values()) / 4


@given(seed=st.integers(0, 10_000))
@at_most(2)
def test_a_store_that_was_never_there(seed: int) -> None:
    """Clients that know nothing of each other find their shares by what is refused."""
    simulation = SharedSimulation(seed, delay=0.0)
    simulation.away = 0.0, math.inf
    for client in range(8):
        simulation.join(client, begins=0.0)
    simulation.run(90.0)
    used, shares = simulation.used(20.0, 90.0)
    assert used >= 0.7
    assert min(shares[client] for client in range(8)) >= 0.5 * sum(shares.values()) / 8


@given(seed=st.integers(0, 10_000))
@at_most(2)
def test_clients_with_a_budget_and_one_without(seed: int) -> None:
    """The one that knows of no budget is refused less and less; nobody stands still."""
    simulation = SharedSimulation(seed, delay=0.002)
    for client in range(3):
        simulation.join(client, begins=0.0)
    simulation.add(3, begins=0.0)
    simulation.run(90.0)
    used, shares = simulation.used(20.0, 90.0)
    assert used >= 0.85
    assert min(shares[client] for client in range(4)) >= 0.1 * sum(shares.values()) / 4
    times = [when for when, _ in simulation.admitted]
    assert max(after - before for before, after in pairwise(times)) < WINDOW + 1


def granted(requests: int) -> tuple[SharedRateLimiter, list[Future[None]]]:
    """Return a limiter after its first answer from the ledger, and its requests."""
    limiter = SharedRateLimiter(LIMIT, "client", lambda: 0.0, lambda: None)
    waiters = [limiter.acquire() for _ in range(requests)]
    ask = limiter.ask(0.0)
    limiter.granted(ask, RateLedger.new(LIMIT).take(ask, 0.0), 0.0)
    return limiter, waiters


def test_a_request_that_ends_after_a_refusal() -> None:
    """A request that got its slot, lost its start time by a refusal, and is cancelled."""
    limiter, waiters = granted(2)
    assert all(waiter.done() for waiter in waiters)

    assert limiter.reserve(0.0, None) is not None
    limiter.back_off(0.0, 1.0)
    limiter.abandon(waiters[1])
    assert limiter.ask(0.0).wanted == 1
    limiter.release()
    assert (limiter.ask(0.0).wanted, limiter.ask(0.0).moved) == (0, 0)


def test_requests_whose_start_was_put_off() -> None:
    """After a refusal, each asks again for a start time; one that is cancelled needs none."""
    limiter, waiters = granted(40)
    limiter.back_off(0.0, 1.0)
    moved = limiter.ask(0.0).moved
    assert moved > 0
    limiter.abandon(next(waiter for waiter in reversed(waiters) if waiter.done()))
    assert limiter.ask(0.0).moved == moved - 1


def test_a_start_time_that_nobody_used() -> None:
    """It is void after a moment, because later it would be in another window."""
    now = 0.0
    limiter = SharedRateLimiter(LIMIT, "client", lambda: now, lambda: None)
    waiter, ask = limiter.acquire(), limiter.ask(0.0)
    limiter.abandon(waiter)
    limiter.granted(ask, RateLedger.new(LIMIT).take(ask, 0.0), 0.0)
    now = 5.0
    assert not limiter.acquire().done()


def test_a_client_that_has_no_requests_any_more() -> None:
    """It says so, and the others get its slots."""
    limiter = SharedRateLimiter(LIMIT, "client", lambda: 0.0, lambda: None)
    ledger = RateLedger.new(LIMIT)
    limiter.acquire()
    ask = limiter.ask(0.0)
    limiter.granted(ask, ledger.take(ask, 0.0), 0.0)
    assert ledger.leases
    limiter.reserve(0.0, None)
    limiter.release()
    when = limiter.next_ask(0.0)
    ledger.take(limiter.ask(when), when)
    assert not ledger.leases
    assert when < LEASE
