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

from runpod_sdk._flows.rate_limit import RATES, WINDOW, RateLimitedCall, RateLimiter
from runpod_sdk.local._rules.rates import Meter, Rate, RateExceeded
from tests.hypothesis_profiles import at_most

LIMIT = RATES[RateLimitedCall.RUN]
IN_FLIGHT = 100
"""Requests that each client has in progress, or waiting, at any time."""
LATENCY = 0.05
END = 70.0


class Simulation:
    """Clients that submit as many jobs as they may, each with a limiter of its own."""

    def __init__(self, seed: int, *, tells_when: bool) -> None:
        self._random = random.Random(seed)
        self._tells_when = tells_when
        """Whether a refusal says after how long to try again."""
        self._meter = Meter(Rate(LIMIT.requests, LIMIT.concurrent))
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self.now = 0.0
        self.admitted: list[tuple[float, int]] = []

    def add(self, client: int, begins: float) -> None:
        limiter = RateLimiter(LIMIT)
        for _ in range(IN_FLIGHT):
            self._at(begins, lambda _: self._enter(client, limiter))

    def run(self) -> None:
        while self._events and self.now < END:
            self.now, _, happens = heapq.heappop(self._events)
            happens(self.now)

    def _at(self, when: float, happens: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), happens))

    def _enter(self, client: int, limiter: RateLimiter) -> None:
        def given(_: Future[None]) -> None:
            self._at(self.now, lambda now: self._reserve(client, limiter, now))

        turn = limiter.acquire()
        if turn is None:
            self._reserve(client, limiter, self.now)
        else:
            turn.add_done_callback(given)

    def _reserve(self, client: int, limiter: RateLimiter, now: float) -> None:
        def begin(now: float) -> None:
            if limiter.pauses != pauses:
                self._reserve(client, limiter, now)
            else:
                way = LATENCY * self._random.uniform(0.3, 0.7)
                self._at(now + way, lambda now: self._arrive(client, limiter, now))

        pauses = limiter.pauses
        start = limiter.reserve(now, None)
        assert start is not None
        self._at(start, begin)

    def _arrive(self, client: int, limiter: RateLimiter, now: float) -> None:
        def ended(_: float) -> None:
            self._meter.leave()
            limiter.release()
            self._enter(client, limiter)

        def refused(now: float) -> None:
            limiter.release()
            limiter.back_off(now, max(pause, 0.5))
            self._at(now + pause, lambda _: self._enter(client, limiter))

        pause = self._random.random() * 0.5
        try:
            self._meter.enter(now, lambda: 0)
        except RateExceeded as refusal:
            if self._tells_when:
                pause = max(1, math.ceil(refusal.wait))
            self._at(now + LATENCY / 2, refused)
        else:
            self.admitted.append((now, client))
            self._at(now + LATENCY / 2, ended)


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
    begins = 2 * WINDOW
    late = [(when, client) for when, client in simulation.admitted if when >= begins]
    possible = LIMIT.requests * (END - begins) / WINDOW
    assert len(late) >= 0.85 * possible
    shares = Counter(client for _, client in late)
    assert min(shares[client] for client in range(clients)) >= len(late) / clients / 2
    times = [when for when, _ in simulation.admitted]
    assert max(after - before for before, after in pairwise(times)) < WINDOW + 1
