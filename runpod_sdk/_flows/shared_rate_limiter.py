"""
A rate limiter of a client that shares its limits with other clients.

The limiter passes start times and slots, which the ledger of a shared store grants, to waiting
requests. A question to the store blocks, so the port asks, in a thread: it calls `next_ask`, `ask`,
and then `granted` or `failed`. If the store cannot be reached, it calls `granted` with what
`own_grant` returns.

The own ledger has the client's last equal share of the limit. So clients that lose the store do not
stop, and do not exceed the limit together unless more clients start.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from attrs import evolve

from runpod_sdk._flows.rate_ledger import HORIZON, Ask, Grant, RateLedger
from runpod_sdk._flows.rate_limit import LARGEST_CUT, Allowance
from runpod_sdk.errors import ConfigurationError

RENEWAL: Final = 2.0
"""Seconds after which a client renews its lease, or ends it if it sends no requests."""
PACE: Final = 0.01
"""Shortest time between two questions of a client, times the number of clients."""
LONGEST_PACE: Final = HORIZON / 4
SLOT_WAIT: Final = 0.25
"""Seconds after which a client asks again for slots."""
STALE: Final = 0.1
"""Seconds after which an unused start time is void: later, it would be in another window."""

_NEVER: Final = float("-inf")


class SharedRateLimiter:
    """
    A limiter for one kind of requests to one endpoint; see `Limiter` for its methods.

    Args:
        client: The name of the client in the ledger.
        clock: The clock of the thread that asks. Flows may have another one.
        wake: Wakes that thread.
    """

    def __init__(
        self,
        allowance: Allowance,
        client: str,
        clock: Callable[[], float],
        wake: Callable[[], object],
    ) -> None:
        self.allowance = allowance
        self._client = client
        self._clock = clock
        self._wake = wake
        self._lock = threading.Lock()
        self._queue: deque[Future[None]] = deque()
        self._cancelled = 0
        """Number of waiters in the queue that are cancelled."""
        self._running = 0
        self._admitted: deque[float | str] = deque()
        """Start times of requests that have a slot and have not read their time, or an error."""
        self._spare: deque[float] = deque()
        """Start times that no request has."""
        self._ahead: deque[float] = deque()
        """Start times of the future."""
        self._moved = 0
        """Number of requests whose start time a refusal made invalid."""
        self._paused_until = _NEVER
        self._refused_until: float | None = None
        """End of the pause that the ledger does not know yet."""
        self._asked = _NEVER
        self._clients = 0
        """The last number of clients in the store's ledger; 0 if it is unknown."""
        self._own_ledger: RateLedger | None = None
        self._forget()
        self.pauses = 0

    def _forget(self) -> None:
        """Start as a client that has asked for nothing."""
        self._grant = Grant((), 0, self.allowance.concurrent, 0, 1, 1.0)
        if self.allowance.concurrent is None:
            self._grant = Grant((), None, None, 0, 1, 1.0)

    # What a flow calls.

    def acquire(self) -> Future[None]:
        waiter = Future[None]()
        with self._lock:
            is_first = not self._waiting()
            self._queue.append(waiter)
            admitted = self._admit(self._clock())
        _set_done(admitted)
        if is_first and not admitted:
            try:
                self._wake()
            except BaseException:  # the caller does not get the waiter
                self.abandon(waiter)
                raise
        return waiter

    def release(self) -> None:
        with self._lock:
            was_full = not self._has_slot()
            self._running -= 1
            while len(self._admitted) > self._running:  # of a request that was cancelled
                self._admitted.popleft()
            admitted = self._admit(self._clock())
            waits = was_full and self._waiting() > 0
        _set_done(admitted)
        if waits:
            self._wake()

    def abandon(self, waiter: Future[None]) -> None:
        if waiter.cancel():
            with self._lock:
                self._cancelled += 1
            return
        with self._lock:
            if not self._admitted:  # a refusal made the request's start time invalid
                self._moved = max(0, self._moved - 1)
            elif isinstance(start := self._admitted.pop(), float):
                self._spare.append(start)
        self.release()

    def reserve(self, now: float, at_latest: float | None) -> float | None:
        """
        Return the request's start time, in the flow's clock.

        Raises:
            ConfigurationError: The store cannot be used.
        """
        with self._lock:
            known = self._admitted.popleft() if self._admitted else None
            if isinstance(known, str):
                raise ConfigurationError(known)
            if known is None:  # a refusal made the request's start time invalid
                known, self._moved = self._paused_until, max(0, self._moved - 1)
            start = max(now, max(known, self._paused_until) - self._clock() + now)
            if at_latest is not None and start >= at_latest:
                self._spare.append(known)
                return None
            return start

    def wait(self, now: float) -> float | None:
        with self._lock:
            return max(self._spare[0], self._paused_until) - self._clock() if self._spare else None

    def back_off(self, now: float, pause: float) -> None:
        with self._lock:
            ours = self._clock()
            if ours + pause <= self._paused_until:
                return
            self._paused_until = self._refused_until = ours + pause
            self.pauses += 1
            self._pass_time(ours)
            self._moved += len(self._ahead) - sum(start > ours for start in self._spare)
            self._ahead.clear()
            self._spare.clear()
            self._admitted = deque(known for known in self._admitted if isinstance(known, str))
        self._wake()

    def poll_wait(self, wanted: float) -> float:
        slots, running, allowance = self._grant.most, self._running, self.allowance
        if slots is None or allowance.concurrent is None or 2 * running <= slots:
            return wanted
        rate = allowance.requests * self._grant.share / allowance.window
        scarce = wanted * 2 * max(0, slots - running) / max(1, slots)
        return min(wanted, max(allowance.concurrent / rate, scarce))

    # What the thread calls that asks.

    def next_ask(self, now: float) -> float:
        """Return the time at which to ask; infinity if that is not needed."""
        with self._lock:
            self._pass_time(now)
            waiting, grant = self._waiting(), self._grant
            if not (waiting or self._running or grant.clients):
                return float("inf")
            at = self._asked + RENEWAL
            soon = self._asked + min(LONGEST_PACE, PACE * grant.clients)
            if self._refused_until is not None or self._moved:
                at = min(at, soon)
            elif waiting and self._has_slot():
                spare = grant.quota // 2
                used = self._ahead[-spare - 1] if len(self._ahead) > spare else _NEVER
                at = min(at, max(soon, used))
            elif waiting:
                at = min(at, self._asked + SLOT_WAIT if grant.clients else _NEVER)
            return at

    def ask(self, now: float) -> Ask:
        """Return what to ask now; `granted` or `failed` must follow."""
        with self._lock:
            self._pass_time(now)
            refused_until, self._refused_until = self._refused_until, None
            pause = None if refused_until is None else max(0.0, refused_until - now)
            self._asked = now
            ahead = len(self._ahead)
            uncounted = 0 if self._own_ledger is None else ahead
            return Ask(
                self._client,
                self._waiting(),
                self._moved,
                ahead,
                self._running,
                uncounted,
                pause,
            )

    def granted(self, ask: Ask, grant: Grant, now: float) -> None:
        """Record what the ledger granted, and admit requests."""
        with self._lock:
            self._grant = grant
            if self._own_ledger is None:
                self._clients = grant.clients
            starts = deque(now + start for start in grant.starts)
            self._ahead.extend(starts)
            moved = min(self._moved, ask.moved, len(starts))
            self._moved -= moved
            for _ in range(moved):
                self._admitted.append(starts.popleft())
            self._spare.extend(starts)
            if not ask.wanted:
                self._forget()
            admitted = self._admit(now)
        _set_done(admitted)

    def failed(self, message: str) -> None:
        """Let all waiting requests raise a `ConfigurationError`."""
        with self._lock:
            admitted: list[Future[None]] = []
            while self._queue:
                admitted += self._next_waiter(message)
            self._forget()
        _set_done(admitted)

    def own_grant(self, ask: Ask, now: float) -> Grant:
        """Return what the own ledger grants, which has this client's last share of the limit."""
        if self._own_ledger is None:
            share = 1 / self._clients if self._clients else LARGEST_CUT
            self._own_ledger = RateLedger.new(self.allowance.scaled(share))
            return self._own_ledger.take(evolve(ask, uncounted=ask.ahead), now)
        return self._own_ledger.take(evolve(ask, uncounted=0), now)

    def reached(self) -> None:
        """Record that the store can be reached."""
        self._own_ledger = None

    def _admit(self, now: float) -> list[Future[None]]:
        """Give slots and start times to the requests that have waited longest."""
        while self._spare and self._spare[0] < now - STALE:
            self._spare.popleft()
        admitted: list[Future[None]] = []
        while self._queue and self._spare and self._has_slot():
            if waiters := self._next_waiter(self._spare[0]):
                self._spare.popleft()
                admitted += waiters
        return admitted

    def _next_waiter(self, start: float | str) -> list[Future[None]]:
        """Admit the next waiter with a start time; return it, or nothing if it is cancelled."""
        waiter = self._queue.popleft()
        if not waiter.set_running_or_notify_cancel():
            self._cancelled -= 1
            return []
        self._running += 1
        self._admitted.append(start)
        return [waiter]

    def _waiting(self) -> int:
        return len(self._queue) - self._cancelled

    def _has_slot(self) -> bool:
        return self._grant.slots is None or self._running < self._grant.slots

    def _pass_time(self, now: float) -> None:
        while self._ahead and self._ahead[0] <= now:
            self._ahead.popleft()


def _set_done(waiters: list[Future[None]]) -> None:
    for waiter in waiters:
        waiter.set_result(None)
