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
waits. Clients that share a budget use `SharedRateLimiter` instead.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from collections import deque
from enum import IntEnum, auto
from functools import cache
from math import floor
from typing import TYPE_CHECKING, Final, Protocol

from attrs import define, frozen

from runpod_sdk._importing import whole_imports

if TYPE_CHECKING:
    from concurrent.futures import Future

WINDOW: Final = 10.0
"""Length of RunPod's window, in seconds."""
MARGIN: Final = 1.05
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
"""A clock that is further behind belongs to another event loop, or was set back."""

_NEVER = float("-inf")


@frozen
class Allowance:
    """Largest numbers of requests: started in any `window`, and concurrent."""

    requests: int
    concurrent: int | None
    burst: int
    """Largest number of requests that start in a tenth of a window."""
    window: float = WINDOW * MARGIN
    """In seconds."""

    def scaled(self, share: float) -> Allowance:
        """Return a share of this allowance: at least one request, if need be in a longer time."""
        requests = self.requests * share
        concurrent = self.concurrent
        return Allowance(
            _at_least_one(requests),
            None if concurrent is None else _at_least_one(concurrent * share),
            _at_least_one(self.burst * share),
            self.window / min(1.0, requests),
        )


def _at_least_one(number: float) -> int:
    return max(1, floor(round(number, 6)))


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


@define
class StartSchedule:
    """The times at which requests start, by an allowance and by refusals."""

    allowance: Allowance
    starts: deque[float]
    """The times of started and reserved requests that were not refused; as many as are needed."""
    last_now: float = _NEVER
    paused_until: float = _NEVER
    share: float = 1.0
    """The fraction of the limit that is used directly after the last pause."""
    share_before: float = 1.0
    """The share before the refusal that started the pause."""
    cut_at: float = _NEVER
    cuts: bool = False
    """Whether refusals in this pause lower the share, which happens once in a `WINDOW`."""

    def next(self, now: float) -> float:
        """Return the time at which the next request may start."""
        starts, allowance = self.starts, self.allowance
        if now < self.last_now - CLOCK_TOLERANCE:
            starts.clear()
            self.paused_until = self.cut_at = _NEVER
        self.last_now = now
        share, window = self.share, allowance.window
        start = max(now, self.paused_until, starts[-1] if starts else now)
        if share < 1.0 and (share := self.share_at(now)) < 1.0:
            # A whole burst would be refused at the limit.
            most = max(1, int(allowance.requests * share))
            return max(start, starts[-1] + window / most) if starts else start
        if len(starts) >= allowance.burst < allowance.requests:
            tenth = window * allowance.burst / allowance.requests
            start = max(start, starts[-allowance.burst] + tenth)
        if len(starts) == allowance.requests:
            start = max(start, starts[0] + window)
        return start

    def share_at(self, now: float) -> float:
        """Return the fraction of the limit that may be used at *now*."""
        windows = max(0.0, now - self.paused_until) / WINDOW
        return min(1.0, self.share + windows * (GROWTH + ACCELERATION * windows))

    def back_off(self, now: float, pause: float) -> bool:
        """Record a 429 response; return whether reserved starts became invalid."""
        if now >= self.paused_until:
            self.share_before = self.share = self.share_at(now)
            self.cuts = now - self.cut_at >= 0.8 * WINDOW
            if self.cuts:
                self.cut_at = now
        pauses = now + pause > self.paused_until
        if pauses:
            self.paused_until = now + pause
            while self.starts and self.starts[-1] > now:
                self.starts.pop()
        begun = bisect_right(self.starts, now)
        if begun:
            del self.starts[begun - 1]  # the service does not count it
        if self.cuts:
            self.share = max(CUT * self.share_before, SMALLEST_SHARE)
            remembers_window = self.starts.maxlen == self.allowance.requests
            if self.share_before == 1.0 and remembers_window:  # nothing is known of other clients
                admitted = begun - bisect_right(self.starts, now - WINDOW)
                used = admitted / self.allowance.requests
                self.share = min(self.share, max(used, LARGEST_CUT))
        return pauses


class Limiter(Protocol):
    """The methods of a rate limiter that a flow calls."""

    @property
    def pauses(self) -> int:
        """How often a pause started or was extended; earlier reserved starts are then invalid."""
        ...

    def acquire(self) -> Future[None] | None:
        """Acquire a slot for a request: return None if one is free, else a future for a slot."""
        ...

    def release(self) -> None:
        """Release a slot; the request that has waited longest gets it."""
        ...

    def abandon(self, waiter: Future[None]) -> None:
        """Stop waiting for *waiter*; release its slot if it is done already."""
        ...

    def reserve(self, now: float, at_latest: float | None) -> float | None:
        """
        Return the time at which the request with a new slot may start, and count it.

        If that time is not before *at_latest*, return None and count nothing.
        """
        ...

    def wait(self, now: float) -> float | None:
        """Return the seconds until the next request may start, if known, without counting it."""
        ...

    def back_off(self, now: float, pause: float) -> None:
        """Record a 429 response: pause, and continue at the current rate."""
        ...

    def poll_wait(self, wanted: float) -> float:
        """
        Return the wait of a long poll, at most *wanted* seconds.

        It is shorter when slots are scarce. If requests wait for a slot, each long poll lasts
        only until all slots have been used once at the current rate.
        """
        ...


@cache
def _future_class() -> type[Future[None]]:
    with whole_imports():
        from concurrent.futures import Future  # which imports logging

    return Future


class RateLimiter:
    """A limiter for one kind of requests to one endpoint."""

    def __init__(self, allowance: Allowance) -> None:
        self._slots = allowance.concurrent
        self._lock = threading.RLock()  # a signal handler may call the client that it interrupts
        self._running = 0
        self._queue: deque[Future[None]] = deque()
        self._schedule = StartSchedule(allowance, deque(maxlen=allowance.requests))
        self.pauses = 0

    def acquire(self) -> Future[None] | None:
        with self._lock:
            if self._slots is None or self._running < self._slots:
                self._running += 1
                return None
            waiter = _future_class()()
            self._queue.append(waiter)
            return waiter

    def release(self) -> None:
        with self._lock:
            waiter = self._next_waiter()
            if waiter is None:
                self._running -= 1
        if waiter is not None:
            waiter.set_result(None)

    def _next_waiter(self) -> Future[None] | None:
        try:
            while not (waiter := self._queue.popleft()).set_running_or_notify_cancel():
                pass
        except IndexError:
            return None
        return waiter

    def abandon(self, waiter: Future[None]) -> None:
        if not waiter.cancel():
            self.release()

    def reserve(self, now: float, at_latest: float | None) -> float | None:
        with self._lock:
            schedule = self._schedule
            start = schedule.next(now)
            if at_latest is not None and start >= at_latest:
                return None
            schedule.starts.append(start)
            return start

    def wait(self, now: float) -> float:
        with self._lock:
            return self._schedule.next(now) - now

    def back_off(self, now: float, pause: float) -> None:
        with self._lock:
            if self._schedule.back_off(now, pause):
                self.pauses += 1

    def poll_wait(self, wanted: float) -> float:
        slots, schedule = self._slots, self._schedule
        if slots is None or 2 * self._running <= slots:
            return wanted
        allowance = schedule.allowance
        share = schedule.share_at(schedule.last_now)
        round_time = allowance.window * slots / (allowance.requests * share)
        return min(wanted, max(round_time, wanted * 2 * (slots - self._running) / slots))


class RateLimiters:
    """
    The rate limiters of one client.

    A forked process starts without limiters, because the parent's requests would never release
    their slots here.

    Args:
        share: The fraction of each limit that the client may use.
    """

    def __init__(self, share: float = 1.0) -> None:
        self._share = share
        self._reset()

    def _reset(self) -> None:
        self._limiters: dict[tuple[str, RateLimitedCall], Limiter] = {}
        self._pid = os.getpid()

    def limiter(self, endpoint_id: str, limit: RateLimitedCall) -> Limiter:
        if self._pid != os.getpid():
            self._reset()
        key = endpoint_id, limit
        limiter = self._limiters.get(key)
        if limiter is None:  # threads may do this at the same time; all get the first limiter
            limiter = self._limiters.setdefault(key, self._new(endpoint_id, limit))
        return limiter

    def _new(self, endpoint_id: str, limit: RateLimitedCall) -> Limiter:
        return RateLimiter(RATES[limit].scaled(self._share))
