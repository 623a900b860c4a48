"""
Rate limits: how many requests may start and run, for all threads and tasks of a client.

Requests of one kind to one endpoint share a `RateLimiter`. It limits the number of concurrent
requests, and the number of requests that start in any ten seconds. The first of them start at
once, the others are spread out, and waiting requests start in order. After a 429 response, the
limiter pauses for as long as the response asks, continues more slowly, and returns to the full
rate when the refusals end.

All threads and event loops of a client use a limiter. It computes times and never waits: the port
waits.
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
    """Largest numbers of requests: started in any `WINDOW`, and concurrent."""

    requests: int
    concurrent: int | None
    burst: int
    """Largest number of requests that start in a tenth of a `WINDOW`."""


class RateLimitedCall(Enum):
    """Kinds of requests that RunPod counts separately."""

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
"""RunPod's documented limits; long polls count as requests of their kind."""

WINDOW = 10.0
"""Length of RunPod's window, in seconds."""
MARGIN = 1.05
"""Factor by which the client's window is longer, because requests take time to arrive."""
MAX_SLOWDOWN = 16.0
"""The largest slowdown after repeated 429 responses."""
RECOVERY = 0.5
"""Factor by which the slowdown shrinks after a (slowed) `WINDOW` without a refusal."""
CLOCK_TOLERANCE = 1.0
"""A clock that is further behind belongs to another event loop."""


class RateLimiter:
    """A limiter for one kind of requests to one endpoint."""

    def __init__(self, rate: Allowance) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._free = rate.concurrent
        self._queue: deque[Future[None]] = deque()
        self._starts: deque[float] = deque(maxlen=rate.requests)
        self._last_now = float("-inf")
        self._paused_until = float("-inf")
        self._slowdown = 1.0
        self._changed = float("-inf")
        """Time of the last change of the slowdown."""

    def acquire(self) -> Future[None] | None:
        """Acquire a slot for a request: return None if one is free, else a future for a slot."""
        with self._lock:
            if self._free is None:
                return None
            if self._free > 0:
                self._free -= 1
                return None
            waiter = Future[None]()
            self._queue.append(waiter)
            return waiter

    def release(self) -> None:
        """Release a slot; the request that has waited longest gets it."""
        with self._lock:
            if self._free is None:
                return
            while self._queue:
                waiter = self._queue.popleft()
                if waiter.set_running_or_notify_cancel():
                    break
            else:
                self._free += 1
                return
        waiter.set_result(None)

    def abandon(self, waiter: Future[None]) -> None:
        """Stop waiting for *waiter*; release its slot if it is done already."""
        if not waiter.cancel():
            self.release()

    def reserve(self, now: float, at_latest: float | None) -> float | None:
        """
        Return the time at which the next request may start, and count it.

        If that time is not before *at_latest*, return None and count nothing.
        """
        with self._lock:
            start = self._next(now)
            if at_latest is not None and start >= at_latest:
                return None
            self._starts.append(start)
            return start

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may start, without counting it."""
        with self._lock:
            return self._next(now) - now

    def _next(self, now: float) -> float:
        starts, rate = self._starts, self._rate
        if now < self._last_now - CLOCK_TOLERANCE:
            starts.clear()
            self._paused_until = self._changed = float("-inf")
        self._last_now = now
        if self._slowdown > 1.0 and now - self._changed > WINDOW * self._slowdown:
            self._slowdown = max(1.0, self._slowdown * RECOVERY)
            self._changed = now
        window = WINDOW * MARGIN * self._slowdown
        start = max(now, self._paused_until, starts[-1] if starts else now)
        if len(starts) >= rate.burst < rate.requests:
            start = max(start, starts[-rate.burst] + window * rate.burst / rate.requests)
        if len(starts) == rate.requests:
            start = max(start, starts[0] + window)
        return start

    def is_open(self, now: float) -> bool:
        """Return whether no refusal delays a request whose start is reserved."""
        return now >= self._paused_until

    def back_off(self, now: float, pause: float) -> None:
        """Pause for *pause* seconds after a 429 response, and continue more slowly."""
        with self._lock:
            self._paused_until = max(self._paused_until, now + pause)
            if now - self._changed > pause:  # concurrent requests are rejected for the same reason
                self._slowdown = min(MAX_SLOWDOWN, self._slowdown * 2)
                self._changed = now

    def poll_wait(self, wanted: float) -> float:
        """
        Return the wait of a long poll, at most *wanted* seconds.

        It is shorter when slots are scarce. If requests wait for a slot, each long poll lasts
        only until all slots have been used once at the current rate.
        """
        slots, free = self._rate.concurrent, self._free
        if slots is None or free is None or 2 * free >= slots:
            return wanted
        share = WINDOW * MARGIN * self._slowdown * slots / self._rate.requests
        return min(wanted, max(share, wanted * 2 * free / slots))


class RateLimiters:
    """
    The rate limiters of one client.

    A forked process starts without limiters, because the parent's requests would never release
    their slots here.
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._limiters: dict[tuple[str, RateLimitedCall], RateLimiter] = {}
        self._pid = os.getpid()

    def limiter(self, endpoint_id: str, limit: RateLimitedCall) -> RateLimiter:
        if self._pid != os.getpid():
            self._reset()
        with self._lock:
            key = endpoint_id, limit
            if key not in self._limiters:
                self._limiters[key] = RateLimiter(RATES[limit])
            return self._limiters[key]
