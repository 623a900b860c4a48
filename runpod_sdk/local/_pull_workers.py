"""
Where workers that pull come to: for jobs, to learn which ones to stop, and to say that they live.

How it is known that such a worker has lost its runs:

- It asks for jobs and says that it has none. It takes an answer in before it asks again, and
  keeps a job until the server has its result (or it has given up sending it), so a run that it
  then does not have, it will never report on. The same goes for a connection that breaks while
  a job is handed over.
- Its process has ended, where that is ours.
- It was not heard of for `Limits.worker_timeout`. What counts is any request, and one that is
  being held. While it runs something, only a worker that pings is expected to be heard of: the
  loop of one with a handler that blocks is silent.

A run that was stopped counts as let go when the worker has no jobs, sends its result, or pings
without its job. A process of ours that has not let go within `Limits.stop_grace` is ended, and
another takes its place.

All this is in real time, since processes know no other, whatever the clock of the queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import Factory, define

from ._limits import Limits
from ._rules.fleet import Worker
from ._rules.jobs import Job, Run

if TYPE_CHECKING:
    from ._broker import Broker

_SETTLING = 0.5
"""Seconds before a job that was handed over can be stopped: until then the worker of RunPod's
package may still have it in a queue of its own, where it does not look."""

_REFUSAL = 0.2
"""Seconds that a worker which has to go is kept waiting for its answer, lest it asks in a spin."""

Gone = Callable[[], asyncio.Future[None]]
"""Gives what is done when the one who asks has hung up."""


@define(eq=False)
class _Take:
    """A worker that waits for jobs, at *most* so many."""

    worker: str
    most: int
    answer: asyncio.Future[list[tuple[Run, Job]]]


@define(eq=False)
class _Presence:
    """What is known of the life of one worker."""

    heard: float = 0.0
    held: int = 0
    """How many of its requests are being held."""
    pings: bool = False
    to_stop: list[str] = Factory(list[str])
    told: asyncio.Event = Factory(asyncio.Event)
    """Set when there is something to stop."""


class Desk:
    """
    Serve workers that pull, on the loop of the broker.

    Args:
        broker: Whose queue it is.
        limits: How long to hold, and to wait.
    """

    def __init__(self, broker: Broker, limits: Limits) -> None:
        self._broker = broker
        self._queue = broker.queue
        self._limits = limits
        self._takes: list[_Take] = []
        self._present: dict[str, _Presence] = {}
        self._fresh: set[Run] = set()
        self._stopping: dict[Run, float] = {}
        self._dismissed: set[str] = set()
        self._closing = False

    # -- workers ask

    async def take(
        self, worker: str, most: int, *, has_none: bool, gone: Gone
    ) -> list[tuple[Run, Job]]:
        """
        Give a worker the jobs that have waited longest, as soon as there are any.

        Args:
            worker: Its id; one that was not known joins.
            most: How many jobs it can take.
            has_none: Whether it says that it has no jobs.
            gone: Tells when it has hung up; it is then given none.
        """
        if await self._is_dismissed(worker):
            return []
        self._broker.apply(self._queue.join, worker)
        if has_none:
            self._broker.apply(self._queue.drop, self._runs(worker))
        loop = asyncio.get_running_loop()
        take, hung_up = _Take(worker, most, loop.create_future()), gone()
        self._takes.append(take)
        try:
            with self._holding(worker):
                await self._either(take.answer, hung_up)
        finally:
            self._takes.remove(take)
        taken = take.answer.result() if take.answer.done() else []
        if hung_up.done():
            # Nobody took them, and nobody will ever report on them.
            self._broker.apply(self._queue.drop, [run for run, _ in taken])
            return []
        for run, _ in taken:
            self._fresh.add(run)
            loop.call_later(_SETTLING, self._fresh.discard, run)
        return taken

    async def stops(self, worker: str, gone: Gone) -> list[str]:
        """Name the jobs that a worker has to stop, as soon as there are any."""
        if await self._is_dismissed(worker):
            return []
        hung_up = gone()
        with self._holding(worker) as presence:
            told = asyncio.ensure_future(presence.told.wait())
            try:
                await self._either(told, hung_up)
            finally:
                told.cancel()
        if hung_up.done():
            return []
        job_ids, presence.to_stop = presence.to_stop, []
        presence.told.clear()
        return job_ids

    def ping(self, worker: str, running: Container[str]) -> None:
        """Know that a worker lives, and what it runs; one that never asked for a job is nobody."""
        if self._queue.fleet.find(worker) is not None:
            self.hear(worker).pings = True
            let_go = [
                run
                for run in self._runs(worker)
                if run in self._stopping and run.job_id not in running
            ]
            self._broker.apply(self._queue.drop, let_go)

    def hear(self, worker: str) -> _Presence:
        """Know that a worker lives."""
        presence = self._present.setdefault(worker, _Presence())
        presence.heard = asyncio.get_running_loop().time()
        return presence

    def find(self, worker: str, job_id: str) -> Run | None:
        """Give the run of a job that a worker has; None if it has none, or not any more."""
        return next((run for run in self._runs(worker) if run.job_id == job_id), None)

    # -- what the broker does

    def dispatch(self, now: float) -> None:
        """Give the jobs that wait to the workers that do, first come, first served."""
        for take in self._takes:
            if not self._queue.waiting:
                break
            if not take.answer.done() and (taken := self._queue.take(now, take.worker, take.most)):
                take.answer.set_result(taken)

    def stop(self, run: Run) -> None:
        """Let a worker know that a run no longer counts."""
        loop, delay = asyncio.get_running_loop(), _SETTLING if run in self._fresh else 0.0
        self._stopping[run] = loop.time() + delay + self._limits.stop_grace
        loop.call_later(delay, self._tell, run)

    def dismiss(self, worker: str) -> None:
        """Give nothing more to a worker of ours that is being ended, and let it see that."""
        self._dismissed.add(worker)
        self._answer(worker)

    def forget(self, worker: str) -> None:
        """Know that a worker is there no longer."""
        self._dismissed.discard(worker)
        self._present.pop(worker, None)

    def overdue(self) -> list[str]:
        """Name the workers to be given up: not heard of, or ours and not letting go of a run."""
        now = asyncio.get_running_loop().time()
        found = [worker.id for worker in self._queue.fleet if self._is_silent(worker, now)]
        for run, until in list(self._stopping.items()):
            worker = self._queue.fleet.find(run.worker)
            if worker is None or worker.runs.get(run.job_id) != run:
                del self._stopping[run]
            elif worker.ours and until <= now and worker.id not in found:
                found.append(worker.id)
        return found

    def close(self) -> None:
        """Answer all who wait, and let them stop what they run."""
        self._closing = True
        for worker_id, presence in self._present.items():
            presence.to_stop = [run.job_id for run in self._runs(worker_id)]
        for worker in [take.worker for take in self._takes] + list(self._present):
            self._answer(worker)

    # -- the parts of these

    def _runs(self, worker: str) -> list[Run]:
        found = self._queue.fleet.find(worker)
        return [] if found is None else list(found.runs.values())

    def _is_silent(self, worker: Worker, now: float) -> bool:
        presence = self._present.get(worker.id)
        if presence is None or presence.held or (worker.runs and not presence.pings):
            return False
        return presence.heard + self._limits.worker_timeout <= now

    async def _is_dismissed(self, worker: str) -> bool:
        if worker in self._dismissed:
            await asyncio.sleep(_REFUSAL)
            return True
        return False

    @contextmanager
    def _holding(self, worker: str) -> Iterator[_Presence]:
        presence = self.hear(worker)
        presence.held += 1
        try:
            yield presence
        finally:
            presence.held -= 1
            presence.heard = asyncio.get_running_loop().time()

    async def _either(self, news: asyncio.Future[Any], hung_up: asyncio.Future[None]) -> None:
        if not self._closing:
            await asyncio.wait(
                {news, hung_up},
                timeout=self._limits.job_take_wait,
                return_when=asyncio.FIRST_COMPLETED,
            )

    def _answer(self, worker: str) -> None:
        """Let the requests of a worker that are held be answered with nothing."""
        for take in self._takes:
            if take.worker == worker and not take.answer.done():
                take.answer.set_result([])
        if worker in self._present:
            self._present[worker].told.set()

    def _tell(self, run: Run) -> None:
        if self.find(run.worker, run.job_id) == run:
            presence = self.hear(run.worker)
            presence.to_stop.append(run.job_id)
            presence.told.set()
