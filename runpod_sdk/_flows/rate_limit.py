"""
Rate limits: how many requests may start and run, for all threads and tasks of a client.

Requests of one kind to one endpoint share a `RateLimiter`. It limits the number of concurrent
requests, and the number of requests that start in any ten seconds. The first of them start at
once, the others are spread out, and waiting requests start in order.

Other clients may use the same endpoint. They cannot see each other, but all get 429 when the limit
is reached. The number of requests that a client has started by then is about its share of the
limit. The client pauses for as long as the response asks, and continues at that rate, without
bursts. The rate then grows by an equal step for all clients, faster the longer no refusal comes,
and each refusal lowers it by an equal factor. With this additive increase and multiplicative
decrease (Chiu and Jain, 1989), shares become equal and the limit is used. A rate that other clients
no longer need is used within a minute.

All threads and event loops of a client use a limiter. It computes times and never waits: the port
waits.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from collections import deque
from concurrent.futures import Future
from enum import IntEnum, auto

from attrs import frozen


@frozen
class Allowance:
    """Largest numbers of requests: started in any `WINDOW`, and concurrent."""

    requests: int
    concurrent: int | None
    burst: int
    """Largest number of requests that start in a tenth of a `WINDOW`."""


class RateLimitedCall(IntEnum):  # its hash is faster than that of Enum
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
CUT = 0.8
"""The factor by which refusals lower a share, at most once in a `WINDOW`."""
LARGEST_CUT = 0.25
"""Factor for the first refusal if fewer requests were accepted: it may have another cause."""
SMALLEST_SHARE = 0.05
"""The fraction of a limit that a client always tries to use."""
GROWTH = 0.06
ACCELERATION = 0.04
"""Growth of a share in the first `WINDOW` without a refusal, and its increase in later ones."""
CLOCK_TOLERANCE = 1.0
"""A clock that is further behind belongs to another event loop."""


class RateLimiter:
    """A limiter for one kind of requests to one endpoint."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._lock = threading.Lock()
        self._running = 0
        self._queue: deque[Future[None]] = deque()
        self._starts: deque[float] = deque(maxlen=allowance.requests)
        """The times of started and reserved requests that were not refused."""
        self._last_now = float("-inf")
        self._paused_until = float("-inf")
        self._share = 1.0
        """The fraction of the limit that is used directly after the last pause."""
        self._share_before = 1.0
        """The share before the refusal that started the pause."""
        self._cut_at = float("-inf")
        self._cuts = False
        """Whether refusals in this pause lower the share, which happens once in a `WINDOW`."""
        self.pauses = 0
        """How often a pause started or was extended; earlier reserved starts are then invalid."""

    def acquire(self) -> Future[None] | None:
        """Acquire a slot for a request: return None if one is free, else a future for a slot."""
        with self._lock:
            slots = self._allowance.concurrent
            if slots is None or self._running < slots:
                self._running += 1
                return None
            waiter = Future[None]()
            self._queue.append(waiter)
            return waiter

    def release(self) -> None:
        """Release a slot; the request that has waited longest gets it."""
        with self._lock:
            while self._queue:
                waiter = self._queue.popleft()
                if waiter.set_running_or_notify_cancel():
                    break
            else:
                self._running -= 1
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
        starts, allowance = self._starts, self._allowance
        if now < self._last_now - CLOCK_TOLERANCE:
            starts.clear()
            self._paused_until = float("-inf")
        self._last_now = now
        share, window = self._share, WINDOW * MARGIN
        start = max(now, self._paused_until, starts[-1] if starts else now)
        if share < 1.0 and (share := self._share_at(now)) < 1.0:
            # A whole burst would be refused at the limit.
            most = max(1, int(allowance.requests * share))
            return max(start, starts[-1] + window / most) if starts else start
        if len(starts) >= allowance.burst < allowance.requests:
            tenth = window * allowance.burst / allowance.requests
            start = max(start, starts[-allowance.burst] + tenth)
        if len(starts) == allowance.requests:
            start = max(start, starts[0] + window)
        return start

    def _share_at(self, now: float) -> float:
        """Return the fraction of the limit that may be used at *now*."""
        windows = max(0.0, now - self._paused_until) / WINDOW
        return min(1.0, self._share + windows * (GROWTH + ACCELERATION * windows))

    def back_off(self, now: float, pause: float) -> None:
        """Record a 429 response: pause, and continue at the current rate."""
        with self._lock:
            if now >= self._paused_until:
                self._share_before = self._share = self._share_at(now)
                self._cuts = now - self._cut_at >= 0.8 * WINDOW
                if self._cuts:
                    self._cut_at = now
            if now + pause > self._paused_until:
                self._paused_until = now + pause
                self.pauses += 1
                while self._starts and self._starts[-1] > now:
                    self._starts.pop()
            begun = bisect_right(self._starts, now)
            if begun:
                del self._starts[begun - 1]  # the service does not count it
            if self._cuts:
                self._share = max(CUT * self._share_before, SMALLEST_SHARE)
                if self._share_before == 1.0:  # nothing is known of other clients
                    admitted = begun - bisect_right(self._starts, now - WINDOW)
                    used = admitted / self._allowance.requests
                    self._share = min(self._share, max(used, LARGEST_CUT))

    def poll_wait(self, wanted: float) -> float:
        """
        Return the wait of a long poll, at most *wanted* seconds.

        It is shorter when slots are scarce. If requests wait for a slot, each long poll lasts
        only until all slots have been used once at the current rate.
        """
        slots = self._allowance.concurrent
        if slots is None or 2 * self._running <= slots:
            return wanted
        round_time = (
            WINDOW * MARGIN * slots / (self._allowance.requests * self._share_at(self._last_now))
        )
        return min(wanted, max(round_time, wanted * 2 * (slots - self._running) / slots))


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
        key = endpoint_id, limit
        with self._lock:
            limiter = self._limiters.get(key)
            if limiter is None:
                limiter = self._limiters[key] = RateLimiter(RATES[limit])
            return limiter
