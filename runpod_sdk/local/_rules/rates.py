"""How often a client may ask, and how many of its requests may be under way at once."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, frozen

WINDOW = 10.0  # s
WORKERS_OF_THE_BASE = 40
"""How many running workers the base rate is enough for; more of them raise it in proportion."""


@frozen
class Rate:
    """What one operation allows: so many requests in a window, and so many at once."""

    requests: int
    at_once: int | None = None

    def effective(self, running: int) -> int:
        """Give the requests in a window with that many workers running; never below the base."""
        return max(self.requests, running * self.requests // WORKERS_OF_THE_BASE)


class TooMany(Exception):
    """A request that is over the rate; it may come again in *wait* seconds."""

    def __init__(self, what: str, wait: float) -> None:
        super().__init__(what)
        self.wait = wait


@define
class Meter:
    """
    Count the requests of one operation.

    A window begins with the first request that comes after the last one has ended. What is
    refused does not count.
    """

    rate: Rate
    _begun: float = float("-inf")
    _count: int = 0
    _at_once: int = 0

    def enter(self, now: float, running: Callable[[], int]) -> None:
        """
        Let a request in; it has to `leave`.

        *running* tells how many workers run. It is asked only where the base is not enough.

        Raises:
            TooMany: It is over the rate. It is not in, and must not leave.
        """
        if self.rate.at_once is not None and self._at_once >= self.rate.at_once:
            raise TooMany(f"{self.rate.at_once} at once", 1.0)
        if now - self._begun >= WINDOW:
            self._begun, self._count = now, 0
        if self._count >= self.rate.requests:
            limit = self.rate.effective(running())
            if self._count >= limit:
                raise TooMany(f"{limit} in {WINDOW:g} seconds", WINDOW - (now - self._begun))
        self._count += 1
        self._at_once += 1

    def leave(self) -> None:
        """Note that a request has been answered, or given up."""
        self._at_once -= 1
