"""
The ledger of one rate limit that several clients share.

A client asks for start times and for slots. The ledger hands out start times in order, so the sum
of all clients keeps to the limit at any time. A client may hold only a few start times of the
future, about a second's worth divided by the number of clients, and asks again when half of them
are used. So clients take turns and get equal shares, and a crash wastes few start times.

Slots, for concurrent requests, are leased. By max-min fairness, a client gets as many as it wants,
at most an equal part of the number that the others leave. If it uses more slots than that, it holds
them until its requests end. The sum of all held slots never exceeds the limit. A lease that is not
renewed ends after some seconds.

The ledger is a value: it is read from a store, changed and written back. Times are of the store.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any, Final

from attrs import asdict, define, evolve, field, frozen

from runpod_sdk._flows.rate_limit import CLOCK_TOLERANCE, Allowance, StartSchedule

LEASE: Final = 10.0
"""Seconds after which a client that does not ask is taken to have ended."""
HORIZON: Final = 1.0
"""Seconds of the future for which start times are handed out."""


@frozen
class Ask:
    """A client's request to the ledger."""

    client: str
    starts: int
    """Number of start times, for waiting requests."""
    moved: int
    """Number of start times that a refusal made invalid; their requests have slots."""
    ahead: int
    """Number of valid start times of the future that the client has already."""
    running: int
    """Number of requests that have a slot."""
    uncounted: int = 0
    """Number of these that another ledger has handed out."""
    refused: float | None = None
    """The pause in seconds, if the service has refused a request."""

    @property
    def wanted(self) -> int:
        """The number of slots that the client could use."""
        return self.running + self.starts


@frozen
class Grant:
    """The ledger's answer to an `Ask`."""

    starts: tuple[float, ...]
    """Start times, in seconds from now."""
    slots: int | None
    """Largest number of requests that may have a slot; None is no limit."""
    most: int | None
    """The number of slots that the client would get if it wanted all."""
    clients: int
    """Number of clients that use the limit."""
    quota: int
    """Number of start times that a client may have ahead."""
    share: float
    """The fraction of the limit that all clients use; it is lower after refusals."""


@define
class SlotLease:
    """The slots of one client."""

    held: int
    wanted: int
    ends_at: float


def smoothed(allowance: Allowance) -> Allowance:
    """Return an allowance whose bursts are so small that the ledger needs to store few starts."""
    return evolve(allowance, burst=min(allowance.burst, max(2, allowance.requests // 100)))


@define
class RateLedger:
    """The starts and the leases of one rate limit."""

    schedule: StartSchedule
    leases: dict[str, SlotLease] = field(factory=dict)

    @classmethod
    def new(cls, allowance: Allowance) -> RateLedger:
        allowance = smoothed(allowance)
        return cls(StartSchedule(allowance, deque(maxlen=allowance.burst)))

    @classmethod
    def read(cls, allowance: Allowance, text: str | None) -> RateLedger:
        """Return the ledger that *text* describes; a new one if it describes none."""
        ledger = cls.new(allowance)
        try:
            values: dict[str, Any] = json.loads(text or "{}")
            schedule = {"starts": [], **values["schedule"]}
            starts = deque(map(float, schedule.pop("starts")), ledger.schedule.starts.maxlen)
            leases = {name: SlotLease(**lease) for name, lease in values["leases"].items()}
            return cls(evolve(ledger.schedule, starts=starts, **schedule), leases)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return ledger

    def write(self) -> str:
        schedule = asdict(self.schedule, filter=lambda attribute, _: attribute.name != "allowance")
        schedule["starts"] = list(self.schedule.starts)
        leases = {name: asdict(lease) for name, lease in self.leases.items()}
        return json.dumps({"schedule": schedule, "leases": leases})

    def take(self, ask: Ask, now: float) -> Grant:
        """Return what a client gets at *now*, and record it."""
        schedule = self.schedule
        self._end_leases(now)
        schedule.next(now)  # forgets its times too, if the clock was set back
        if ask.refused is not None:
            schedule.back_off(now, ask.refused)
        others = [lease for name, lease in self.leases.items() if name != ask.client]
        clients = len(others) + 1
        most = self._most(ask.client, now)
        slots = total = schedule.allowance.concurrent
        if total is not None and most is not None:
            free = total - sum(lease.held for lease in others)
            slots = min(ask.wanted, most, max(0, free))
        self._lease(ask, slots, now)
        share = schedule.share_at(now)
        rate = schedule.allowance.requests * share / schedule.allowance.window
        quota = max(1, int(rate * HORIZON / clients))
        count = min(ask.starts, max(0, quota - ask.ahead - ask.moved))
        if slots is not None:
            count = min(count, max(0, slots - ask.running))
        for _ in range(ask.uncounted):
            self._start(now)
        starts = tuple(self._start(now) - now for _ in range(ask.moved + count))
        return Grant(starts, slots, most, clients, quota, share)

    def _start(self, now: float) -> float:
        start = self.schedule.next(now)
        self.schedule.starts.append(start)
        return start

    def _end_leases(self, now: float) -> None:
        """End the leases that were not renewed, and all if the clock was set back."""
        if now < self.schedule.last_now - CLOCK_TOLERANCE:
            self.leases.clear()
        for name in [name for name, lease in self.leases.items() if lease.ends_at <= now]:
            del self.leases[name]

    def _lease(self, ask: Ask, slots: int | None, now: float) -> None:
        if not ask.wanted:
            self.leases.pop(ask.client, None)
            return
        held = max(ask.running, slots or 0)
        self.leases[ask.client] = SlotLease(held, ask.wanted, now + LEASE)

    def _most(self, client: str, now: float) -> int | None:
        """Return the client's part of the slots by max-min fairness, if it wants all of them."""
        left = self.schedule.allowance.concurrent
        if left is None:
            return None
        others = {name: lease.wanted for name, lease in self.leases.items() if name != client}
        for name, wanted in sorted(others.items(), key=lambda item: item[1]):
            if wanted * (len(others) + 1) > left:
                break
            left -= wanted
            del others[name]
        each, more = divmod(left, len(others) + 1)
        # Clients take turns with what is left over, which matters if there are few slots.
        order = sorted([*others, client])
        turn = (order.index(client) + int(now // LEASE)) % len(order)
        return each + (turn < more)
