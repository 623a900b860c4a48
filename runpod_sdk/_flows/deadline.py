"""
Deadlines: the deadline of a call, and the time limit of each attempt.

A call's timeout limits the whole call. The client's timeout restarts with every `PROGRESS` bytes of
a body that are transferred in either direction. A large body therefore passes through a slow
connection, but a server that sends single bytes cannot block the call.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Final, Protocol

from attrs import define, evolve

PROGRESS: Final = 16 * 1024
"""Bytes of a body whose transfer shows that the peer is alive."""


@define
class Deadline:
    """The instant at which a call has to end; None is no limit."""

    at: float | None
    timeout: float | None
    """The length that it was made of, for messages."""
    restarts: bool = False
    """Whether the deadline restarts while a body makes progress."""
    bounds_attempts: bool = True
    """Whether each attempt is bounded too, by the client's own timeout."""

    @classmethod
    def after(cls, timeout: float | None, now: float) -> Deadline:
        return cls(None if timeout is None else now + timeout, timeout)

    def later(self, seconds: float) -> Deadline:
        return self if self.at is None else evolve(self, at=self.at + seconds)

    def left(self, now: float) -> float | None:
        """Return the seconds left, zero or less when it has passed."""
        return None if self.at is None else self.at - now

    def restart(self, now: float) -> None:
        """Restart the deadline, if it restarts."""
        if self.restarts and self.timeout is not None:
            self.at = now + self.timeout


NEVER: Final = Deadline(None, None)
"""No deadline."""


class Bounded(Protocol):
    """A scope that ends at its deadline."""

    @property
    def deadline(self) -> float: ...

    @deadline.setter
    def deadline(self, value: float) -> None: ...


class TimeLimit:
    """
    The instant at which one attempt has to end.

    It moves on with each `PROGRESS` bytes of a body, but never beyond a strict deadline.
    """

    __slots__ = (
        "_deadline",
        "_moved",
        "_now",
        "_patience",
        "ends_at",
        "is_over",
        "scope",
        "waits_for",
    )

    def __init__(
        self,
        now: Callable[[], float],
        deadline: Deadline = NEVER,
        patience: float | None = None,
        first: float | None = None,
    ) -> None:
        """
        Begin an attempt.

        Args:
            now: The clock, in seconds.
            patience: The longest time without progress.
            first: The longest time until the first progress, if that is another.
        """
        self._now = now
        self._deadline = deadline
        self._patience = patience
        self._moved = 0
        self.scope: Bounded | None = None
        """The scope that enforces the limit, informed when the limit changes."""
        self.is_over = False
        """Whether it was ended before its time."""
        self.waits_for: object = None
        """The event that a thread waits for in this attempt, if any."""
        self.ends_at = self._end(patience if first is None else first)

    def by(self, now: Callable[[], float]) -> TimeLimit:
        """Return the same limit for another thread, which reads the same clock by *now*."""
        limit = copy.copy(self)
        limit._now = now
        return limit

    def left(self) -> float:
        """Return the seconds left, zero or less when the time is over; infinity is no limit."""
        return self.ends_at - self._now()

    def moved(self, size: int) -> None:
        """Note that *size* bytes of a body have been sent or received."""
        self._moved += size
        if self._moved >= PROGRESS:
            self._moved %= PROGRESS
            self._deadline.restart(self._now())
            self.ends_at = self._end(self._patience)
            if self.scope is not None:
                self.scope.deadline = self.ends_at

    def end(self) -> None:
        """End the attempt now, from any thread."""
        self.is_over, self.ends_at = True, -math.inf

    def _end(self, patience: float | None) -> float:
        if self.is_over:
            return -math.inf
        end = math.inf if patience is None else self._now() + patience
        return end if self._deadline.at is None else min(end, self._deadline.at)
