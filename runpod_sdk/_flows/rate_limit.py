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
SLOWEST = 16.0
RECOVERY = 0.5
"""Factor by which the slowness shrinks after a (slowed) `WINDOW` without a refusal."""
ANOTHER_CLOCK = 1.0
"""A clock that is further behind belongs to another event loop."""


class RateLimiter:
    """A limiter for one kind of requests to one endpoint."""

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
        """Time of the last change of the slowness."""

    def acquire(self) -> Future[None] | None:
        """Acquire a place for a concurrent request: None at once, or a future of the place."""
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
        """Release a place; the request that has waited longest gets it."""
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
        """Stop waiting for *turn*, whether or not it is done by now."""
        if not turn.cancel():
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
        """Return whether no refusal delays a request that has a start time."""
        return now >= self._closed_until

    def back_off(self, now: float, pause: float) -> None:
        """Pause for *pause* seconds after a 429 response, and continue more slowly."""
        with self._lock:
            self._closed_until = max(self._closed_until, now + pause)
            if now - self._changed > pause:  # many at once are refused for one reason
                self._slowness = min(SLOWEST, self._slowness * 2)
                self._changed = now

    def poll_wait(self, wanted: float) -> float:
        """
        Return the wait of a long poll, at most *wanted* seconds.

        It is shorter when places are scarce. If requests wait for a place, each long poll lasts
        only until all places have been used once at the current rate.
        """
        places, free = self._rate.concurrent, self._free
        if places is None or free is None or 2 * free >= places:
            return wanted
        share = WINDOW * MARGIN * self._slowness * places / self._rate.requests
        return min(wanted, max(share, wanted * 2 * free / places))


class RateLimiters:
    """
    The rate limiters of one client.

    A forked process starts without limiters, because the parent's requests would never release
    their places here.
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
