"""
The rules of the workers, without threads, processes or a clock.

There are workers that are *ours*, as many as the scaling asks for, and workers that somebody
else starts, who come and go as they like. Ours are all *pushed* to, one job at a time, or all
*pull*: they ask for jobs, for as many at once as they can run.

    ours        demanded ─▶ launch ─▶ join ─▶ begin ⇄ end ─▶ retired: idle too long, or recycled
    somebody's                        join ─▶ begin ⇄ end
    both                                                  ─▶ remove: it vanished

    phase          is
    ────────────   ─────────────────────────────────────────────────────────────────────────
    initializing   ours, and not there yet: it waits for its start delay, or is starting
    unhealthy      it said so; or in the place of one that ended before it was there
    idle           there, without a run
    running        there, with a run, be it one that no longer counts and has not ended yet

How many there are of ours: never fewer than *least* or more than *most*. One more is started
for each urgent job that waits and that no worker which is idle or on its way could take; one
that was idle for *idle_timeout* goes when no such job waits. One that ends before it was
there makes the next wait, longer each time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from enum import StrEnum

from attrs import Factory, define, frozen

from .jobs import Run

_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 0.5, 30.0  # s


class Phase(StrEnum):
    """What a worker is counted as, by its name in `/health`."""

    INITIALIZING = "initializing"
    IDLE = "idle"
    RUNNING = "running"
    UNHEALTHY = "unhealthy"


@frozen(kw_only=True)
class Scaling:
    """How many workers are ours. Times in seconds; *pull*: whether they ask for jobs."""

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
    """The instant at which its phase began."""
    launch: float | None = None
    """The instant at which to start it; None once it was."""
    there: bool = False
    unhealthy: bool = False
    leaving: bool = False
    """It gets no more jobs, and goes when it has none."""
    runs: dict[str, Run] = Factory(dict[str, Run])
    """What it runs, by job; also what no longer counts, until it has ended."""

    @property
    def phase(self) -> Phase:
        if self.unhealthy:
            return Phase.UNHEALTHY
        if not self.there:
            return Phase.INITIALIZING
        return Phase.RUNNING if self.runs else Phase.IDLE

    @property
    def available(self) -> bool:
        """Whether it may be given a job."""
        return self.there and not self.unhealthy and not self.leaving


class Fleet:
    """The workers of one endpoint. *names* makes the ids of ours."""

    def __init__(self, scaling: Scaling, names: Callable[[], str]) -> None:
        self.scaling = scaling
        self.start_delay: Callable[[], float] = lambda: 0.0
        """Tells the seconds before one of ours is started; asked for each when it is wanted."""
        self._names = names
        self._workers: dict[str, Worker] = {}
        self._urgent = 0
        self._failures = 0  # of ours, one after another, that ended before they were there
        self._launched: list[str] = []
        self._retired: list[str] = []
        self.changed = False

    def effects(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Hand over whom to start, and who has gone and is to be ended, since the last time."""
        effects = tuple(self._launched), tuple(self._retired)
        self._launched.clear()
        self._retired.clear()
        return effects

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers.values())

    def find(self, worker: str) -> Worker | None:
        """Look a worker up."""
        return self._workers.get(worker)

    def count(self, phase: Phase) -> int:
        """Count the workers in a phase."""
        return sum(worker.phase is phase for worker in self)

    def idle(self) -> Worker | None:
        """Name one that can be pushed to."""
        return next(
            (w for w in self if w.available and not w.pulls and not w.runs),
            None,
        )

    # -- they come

    def join(self, now: float, worker_id: str) -> Worker:
        """Know that a worker is there: one of ours, or one that was not known."""
        worker = self._workers.get(worker_id)
        if worker is None:
            worker = Worker(worker_id, ours=False, pulls=True, since=now)
            self._workers[worker_id] = worker
        if worker.unhealthy or not worker.there:
            worker.there, worker.unhealthy, worker.since = True, False, now
            self._failures = 0
            self.changed = True
        return worker

    def scale(self, now: float, urgent: int) -> None:
        """Have as many of ours as *urgent* jobs that wait ask for, and start those due."""
        self._urgent = urgent
        while (worker := self._longest_idle()) is not None and self._idles_out(worker) <= now:
            self._retire(worker)
        ours = sum(w.ours for w in self)
        free = sum(not (w.leaving or w.runs or (w.there and w.unhealthy)) for w in self)
        wanted = max(self.scaling.least, min(self.scaling.most, ours + urgent - free))
        for _ in range(wanted - ours):
            self._hire(now)
        for worker in self:
            if worker.launch is not None and worker.launch <= now:
                worker.launch = None
                self._launched.append(worker.id)

    def due(self) -> float:
        """Tell the instant at which `scale` has something to do, if nothing else happens."""
        due = [w.launch for w in self if w.launch is not None]
        if (idle := self._longest_idle()) is not None:
            due.append(self._idles_out(idle))
        return min(due, default=math.inf)

    def _idles_out(self, worker: Worker) -> float:
        return worker.since + self.scaling.idle_timeout

    def _longest_idle(self) -> Worker | None:
        """Name the one to go, if there are more than there have to be, and nothing to do."""
        ours = [w for w in self if w.ours]
        if self._urgent or len(ours) <= self.scaling.least:
            return None
        idle = (w for w in ours if w.phase is Phase.IDLE)
        return min(idle, key=lambda w: w.since, default=None)

    def _hire(self, now: float) -> None:
        failures = min(self._failures, 16)
        back_off = min(_LONGEST_BACK_OFF, _FIRST_BACK_OFF * 2 ** (failures - 1)) if failures else 0
        worker = Worker(
            self._names(),
            ours=True,
            pulls=self.scaling.pull,
            since=now,
            launch=now + max(self.start_delay(), back_off),
            unhealthy=bool(failures),
        )
        self._workers[worker.id] = worker
        self.changed = True

    # -- they work

    def begin(self, now: float, run: Run) -> None:
        """Know that a worker has a run."""
        worker = self._workers[run.worker]
        if not worker.runs:
            worker.since = now
        worker.runs[run.job_id] = run
        self.changed = True

    def end(self, now: float, run: Run, *, recycle: bool = False) -> None:
        """
        Know that a worker has a run no longer; of no effect if it had not.

        *recycle*: it is to go when its other runs have ended, if it is one of ours.
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

    # -- they go

    def renew(self) -> None:
        """Let new ones take the place of ours, which go when their runs have ended."""
        for worker in [w for w in self if w.ours]:
            worker.leaving = True
            if not worker.runs:
                self._retire(worker)

    def sicken(self, now: float, worker_id: str) -> None:
        """Know that a worker says of itself that it cannot work."""
        worker = self._workers.get(worker_id)
        if worker is not None and not worker.unhealthy:
            worker.unhealthy, worker.since = True, now
            self.changed = True

    def remove(self, worker_id: str) -> Worker | None:
        """Forget a worker that has vanished, and give it as it was."""
        worker = self._workers.pop(worker_id, None)
        if worker is not None:
            self._failures += worker.ours and not worker.there
            self.changed = True
        return worker

    def _retire(self, worker: Worker) -> None:
        del self._workers[worker.id]
        self.changed = True
        if worker.launch is None:
            self._retired.append(worker.id)
