"""
The rules of the workers, without threads, processes or a clock.

The endpoint starts workers of its own (*ours*), as many as the scaling asks for. *External*
workers are started by users and join and leave at any time. Our workers are either all given one
job at a time, or all *pull*: they ask for as many jobs as they can run.

    ours        wanted ─▶ launch ─▶ join ─▶ begin ⇄ end ─▶ retired: idle too long, or recycled
    external                        join ─▶ begin ⇄ end
    both                                                ─▶ remove: the worker is lost

    phase          meaning
    ────────────   ─────────────────────────────────────────────────────────────────────────
    initializing   ours, and not joined yet: it waits for its start delay, or is starting
    unhealthy      it reported so; or it replaces a worker that ended before it joined
    idle           joined, without a run
    running        joined, with a run, which may be a stopped one that has not ended yet

The number of our workers is from *least* to *most*. One more is started for each urgent queued
job that no idle or starting worker can take. A worker that was idle for *idle_timeout* is retired
if no such job is queued. After a worker that ends before it joined, the next start is delayed,
longer each time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from enum import StrEnum

from attrs import Factory, define, frozen

from .jobs import Run

_FIRST_BACKOFF, _MAX_BACKOFF = 0.5, 30.0  # s


class Phase(StrEnum):
    """A worker's phase, by its name in `/health`."""

    INITIALIZING = "initializing"
    IDLE = "idle"
    RUNNING = "running"
    UNHEALTHY = "unhealthy"


@frozen(kw_only=True)
class Scaling:
    """How many workers to start. *idle_timeout* in seconds; *pull*: whether they ask for jobs."""

    least: int = 0
    most: int = 0
    idle_timeout: float = 5.0
    pull: bool = False


@define(eq=False)
class Worker:
    """A worker as the fleet knows it."""

    id: str
    ours: bool
    pulls: bool
    since: float
    """The time at which its phase began."""
    launch: float | None = None
    """The time at which to start it; None once it is started."""
    joined: bool = False
    unhealthy: bool = False
    leaving: bool = False
    """Whether it gets no more jobs and is retired when it has none."""
    runs: dict[str, Run] = Factory(dict[str, Run])
    """Its runs by job id; also stopped runs, until they have ended."""

    @property
    def phase(self) -> Phase:
        if self.unhealthy:
            return Phase.UNHEALTHY
        if not self.joined:
            return Phase.INITIALIZING
        return Phase.RUNNING if self.runs else Phase.IDLE

    @property
    def available(self) -> bool:
        """Whether it may be given a job."""
        return self.joined and not self.unhealthy and not self.leaving


class Fleet:
    """The workers of one endpoint. *make_id* returns a new worker's id."""

    def __init__(self, scaling: Scaling, make_id: Callable[[], str]) -> None:
        self.scaling = scaling
        self.start_delay: Callable[[], float] = lambda: 0.0
        """Returns the seconds before a worker is started; called for each new worker."""
        self._make_id = make_id
        self._workers: dict[str, Worker] = {}
        self._urgent = 0
        self._failures = 0  # workers in a row that ended before they joined
        self._launched: list[str] = []
        self._retired: list[str] = []
        self.changed = False

    def effects(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the workers to start and the retired workers to end since the last call."""
        effects = tuple(self._launched), tuple(self._retired)
        self._launched.clear()
        self._retired.clear()
        return effects

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers.values())

    def find(self, worker: str) -> Worker | None:
        """Return a worker, or None if it is unknown."""
        return self._workers.get(worker)

    def count(self, phase: Phase) -> int:
        """Count the workers in a phase."""
        return sum(worker.phase is phase for worker in self)

    def idle(self) -> Worker | None:
        """Return an idle worker that does not pull, if any."""
        return next(
            (w for w in self if w.available and not w.pulls and not w.runs),
            None,
        )

    # -- workers join

    def join(self, now: float, worker_id: str) -> Worker:
        """Record that a worker is ready: a started worker, or a new external worker."""
        worker = self._workers.get(worker_id)
        if worker is None:
            worker = Worker(worker_id, ours=False, pulls=True, since=now)
            self._workers[worker_id] = worker
        if worker.unhealthy or not worker.joined:
            worker.joined, worker.unhealthy, worker.since = True, False, now
            self._failures = 0
            self.changed = True
        return worker

    def scale(self, now: float, urgent: int) -> None:
        """Adapt the number of workers to *urgent* queued jobs, and start due workers."""
        self._urgent = urgent
        while (worker := self._longest_idle()) is not None and self._idles_out(worker) <= now:
            self._retire(worker)
        ours = sum(w.ours for w in self)
        free = sum(not (w.leaving or w.runs or (w.joined and w.unhealthy)) for w in self)
        wanted = max(self.scaling.least, min(self.scaling.most, ours + urgent - free))
        for _ in range(wanted - ours):
            self._add_worker(now)
        for worker in self:
            if worker.launch is not None and worker.launch <= now:
                worker.launch = None
                self._launched.append(worker.id)

    def due(self) -> float:
        """Return the time at which `scale` is needed next if no event happens."""
        due = [w.launch for w in self if w.launch is not None]
        if (idle := self._longest_idle()) is not None:
            due.append(self._idles_out(idle))
        return min(due, default=math.inf)

    def _idles_out(self, worker: Worker) -> float:
        return worker.since + self.scaling.idle_timeout

    def _longest_idle(self) -> Worker | None:
        """Return the worker to retire first, if there are more than *least* and no urgent job."""
        ours = [w for w in self if w.ours]
        if self._urgent or len(ours) <= self.scaling.least:
            return None
        idle = (w for w in ours if w.phase is Phase.IDLE)
        return min(idle, key=lambda w: w.since, default=None)

    def _add_worker(self, now: float) -> None:
        failures = min(self._failures, 16)
        backoff = min(_MAX_BACKOFF, _FIRST_BACKOFF * 2 ** (failures - 1)) if failures else 0
        worker = Worker(
            self._make_id(),
            ours=True,
            pulls=self.scaling.pull,
            since=now,
            launch=now + max(self.start_delay(), backoff),
            unhealthy=bool(failures),
        )
        self._workers[worker.id] = worker
        self.changed = True

    # -- workers run jobs

    def begin(self, now: float, run: Run) -> None:
        """Record that a worker begins a run."""
        worker = self._workers[run.worker]
        if not worker.runs:
            worker.since = now
        worker.runs[run.job_id] = run
        self.changed = True

    def end(self, now: float, run: Run, *, recycle: bool = False) -> None:
        """
        Record that a worker's run has ended; does nothing if the worker does not have it.

        *recycle*: retire the worker, if it is ours, when its other runs have ended.
        """
        worker = self._workers.get(run.worker)
        if worker is None or worker.runs.get(run.job_id) != run:
            return
        worker.leaving |= recycle and worker.ours
        del worker.runs[run.job_id]
        self.changed = True
        if not worker.runs:
            worker.since = now
            if worker.leaving:
                self._retire(worker)

    # -- workers leave

    def replace_all(self) -> None:
        """Replace all of our workers, each when its runs have ended."""
        for worker in [w for w in self if w.ours]:
            worker.leaving = True
            if not worker.runs:
                self._retire(worker)

    def mark_unhealthy(self, now: float, worker_id: str) -> None:
        """Record that a worker reports itself as unhealthy."""
        worker = self._workers.get(worker_id)
        if worker is not None and not worker.unhealthy:
            worker.unhealthy, worker.since = True, now
            self.changed = True

    def remove(self, worker_id: str) -> Worker | None:
        """Remove a lost worker, and return it as it was."""
        worker = self._workers.pop(worker_id, None)
        if worker is not None:
            self._failures += worker.ours and not worker.joined
            self.changed = True
        return worker

    def _retire(self, worker: Worker) -> None:
        del self._workers[worker.id]
        self.changed = True
        if worker.launch is None:
            self._retired.append(worker.id)
