"""
Workers that pull: they ask for jobs, ask which jobs to stop, and ping.

The runs of such a worker are lost when one of these happens:

- The worker asks for jobs and says that it has none. It reads an answer before it asks again and
  keeps a job until the server has its result (or until it stops sending it), so it will never
  report on a run that it does not have then. The same holds if the connection breaks while a job
  is handed over.
- The worker's process ends, if this endpoint started it.
- The worker is silent for `Limits.worker_timeout`. Any request counts, and so does a request that
  is being held. While a worker runs a job, silence counts only if the worker has pinged before:
  a handler that blocks the worker's event loop makes it silent too.

A stopped run counts as released when the worker has no jobs, sends the run's result, or pings
without its job. A process that this endpoint started and that has not released the run within
`Limits.stop_grace` is ended and replaced. So is a process that for as long asks for no jobs, but
says that it runs a job that it was not given; an external worker then counts as unhealthy.

All these times are real time, independent of the queue's clock.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from attrs import Factory, define

from ._limits import Limits
from ._rules.fleet import Worker
from ._rules.jobs import JobRecord, Run
from ._rules.queue import Queue

logger = logging.getLogger("runpod_sdk.local")

P = ParamSpec("P")
T = TypeVar("T")

_STOP_DELAY = 0.5
"""Seconds after a job is handed over before its worker is asked to stop it: until then, the job
may be in an internal queue of RunPod's package, which ignores requests to stop it."""

_DISMISSED_DELAY = 0.2
"""Seconds before a dismissed worker gets its answer, so that it does not ask in a busy loop."""

_STUCK = (
    "worker %s asks for no jobs, as it holds job %s, which it was not given: versions 1.7.12 to"
    " 1.10.0 of RunPod's package read such jobs from .runpod_jobs.pkl in the working directory"
)

Disconnected = Callable[[], asyncio.Future[None]]
"""Returns a future that is done when the client of the request has disconnected."""


@define(eq=False)
class _JobTake:
    """A held request of a worker for up to *most* jobs."""

    worker: str
    most: int
    answer: asyncio.Future[list[tuple[Run, JobRecord]]]


@define(eq=False)
class _WorkerContact:
    """When the server last heard from a worker, and what to tell it next."""

    heard: float = 0.0
    held: int = 0
    """The number of its requests that are being held."""
    pings: bool = False
    stale_job: str | None = None
    """A job that the worker says it runs although it does not have it."""
    stale_since: float = math.inf
    """When it first said so without asking for jobs since."""
    to_stop: list[str] = Factory(list[str])
    stop_news: asyncio.Event = Factory(asyncio.Event)
    """Set when `to_stop` has jobs."""


class QueueRunner(Protocol):
    """A queue on an event loop, and the way to apply events to it."""

    queue: Queue

    def apply(
        self, event: Callable[Concatenate[float, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T: ...


class PullWorkers:
    """
    Serve workers that pull, on the broker's event loop.

    Args:
        runner: Runs the queue that the workers take jobs from.
        limits: How long requests are held, and the workers' timeouts.
    """

    def __init__(self, runner: QueueRunner, limits: Limits) -> None:
        self._runner = runner
        self._queue = runner.queue
        self._limits = limits
        self._takes: list[_JobTake] = []
        self._contacts: dict[str, _WorkerContact] = {}
        self._fresh: set[Run] = set()
        self._stopping: dict[Run, float] = {}
        self._dismissed: set[str] = set()
        self._closing = False

    # -- workers ask

    async def take(
        self, worker: str, most: int, *, has_none: bool, disconnected: Disconnected
    ) -> list[tuple[Run, JobRecord]]:
        """
        Return the jobs that have waited longest, as soon as the queue has any.

        Args:
            worker: The worker's id; an unknown worker joins.
            most: The largest number of jobs to return.
            has_none: Whether the worker says that it has no jobs.
            disconnected: Done when the worker has disconnected; it then gets no jobs.
        """
        if await self._is_dismissed(worker):
            return []
        self._runner.apply(self._queue.join, worker)
        if has_none:
            self._runner.apply(self._queue.lose_runs, self._runs(worker))
        loop = asyncio.get_running_loop()
        take, hung_up = _JobTake(worker, most, loop.create_future()), disconnected()
        self._takes.append(take)
        try:
            with self._held_request(worker) as contact:
                contact.stale_job, contact.stale_since = None, math.inf
                await self._wait_for_either(take.answer, hung_up)
        finally:
            self._takes.remove(take)
        taken = take.answer.result() if take.answer.done() else []
        if hung_up.done():
            # The worker did not receive these jobs, so it will never report on them.
            self._runner.apply(self._queue.lose_runs, [run for run, _ in taken])
            return []
        for run, _ in taken:
            self._fresh.add(run)
            loop.call_later(_STOP_DELAY, self._fresh.discard, run)
        return taken

    async def stops(self, worker: str, disconnected: Disconnected) -> list[str]:
        """Return the ids of the jobs that a worker has to stop, as soon as it has any."""
        if await self._is_dismissed(worker):
            return []
        hung_up = disconnected()
        with self._held_request(worker) as contact:
            stop_news = asyncio.ensure_future(contact.stop_news.wait())
            try:
                await self._wait_for_either(stop_news, hung_up)
            finally:
                stop_news.cancel()
        if hung_up.done():
            return []
        job_ids, contact.to_stop = contact.to_stop, []
        contact.stop_news.clear()
        return job_ids

    def ping(self, worker: str, running: Collection[str]) -> None:
        """Record a ping and the jobs that the worker says it runs; ignore an unknown worker."""
        if self._queue.fleet.find(worker) is None:
            return
        contact = self.hear(worker)
        contact.pings = True
        runs = {run.job_id: run for run in self._runs(worker)}
        let_go = [
            run for job_id, run in runs.items() if run in self._stopping and job_id not in running
        ]
        self._runner.apply(self._queue.lose_runs, let_go)
        stale = next((job_id for job_id in running if job_id not in runs), None)
        if stale != contact.stale_job:
            contact.stale_job = stale
            contact.stale_since = math.inf if stale is None else contact.heard

    def hear(self, worker: str) -> _WorkerContact:
        """Record that the server has heard from a worker."""
        contact = self._contacts.setdefault(worker, _WorkerContact())
        contact.heard = asyncio.get_running_loop().time()
        return contact

    def find(self, worker: str, job_id: str) -> Run | None:
        """Return a worker's run of a job, or None if the worker does not have it."""
        return next((run for run in self._runs(worker) if run.job_id == job_id), None)

    # -- what the broker does

    def dispatch(self, now: float) -> None:
        """Hand queued jobs to the workers that wait for one, in the order of their requests."""
        for take in self._takes:
            if not self._queue.waiting:
                break
            if not take.answer.done() and (taken := self._queue.take(now, take.worker, take.most)):
                take.answer.set_result(taken)

    def stop(self, run: Run) -> None:
        """Ask a worker to stop a run that no longer counts."""
        loop, delay = asyncio.get_running_loop(), _STOP_DELAY if run in self._fresh else 0.0
        self._stopping[run] = loop.time() + delay + self._limits.stop_grace
        loop.call_later(delay, self._notify_stop, run)

    def dismiss(self, worker: str) -> None:
        """Give no more jobs to a worker that is being ended, and answer its held requests."""
        self._dismissed.add(worker)
        self._answer(worker)

    def forget(self, worker: str) -> None:
        """Forget a worker that has ended."""
        self._dismissed.discard(worker)
        self._contacts.pop(worker, None)

    def overdue(self) -> list[str]:
        """Return the silent workers, and ours that do not release a job."""
        now = asyncio.get_running_loop().time()
        found = [
            worker.id
            for worker in list(self._queue.fleet)
            if self._is_silent(worker, now) or self._is_stuck(worker, now)
        ]
        for run, until in list(self._stopping.items()):
            worker = self._queue.fleet.find(run.worker)
            if worker is None or worker.runs.get(run.job_id) != run:
                del self._stopping[run]
            elif worker.ours and until <= now and worker.id not in found:
                found.append(worker.id)
        return found

    def close(self) -> None:
        """Answer all held requests, and ask the workers to stop their jobs."""
        self._closing = True
        for worker_id, contact in self._contacts.items():
            contact.to_stop = [run.job_id for run in self._runs(worker_id)]
        for worker in [take.worker for take in self._takes] + list(self._contacts):
            self._answer(worker)

    # -- helpers

    def _runs(self, worker: str) -> list[Run]:
        found = self._queue.fleet.find(worker)
        return [] if found is None else list(found.runs.values())

    def _is_silent(self, worker: Worker, now: float) -> bool:
        contact = self._contacts.get(worker.id)
        if contact is None or contact.held or (worker.runs and not contact.pings):
            return False
        return contact.heard + self._limits.worker_timeout <= now

    def _is_stuck(self, worker: Worker, now: float) -> bool:
        """Return whether to replace a worker that asks for no jobs because of a job it lacks."""
        contact = self._contacts.get(worker.id)
        if contact is None or contact.stale_since + self._limits.stop_grace > now:
            return False
        contact.stale_since = math.inf
        logger.warning(_STUCK, worker.id, contact.stale_job)
        if not worker.ours:
            self._runner.apply(self._queue.mark_unhealthy, worker.id)
        return worker.ours

    async def _is_dismissed(self, worker: str) -> bool:
        if worker in self._dismissed:
            await asyncio.sleep(_DISMISSED_DELAY)
            return True
        return False

    @contextmanager
    def _held_request(self, worker: str) -> Iterator[_WorkerContact]:
        contact = self.hear(worker)
        contact.held += 1
        try:
            yield contact
        finally:
            contact.held -= 1
            contact.heard = asyncio.get_running_loop().time()

    async def _wait_for_either(
        self, news: asyncio.Future[Any], hung_up: asyncio.Future[None]
    ) -> None:
        if not self._closing:
            await asyncio.wait(
                {news, hung_up},
                timeout=self._limits.job_take_wait,
                return_when=asyncio.FIRST_COMPLETED,
            )

    def _answer(self, worker: str) -> None:
        """Answer the held requests of a worker without jobs."""
        for take in self._takes:
            if take.worker == worker and not take.answer.done():
                take.answer.set_result([])
        if worker in self._contacts:
            self._contacts[worker].stop_news.set()

    def _notify_stop(self, run: Run) -> None:
        if self.find(run.worker, run.job_id) == run:
            contact = self.hear(run.worker)
            contact.to_stop.append(run.job_id)
            contact.stop_news.set()
