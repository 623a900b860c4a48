"""The ledger of a rate budget never hands out more than the limit, whoever asks what and when."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from runpod_sdk._flows.rate_ledger import LEASE, Ask, RateLedger
from runpod_sdk._flows.rate_limit import Allowance
from tests.hypothesis_profiles import at_most

ALLOWANCE = Allowance(requests=20, concurrent=9, burst=4)
STEPS = st.lists(
    st.tuples(
        st.one_of(st.floats(0.0, 0.6), st.floats(0.0, 0.6), st.floats(0.0, 12.0)),
        st.integers(0, 4),
        st.integers(0, 10),
        st.sampled_from([0, 0, 0, 1, 9]),
    ),
    min_size=20,
    max_size=100,
)
"""A time, a client, how many more requests it has, and how many of those with a slot end."""


class Clients:
    """Clients that start what the ledger grants, and end what they are told to."""

    def __init__(self, allowance: Allowance = ALLOWANCE) -> None:
        self.allowance = allowance
        self.ledger = RateLedger.new(allowance)
        self.now = 0.0
        self.running = dict.fromkeys(range(5), 0)
        self.waiting = dict.fromkeys(range(5), 0)
        self.asked = dict.fromkeys(range(5), 0.0)
        self.starts: list[float] = []

    def step(self, gap: float, client: int, more: int, ended: int) -> None:
        self.now += gap
        for name, asked in self.asked.items():
            if self.now >= asked + LEASE:  # it has not renewed its lease: it has ended
                self.running[name] = self.waiting[name] = 0
        self.running[client] -= min(ended, self.running[client])
        self.waiting[client] += more
        self.asked[client] = self.now
        ask = Ask(str(client), self.waiting[client], 0, 0, self.running[client])
        self.ledger = RateLedger.read(self.allowance, self.ledger.write())
        grant = self.ledger.take(ask, self.now)
        assert len(grant.starts) <= self.waiting[client]
        assert list(grant.starts) == sorted(grant.starts)
        assert all(start >= 0 for start in grant.starts)
        self.starts += [self.now + start for start in grant.starts]
        self.waiting[client] -= len(grant.starts)
        self.running[client] += len(grant.starts)


@given(steps=STEPS, concurrent=st.sampled_from([9, None]))
@example(steps=[(0.1, 0, 10, 9)] * 100, concurrent=9)
@at_most(100)
def test_the_limit_is_never_exceeded(
    steps: list[tuple[float, int, int, int]], concurrent: int | None
) -> None:
    """Neither the starts of any ten seconds, nor the slots that are in use at a time."""
    clients = Clients(evolve(ALLOWANCE, concurrent=concurrent))
    for step in steps:
        clients.step(*step)
        assert concurrent is None or sum(clients.running.values()) <= concurrent
    starts = sorted(clients.starts)
    assert clients.starts == pytest.approx(starts), "not in the order of the questions"
    for index, start in enumerate(starts):
        assert bisect_left(starts, start + ALLOWANCE.window - 1e-6) - index <= ALLOWANCE.requests


def test_slots_in_use_are_not_given_away() -> None:
    """A client that uses all slots keeps them, and another gets those that it frees."""
    ledger = RateLedger.new(evolve(ALLOWANCE, requests=10_000))
    first = ledger.take(Ask("first", 9, 0, 0, 0), 0.0)
    assert (first.slots, len(first.starts)) == (9, 9)
    second = ledger.take(Ask("second", 9, 0, 0, 0), 1.0)
    assert (second.slots, second.starts, second.most) == (0, (), 4)
    assert ledger.take(Ask("first", 9, 0, 0, 7), 2.0).slots == 5
    assert ledger.take(Ask("second", 9, 0, 0, 0), 3.0).slots == 2


def test_a_client_that_has_ended_keeps_nothing() -> None:
    """Its slots are free when it has not asked for as long as a lease lasts."""
    ledger = RateLedger.new(evolve(ALLOWANCE, requests=10_000))
    ledger.take(Ask("first", 9, 0, 0, 0), 0.0)
    assert ledger.take(Ask("second", 9, 0, 0, 0), LEASE - 0.1).slots == 0
    grant = ledger.take(Ask("second", 9, 0, 0, 0), LEASE + 0.1)
    assert (grant.slots, grant.clients) == (9, 1)


@given(wanted=st.lists(st.integers(1, 30), min_size=1, max_size=5), turns=st.integers(8, 12))
@at_most(50)
def test_slots_are_divided_fairly(wanted: list[int], turns: int) -> None:
    """After some turns, who wants little has it, and the others have equal parts of the rest."""
    clients, slots = Clients(), dict.fromkeys(range(len(wanted)), 0)
    ledger = clients.ledger
    for turn in range(turns):
        for client, want in enumerate(wanted):
            running = min(slots[client], want)
            ask = Ask(str(client), want - running, 0, 100, running)
            grant = ledger.take(ask, turn / 10)
            assert grant.slots is not None
            slots[client] = grant.slots  # requests beyond that end
    total, level = sum(slots.values()), max(slots.values())
    assert total == min(sum(wanted), ALLOWANCE.concurrent or 0)
    assert all(
        slots[client] == want or slots[client] >= level - 1 for client, want in enumerate(wanted)
    )


def test_a_refusal_is_for_all() -> None:
    """What the service says to one client, the others keep to as well."""
    ledger = RateLedger.new(ALLOWANCE)
    assert ledger.take(Ask("a", 1, 0, 0, 0), 100.0).share == 1.0
    ledger.take(Ask("a", 0, 0, 0, 1, refused=5.0), 101.0)
    grant = ledger.take(Ask("b", 1, 0, 0, 0), 102.0)
    assert grant.starts == (4.0,)
    assert grant.share < 1.0


def test_a_clock_that_is_set_back() -> None:
    """Nobody waits for a time that is far away now."""
    ledger = RateLedger.new(ALLOWANCE)
    for _ in range(10):
        ledger.take(Ask("a", 6, 0, 0, 0), 1_000_000.0)
    grant = ledger.take(Ask("b", 6, 0, 0, 0), 5.0)
    assert grant.starts[0] == 0.0
    assert grant.clients == 1


def test_a_text_of_another_version() -> None:
    """It is as good as none."""
    for text in (None, "", "{}", "[]", "{", '{"schedule": {"speed": 3}, "leases": {}}'):
        ledger = RateLedger.read(ALLOWANCE, text)
        assert ledger.take(Ask("a", 1, 0, 0, 0), 7.0).starts == (0.0,)
