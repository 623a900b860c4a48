"""
Stay within the rates that the service allows, whatever the number of threads and tasks.

Requests of one kind to one endpoint share a *lane*. It lets so many be under way at a
time, and so many begin in any ten seconds, the first of them at once and the rest spread
out; whoever has to wait is let in by turns. When the service says 429 all the same, the
lane stands still for as long as it asks, goes on more slowly, and comes back to its rate
while there are no more refusals.

A lane is used from all threads and event loops of a client. It decides and never waits:
a port does that.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import Future
from enum import Enum, auto

from attrs import frozen


@frozen
class Allowance:
    """How many requests may begin in any `WINDOW`, and how many may be under way."""

    requests: int
    concurrent: int | None
    burst: int
    """How many of them in any tenth of it."""


class RateLimitedCall(Enum):
    """The kinds of requests that the service counts."""

    RUN = auto()
    RUN_SYNC = auto()
    STATUS = auto()
    STREAM = auto()
    CANCEL = auto()
    PURGE = auto()


RATES = {
    RateLimitedCall.RUN: Allowance(1000, 200, 100),
    RateLimitedCall.RUN_SYNC: Allowance(2000, 400, 200),
    RateLimitedCall.STATUS: Allowance(2000, 400, 200),
    RateLimitedCall.STREAM: Allowance(2000, 400, 200),
    RateLimitedCall.CANCEL: Allowance(100, 20, 10),
    RateLimitedCall.PURGE: Allowance(2, None, 2),
}
"""What the service documents for each, long polls among those of their kind."""

WINDOW = 10.0
"""Seconds in which the service counts."""
MARGIN = 1.05
"""How much longer they are taken to be here, as requests take their time to arrive."""
SLOWEST = 16.0
RECOVERY = 0.5
"""What is left of the slowness after a `WINDOW`, as slow as it is, without a refusal."""
ANOTHER_CLOCK = 1.0
"""A clock that is further behind is another one: that of an event loop that came later."""


class RateLimiter:
    """Requests of one kind to one endpoint."""

    def __init__(self, rate: Allowance) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._free = rate.concurrent
        self._queue: deque[Future[None]] = deque()
        self._starts: deque[float] = deque(maxlen=rate.requests)
        self._seen = float("-inf")
        self._closed_until = float("-inf")
        self._slowness = 1.0
        self._changed = float("-inf")
        """When the slowness was last changed."""

    def acquire(self) -> Future[None] | None:
        """Take a place among those under way; None if there is one, else what tells when."""
        with self._lock:
            if self._free is None:
                return None
            if self._free > 0:
                self._free -= 1
                return None
            turn = Future[None]()
            self._queue.append(turn)
            return turn

    def release(self) -> None:
        """Give the place to whoever has waited longest."""
        with self._lock:
            if self._free is None:
                return
            while self._queue:
                turn = self._queue.popleft()
                if turn.set_running_or_notify_cancel():
                    break
            else:
                self._free += 1
                return
        turn.set_result(None)

    def abandon(self, turn: Future[None]) -> None:
        """Wait for *turn* no longer; whether it has come by now makes no difference."""
        if not turn.cancel():
            self.release()

    def reserve(self, now: float, at_latest: float | None) -> float | None:
        """
        Say when the next request may begin, and count it.

        None, and nothing is counted, if that is not before *at_latest*.
        """
        with self._lock:
            start = self._next(now)
            if at_latest is not None and start >= at_latest:
                return None
            self._starts.append(start)
            return start

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may begin; nothing is counted."""
        with self._lock:
            return self._next(now) - now

    def _next(self, now: float) -> float:
        starts, rate = self._starts, self._rate
        if now < self._seen - ANOTHER_CLOCK:
            starts.clear()
            self._closed_until = self._changed = float("-inf")
        self._seen = now
        if self._slowness > 1.0 and now - self._changed > WINDOW * self._slowness:
            self._slowness = max(1.0, self._slowness * RECOVERY)
            self._changed = now
        window = WINDOW * MARGIN * self._slowness
        start = max(now, self._closed_until, starts[-1] if starts else now)
        if len(starts) >= rate.burst < rate.requests:
            start = max(start, starts[-rate.burst] + window * rate.burst / rate.requests)
        if len(starts) == rate.requests:
            start = max(start, starts[0] + window)
        return start

    def is_open(self, now: float) -> bool:
        """Tell whether there was no refusal since a start was given that holds it up."""
        return now >= self._closed_until

    def back_off(self, now: float, pause: float) -> None:
        """Take a 429 as a hint: stand still for *pause* seconds, and go on more slowly."""
        with self._lock:
            self._closed_until = max(self._closed_until, now + pause)
            if now - self._changed > pause:  # many at once are refused for one reason
                self._slowness = min(SLOWEST, self._slowness * 2)
                self._changed = now

    def poll_wait(self, wanted: float) -> float:
        """
        Return how long the service may hold an answer back, instead of *wanted* seconds.

        Shorter as places get scarce. Where others wait for one, each is held only for as
        long as it takes, at this rate, until all places have had their turn.
        """
        places, free = self._rate.concurrent, self._free
        if places is None or free is None or 2 * free >= places:
            return wanted
        share = WINDOW * MARGIN * self._slowness * places / self._rate.requests
        return min(wanted, max(share, wanted * 2 * free / places))


class RateLimiters:
    """
    The lanes of one client.

    A process that was forked begins with none: whoever was under way in its parent would
    never leave them here.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._lanes: dict[tuple[str, RateLimitedCall], RateLimiter] = {}
        self._pid = os.getpid()

    def limiter(self, endpoint_id: str, limit: RateLimitedCall) -> RateLimiter:
        if self._pid != os.getpid():
            self._begin()
        with self._lock:
            key = endpoint_id, limit
            if key not in self._lanes:
                self._lanes[key] = RateLimiter(RATES[limit])
            return self._lanes[key]
