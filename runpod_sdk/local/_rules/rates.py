"""Rate limits: the number of requests in a time window and at once."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, frozen

WINDOW = 10.0  # s
BASE_WORKERS = 40
"""The running workers up to which the base rate applies; more of them raise it in proportion."""


@frozen
class Rate:
    """The limit of one operation: requests in a window, and requests at once."""

    requests: int
    at_once: int | None = None

    def effective(self, running: int) -> int:
        """Return the requests allowed in a window with *running* workers, at least the base."""
        return max(self.requests, running * self.requests // BASE_WORKERS)


class RateExceeded(Exception):
    """A request is over the limit; it may be repeated in *wait* seconds."""

    def __init__(self, what: str, wait: float) -> None:
        super().__init__(what)
        self.wait = wait


@define
class Meter:
    """
    Counts the requests of one operation.

    A window begins with the first request after the last window has ended. Refused requests do
    not count.
    """

    rate: Rate
    _begun: float = float("-inf")
    _count: int = 0
    _at_once: int = 0

    def enter(self, now: float, running: Callable[[], int]) -> None:
        """
        Count a request; call `leave` when it has ended.

        *running* returns the number of running workers. It is called only above the base rate.

        Raises:
            TooMany: It is over the rate. It is not in, and must not leave.
        """
        if self.rate.at_once is not None and self._at_once >= self.rate.at_once:
            raise RateExceeded(f"{self.rate.at_once} at once", 1.0)
        if now - self._begun >= WINDOW:
            self._begun, self._count = now, 0
        if self._count >= self.rate.requests:
            limit = self.rate.effective(running())
            if self._count >= limit:
                raise RateExceeded(f"{limit} in {WINDOW:g} seconds", WINDOW - (now - self._begun))
        self._count += 1
        self._at_once += 1

    def leave(self) -> None:
        """Count a request as ended."""
        self._at_once -= 1
