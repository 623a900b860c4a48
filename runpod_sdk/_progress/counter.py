"""The progress and speed of a `map`, as a bar shows them."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

from attrs import frozen

from runpod_sdk.results import MapProgress

_STEP: Final = 1.05
"""Ratio of the times of two samples: so even a long map has few of them."""


@frozen(kw_only=True)
class ProgressView:
    """The values to show at an instant."""

    finished: int
    failed: int
    total: int | None
    elapsed: float
    rate: float | None
    """Results per second; None if that is not known yet."""
    over: bool = False

    @property
    def words(self) -> tuple[str, str, str]:
        """Return the text: the finished results, the failed results, and the rest."""
        of = "" if self.total is None else f"/{self.total}"
        failed = f"{self.failed} failed" if self.failed else ""
        rest = [_per(self.rate)] if self.rate else []
        rest.append(_clock(self.elapsed))
        if self.over:
            rest += ["left early"] if self.total is not None and self._left else []
        elif self.rate and self.total is not None:
            rest.append(f"{_clock(self._left / self.rate)} left")
        return f"{self.finished}{of} done", failed, ", ".join(rest)

    @property
    def text(self) -> str:
        """The text in one line."""
        return ", ".join(filter(None, self.words))

    @property
    def _left(self) -> int:
        return max((self.total or 0) - self.finished, 0)


class ProgressCounter:
    """
    Counts results.

    The rate is computed from about the later half of the elapsed time, so it ignores an untypical
    start, and includes long jobs.
    """

    def __init__(self, total: int | None) -> None:
        self._last = MapProgress(0, 0, 0, total)
        self._began = time.monotonic()
        self._samples = deque([(0.0, 0)])

    def begin(self) -> None:
        self._began = time.monotonic()

    def update(self, progress: MapProgress) -> None:
        self._last = progress

    def view(self, *, over: bool = False) -> ProgressView:
        """Return the values to show; *over* computes the rate from the whole time."""
        elapsed, last, samples = time.monotonic() - self._began, self._last, self._samples
        if elapsed >= _STEP * samples[-1][0] + 0.1:
            samples.append((elapsed, last.finished))
        while len(samples) > 1 and samples[1][0] <= elapsed / 2:
            samples.popleft()
        since, before = (0.0, 0) if over else samples[0]
        span = elapsed - since
        return ProgressView(
            finished=last.finished,
            failed=last.failed,
            total=last.total,
            elapsed=elapsed,
            rate=(last.finished - before) / span if span > 0.05 else None,
            over=over,
        )


def _per(rate: float) -> str:
    """Format a rate in results per second, minute or hour."""
    for unit, seconds in (("s", 1), ("min", 60)):
        if rate * seconds >= 1:
            return f"{_round(rate * seconds)}/{unit}"
    return f"{_round(rate * 3600)}/h"


def _round(number: float) -> str:
    return f"{number:.1f}" if number < 9.95 else f"{number:.0f}"


def _clock(seconds: float) -> str:
    """Format a duration as `M:SS` or `H:MM:SS`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
