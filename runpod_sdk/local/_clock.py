"""A clock for tests that advances on demand."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from datetime import timedelta

from ._limits import seconds as in_seconds


class VirtualClock:
    """
    A clock that stands still until you advance it, for `LocalEndpoint(clock=…)`.

        clock = VirtualClock()
        with LocalEndpoint(handler, clock=clock) as local:
            …
            clock.advance(timedelta(minutes=30))  # and results of /run have expired

    Jobs' TTL, retention, execution timeouts, delay and execution times, workers' start and idle
    times, rate limits and faults with a duration use this clock. These use real time: how long
    a request is held (`wait`, and faults that answer late), the retries of webhooks, handlers
    and clients.

    One clock may drive any number of endpoints. Calling the clock returns its time in seconds.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._locks = {os.getpid(): threading.Lock()}
        """By process id: a forked process must not wait for a thread of its parent."""
        self._followers: list[Callable[[], None]] = []

    def __call__(self) -> float:
        return self._now

    def __repr__(self) -> str:
        return f"<VirtualClock at {self._now} s>"

    def advance(self, seconds: float | timedelta) -> None:
        """
        Move the time forward.

        When this method returns, the endpoints have acted on the new time: jobs have expired,
        runs over their execution timeout are stopped, and held requests that wait for such
        changes are about to be answered. May be called from any thread, also by a handler.

        Args:
            seconds: The number of seconds; 0 lets the endpoints act on what is due.

        Raises:
            ValueError: *seconds* is negative or not finite.
            TypeError: *seconds* is neither a number nor a `timedelta`.
        """
        length = in_seconds(seconds)
        if not 0 <= length < math.inf:  # NaN neither
            raise ValueError(f"seconds must be zero or more, not {seconds}")
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            self._now += length
            for follow in self._followers:
                follow()

    def follow(self, follow: Callable[[], None]) -> None:
        """Call *follow* after each `advance`."""
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            self._followers.append(follow)

    def unfollow(self, follow: Callable[[], None]) -> None:
        """Stop calling *follow*."""
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            self._followers.remove(follow)
