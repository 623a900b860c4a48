"""The thread that gets start times and slots from the store of a rate budget."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Final

from runpod_sdk._budget_stores import BudgetStore, StoreAwayError
from runpod_sdk._flows.rate_ledger import Ask, Grant, RateLedger
from runpod_sdk._flows.rate_limit import RATES, RateLimitedCall, RateLimiters
from runpod_sdk._flows.shared_rate_limiter import SharedRateLimiter
from runpod_sdk._io.log import log
from runpod_sdk.errors import ConfigurationError
from runpod_sdk.rate_budget import RateBudget

_IDLE: Final = 5.0
"""Seconds without requests after which the thread ends."""
_FIRST_RETRY: Final = 1.0
_LAST_RETRY: Final = 30.0
"""Seconds after which a store that cannot be reached is tried again."""


class SharedRateLimiters(RateLimiters):
    """The rate limiters of a client with a rate budget."""

    def __init__(self, budget: RateBudget) -> None:
        self._budget = budget
        super().__init__()

    def _reset(self) -> None:
        super()._reset()
        self._keeper = RateKeeper(self._budget)

    def _new(self, endpoint_id: str, limit: RateLimitedCall) -> SharedRateLimiter:
        return self._keeper.limiter(endpoint_id, limit)


class RateKeeper:
    """
    Asks the store for all limiters of one client, in a thread.

    The thread starts with the first request, renews the client's leases, and ends them when the
    client sends no more requests. Requests wait for futures and never for the store.
    """

    def __init__(self, budget: RateBudget) -> None:
        self._budget = budget
        self._client = secrets.token_hex(8)
        self._store: BudgetStore | None = None
        self._worked = False
        """Whether the store has worked before."""
        self._retry_after = 0.0
        self._retry_at = float("-inf")
        self._changed = threading.Condition()
        self._awake = False
        self._thread: threading.Thread | None = None
        self._limiters: dict[str, SharedRateLimiter] = {}

    def limiter(self, endpoint_id: str, limit: RateLimitedCall) -> SharedRateLimiter:
        limiter = SharedRateLimiter(RATES[limit], self._client, time.monotonic, self._wake)
        with self._changed:
            return self._limiters.setdefault(f"{endpoint_id}:{limit.name.lower()}", limiter)

    def _wake(self) -> None:
        with self._changed:
            self._awake = True
            self._changed.notify()
            if self._thread is None:
                name = "runpod_sdk rate budget"
                threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        with self._changed:
            if self._thread is not None:
                return
            self._thread = threading.current_thread()  # so that it has certainly started
        while True:
            with self._changed:
                limiters = list(self._limiters.items())
                self._awake = False
            for key, limiter in limiters:
                if limiter.next_ask(time.monotonic()) <= time.monotonic():
                    self._ask(key, limiter)
            now = time.monotonic()
            at = min(limiter.next_ask(now) for _, limiter in limiters)
            with self._changed:
                if not self._awake:
                    self._changed.wait(min(_IDLE, max(0.0, at - now)))
                if not self._awake and at == float("inf"):
                    self._thread = None
                    return

    def _ask(self, key: str, limiter: SharedRateLimiter) -> None:
        ask = limiter.ask(time.monotonic())
        try:
            grant = self._granted_by_store(key, limiter, ask)
        except ConfigurationError as fault:
            limiter.failed(str(fault))
            return
        if grant is None:
            grant = limiter.own_grant(ask, time.monotonic())
        limiter.granted(ask, grant, time.monotonic())

    def _granted_by_store(self, key: str, limiter: SharedRateLimiter, ask: Ask) -> Grant | None:
        """
        Return what the store's ledger grants; None if the store cannot be reached.

        Raises:
            ConfigurationError: The store cannot be used, and has never worked.
        """

        def change(text: str | None, now: float) -> tuple[str, Grant]:
            ledger = RateLedger.read(limiter.allowance, text)
            grant = ledger.take(ask, now)
            return ledger.write(), grant

        if time.monotonic() < self._retry_at:
            return None
        try:
            if self._store is None:
                self._store = self._budget.open_store()
            grant = self._store.update(key, change)
        except ConfigurationError as fault:
            if not self._worked:
                raise
            self._away(str(fault))
            return None
        except StoreAwayError as fault:
            self._away(str(fault))
            return None
        except Exception as fault:  # no request may wait for ever
            self._away(f"{type(fault).__name__}")
            return None
        if self._retry_after:
            log("WARNING", "the rate budget can be reached again")
        self._worked, self._retry_after = True, 0.0
        limiter.reached()
        return grant

    def _away(self, reason: str) -> None:
        if not self._retry_after:
            log(
                "WARNING",
                "the rate budget cannot be reached; this client keeps to its last share: %s",
                reason,
            )
        self._retry_after = min(_LAST_RETRY, max(_FIRST_RETRY, 2 * self._retry_after))
        self._retry_at = time.monotonic() + self._retry_after
