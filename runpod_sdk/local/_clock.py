"""A clock for tests, that goes on when it is told to."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from datetime import timedelta


class VirtualClock:
    """
    Time that stands still until it is advanced, for `LocalEndpoint(clock=…)`.

        clock = VirtualClock()
        with LocalEndpoint(handler, clock=clock) as local:
            …
            clock.advance(timedelta(minutes=30))  # and results of /run have expired

    The TTL of jobs, retention, execution timeouts, delay and execution times, workers' start and
    idle times, rate limits and faults that last a while follow it. What real time alone can
    measure does not: how long a request is held (`wait`, and faults that answer late), the
    retries of webhooks, and all that handlers and clients do.

    One clock may drive any number of endpoints. Calling it gives the time, in seconds.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._locks = {os.getpid(): threading.Lock()}
        """By process: a fork must not wait for a thread of its parent."""
        self._followers: list[Callable[[], None]] = []

    def __call__(self) -> float:
        return self._now

    def __repr__(self) -> str:
        return f"<VirtualClock at {self._now} s>"

    def advance(self, seconds: float | timedelta) -> None:
        """
        Let time pass, all at once.

        When this returns, the endpoints have done what follows from it: jobs have expired, runs
        that took too long were stopped, and requests that were held for such news are on their
        way to be answered. May be called from any thread, a handler's too.

        Args:
            seconds: How much, in seconds; zero lets endpoints look at what is due.

        Raises:
            ValueError: It is negative or not finite.
        """
        length = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
        if not 0 <= length < math.inf:  # NaN neither
            raise ValueError(f"time passes by a length of at least zero, not by {seconds}")
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            self._now += length
            for follow in self._followers:
                follow()

    def follow(self, follow: Callable[[], None]) -> None:
        """Call *follow* whenever time has passed, for whoever has to act on it."""
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            self._followers.append(follow)

    def unfollow(self, follow: Callable[[], None]) -> None:
        """Call it no longer."""
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            self._followers.remove(follow)
