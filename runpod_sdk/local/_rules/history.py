"""The last minutes: the runs of the workers, and the speed of the jobs."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence

from attrs import Factory, define, frozen

from .jobs import Run

WINDOW = 300.0
"""The seconds that the history covers."""
BUCKET = 10.0
"""The seconds that are counted together."""

_MAX_SAMPLES = 2_000
_MAX_SPANS = 120
"""Spans of one worker."""
_MAX_LANES = 200
_SHORT = 1.0
"""Runs and pauses shorter than this many seconds become one span."""


@define
class Span:
    """A time in which a worker was busy: with one run, or with *count* short ones."""

    start: float
    job_id: str
    end: float | None = None
    outcome: str = ""
    """The status with which the job left the worker; `LOST` if it was queued again."""
    count: int = 1


@define
class Lane:
    """The spans of one worker, the oldest first."""

    done: deque[Span] = Factory(lambda: deque[Span](maxlen=_MAX_SPANS))
    running: dict[Run, Span] = Factory(dict[Run, Span])

    def spans(self) -> list[Span]:
        """Return all spans."""
        return [*self.done, *self.running.values()]


@frozen
class Percentiles:
    """The median and the 95th percentile of durations in seconds; None without any."""

    p50: float | None
    p95: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Percentiles:
        """Compute them by the nearest rank."""
        ranked = sorted(values)

        def at(share: float) -> float | None:
            return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else None

        return cls(at(0.5), at(0.95))


@frozen
class Speed:
    """The jobs that ended within the window."""

    delay: Percentiles
    execution: Percentiles
    buckets: tuple[tuple[int, int], ...]
    """The completed and the other jobs of each bucket, the oldest first; the last one is open."""


@frozen
class _Sample:
    ended: float
    delay: float | None
    execution: float | None


class History:
    """The runs of the last minutes, bounded in number. Times are from the queue's clock."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._samples: deque[_Sample] = deque(maxlen=_MAX_SAMPLES)
        self._buckets: Counter[tuple[int, bool]] = Counter()
        self._count = 0
        self._speed: tuple[tuple[int, int], Speed] | None = None

    def began(self, now: float, run: Run) -> None:
        """Record that a worker begins a run."""
        lane = self._lanes.pop(run.worker, None) or Lane()
        self._lanes[run.worker] = lane  # the last one to begin a run is at the end
        lane.running[run] = Span(now, run.job_id)
        if len(self._lanes) > _MAX_LANES:
            del self._lanes[next(iter(self._lanes))]

    def left(self, now: float, run: Run, outcome: str) -> None:
        """Record that a job has left its worker."""
        lane = self._lanes.get(run.worker)
        span = None if lane is None else lane.running.pop(run, None)
        if lane is None or span is None:
            return
        span.end, span.outcome = now, outcome
        last = lane.done[-1] if lane.done else None
        if last is not None and last.end is not None and _mergeable(last, span):
            last.end, last.count, last.job_id = now, last.count + 1, span.job_id
        else:
            lane.done.append(span)

    def ended(
        self, now: float, *, delay: float | None, execution: float | None, completed: bool
    ) -> None:
        """Record that a job has become terminal."""
        self._count += 1
        self._samples.append(_Sample(now, delay, execution))
        self._buckets[int(now // BUCKET), completed] += 1

    def lanes(self, now: float) -> dict[str, list[Span]]:
        """Return the spans within the window, by worker."""
        oldest = now - WINDOW
        found = {
            worker: [s for s in lane.spans() if s.end is None or s.end >= oldest]
            for worker, lane in self._lanes.items()
        }
        for worker in [worker for worker, spans in found.items() if not spans]:
            del self._lanes[worker], found[worker]
        return found

    def speed(self, now: float) -> Speed:
        """Return how fast jobs were; computed again after a second, or after a job has ended."""
        key = int(now), self._count
        if self._speed is None or self._speed[0] != key:
            self._speed = key, self._compute(now)
        return self._speed[1]

    def _compute(self, now: float) -> Speed:
        oldest = now - WINDOW
        while self._samples and self._samples[0].ended < oldest:
            self._samples.popleft()
        last = int(now // BUCKET)
        first = last - int(WINDOW // BUCKET) + 1
        for key in [key for key in self._buckets if key[0] < first]:
            del self._buckets[key]
        return Speed(
            Percentiles.of([s.delay for s in self._samples if s.delay is not None]),
            Percentiles.of([s.execution for s in self._samples if s.execution is not None]),
            tuple(
                (self._buckets[n, True], self._buckets[n, False]) for n in range(first, last + 1)
            ),
        )


def _mergeable(last: Span, span: Span) -> bool:
    assert last.end is not None
    assert span.end is not None
    short = span.end - span.start < _SHORT and (last.count > 1 or last.end - last.start < _SHORT)
    return short and span.start - last.end < _SHORT and last.outcome == span.outcome
