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

TIMER_RESOLUTION: Final = 0.001
"""How early an event loop's timer may fire, in seconds: uvloop counts in milliseconds."""


@define
class Deadline:
    """The instant at which a call must end; None means no limit."""

    at: float | None
    timeout: float | None
    """The timeout that the deadline was made from, in seconds, for messages."""
    restarts: bool = False
    """Whether the deadline restarts while a body makes progress."""
    bounds_attempts: bool = True
    """Whether the client's own timeout bounds each attempt, too."""

    @classmethod
    def after(
        cls,
        timeout: float | None,
        now: float,
        *,
        restarts: bool = False,
        bounds_attempts: bool = True,
    ) -> Deadline:
        """Return the deadline of a timeout; None is no limit."""
        at = None if timeout is None else now + timeout
        return cls(at, timeout, restarts, bounds_attempts)

    def later(self, seconds: float) -> Deadline:
        return self if self.at is None else evolve(self, at=self.at + seconds)

    def left(self, now: float) -> float | None:
        """Return the seconds left; zero or less if the deadline has passed."""
        return None if self.at is None else self.at - now

    def restart(self, now: float) -> None:
        """Restart the timeout, if `restarts` is set."""
        if self.restarts and self.timeout is not None:
            self.at = now + self.timeout


NEVER: Final = Deadline(None, None)
"""No deadline."""


class Bounded(Protocol):
    """A cancel scope that ends at its deadline."""

    @property
    def deadline(self) -> float: ...

    @deadline.setter
    def deadline(self, value: float) -> None: ...


class TimeLimit:
    """
    The instant at which one attempt must end.

    The limit is extended after each `PROGRESS` bytes of a body, never beyond a strict deadline.
    """

    __slots__ = (
        "_deadline",
        "_max_idle",
        "_now",
        "_transferred",
        "ends_at",
        "is_over",
        "scope",
        "waits_for",
    )

    def __init__(
        self,
        now: Callable[[], float],
        deadline: Deadline = NEVER,
        max_idle: float | None = None,
        max_first: float | None = None,
    ) -> None:
        """
        Start the attempt.

        Args:
            now: The clock, in seconds.
            max_idle: The longest time without progress, in seconds.
            max_first: The longest time until the first progress, if it differs, in seconds.
        """
        self._now = now
        self._deadline = deadline
        self._max_idle = max_idle
        self._transferred = 0
        self.scope: Bounded | None = None
        """The cancel scope of the attempt, updated when the limit changes."""
        self.is_over = False
        """Whether `end` was called."""
        self.waits_for: object = None
        """The event or socket that a thread waits for in this attempt, if any."""
        self.ends_at = self._end(max_idle if max_first is None else max_first)

    def with_clock(self, now: Callable[[], float]) -> TimeLimit:
        """Return the same limit for another thread, which reads the same clock with *now*."""
        limit = copy.copy(self)
        limit._now = now
        return limit

    def left(self) -> float:
        """Return the seconds left; zero or less after the end, infinity without a limit."""
        return self.ends_at - self._now()

    def has_passed(self) -> bool:
        """Return whether the limit may have ended the attempt, by a timer that fired early."""
        return self.left() <= TIMER_RESOLUTION

    def add_progress(self, size: int) -> None:
        """Record that *size* bytes of a body were sent or received."""
        self._transferred += size
        if self._transferred >= PROGRESS:
            self._transferred %= PROGRESS
            self._deadline.restart(self._now())
            self.ends_at = self._end(self._max_idle)
            if self.scope is not None:
                self.scope.deadline = self.ends_at

    def end(self) -> None:
        """End the attempt now, from any thread."""
        self.is_over, self.ends_at = True, -math.inf

    def _end(self, max_idle: float | None) -> float:
        if self.is_over:
            return -math.inf
        end = math.inf if max_idle is None else self._now() + max_idle
        return end if self._deadline.at is None else min(end, self._deadline.at)
