"""The broker: it connects the queue to the clock, the workers and the requests that wait."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from ._limits import Limits
from ._logbook import LogBook
from ._pull_workers import PullWorkers
from ._rules.fleet import Worker
from ._rules.jobs import JobRecord, Run, RunResult
from ._rules.queue import Queue

P = ParamSpec("P")
T = TypeVar("T")


_ANY = ""
"""The key of the waiters for a change of any job; no job has this id."""


_MIN_TICK = 0.01  # s


class ClientDisconnected(Exception):
    """The client has closed its connection before it got an answer."""


class WorkerPool(Protocol):
    """The threads or processes of the workers that this endpoint starts; only `join` blocks."""

    def launch(self, worker: str) -> None:
        """Start a worker; it joins the fleet when it is ready."""

    def assign(self, run: Run, request: Mapping[str, Any]) -> None:
        """Hand a job to a worker that does not pull."""

    def stop(self, run: Run) -> None:
        """Stop a run that no longer counts."""

    def retire(self, worker: str) -> None:
        """End a worker that is idle or does not release a stopped run."""

    def close(self) -> None:
        """Ask all workers to end."""

    def join(self) -> None:
        """Wait until all workers have ended or are given up."""


class Broker:
    """
    Run a queue on one event loop.

    Only this loop uses the queue, so no lock is needed: reports of workers are posted to it. The
    effects of an event are carried out in a later turn of the loop, so that the answer to the
    event shows the job as the event left it.
    """

    def __init__(self, queue: Queue, *, clock: Callable[[], float], limits: Limits) -> None:
        self.queue = queue
        self.pull_workers = PullWorkers(self, limits)
        self._clock = clock
        self._sweep_interval = limits.sweep_interval
        self._loop: asyncio.AbstractEventLoop
        self._thread: int | None = None
        self._process: int | None = None
        self._worker_pool: WorkerPool
        self._timer: asyncio.TimerHandle
        self._watchers: dict[str, set[asyncio.Future[None]]] = {}
        self._effects_pending = False
        self._closing = False
        self.revision = 0
        """The number of changes to jobs or workers so far."""
        self.on_end: list[Callable[[JobRecord], object]] = []
        """Called on the loop with each job that has become terminal, as it was then."""
        self.on_change: list[Callable[[Collection[str]], object]] = []
        """Called on the loop with the ids of the jobs that were changed or forgotten."""
        self.logs = LogBook(clock=clock, job_of=self._only_job_of, announce=self._announce_lines)
        """The lines of the handlers."""

    def open(self, worker_pool: WorkerPool) -> None:
        """Start on the running loop, with the smallest number of workers."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._process = os.getpid()
        self._worker_pool = worker_pool
        self._tick()
        self._carry_out_effects()

    def close(self) -> None:
        """Answer every long poll, start no more jobs, and stop the running ones."""
        self._closing = True
        for watchers in self._watchers.values():
            self._wake(watchers)
        self._worker_pool.close()
        self.pull_workers.close()

    def apply(
        self, event: Callable[Concatenate[float, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call *event*, a method of the queue, with the time now, and schedule its effects."""
        try:
            return event(self._clock(), *args, **kwargs)
        finally:
            if not self._effects_pending:
                self._effects_pending = True
                self._loop.call_soon(self._carry_out_effects)

    def apply_from_any_thread(self, event: Callable[[float], object]) -> None:
        """
        Apply *event* from any thread, and wait until that is done.

        Does nothing before `open` and after the loop has ended.

        Raises:
            RuntimeError: The endpoint runs in the process from which this one was forked.
        """
        if self._thread is None:
            return
        self.check_process()
        if self._thread == threading.get_ident():
            self.apply(event)
            return
        done = self._post(event)
        while not self._loop.is_closed():  # what is posted to its last turn is never done
            if wait([done], 0.1).done:  # `result` raises what a signal handler may raise too
                return

    def check_process(self) -> None:
        """
        Check that the endpoint, if it runs, runs in this process.

        Raises:
            RuntimeError: It runs in the process from which this one was forked.
        """
        if self._process not in (None, os.getpid()):
            raise RuntimeError(
                "this local endpoint runs in the process that started it: control it there; a"
                " forked process can use its base_url and clients"
            )

    async def wait_for_job(
        self,
        job_id: str,
        ready: Callable[[JobRecord], bool],
        seconds: float,
        disconnected: Callable[[], asyncio.Future[None]],
    ) -> JobRecord:
        """
        Wait until the job is *ready* or *seconds* have passed, and return it as it is then.

        *disconnected* is called only if the job is not ready at once.

        Raises:
            UnknownJob: The queue has no such job, or no longer.
            ClientDisconnected: The client has disconnected.
        """
        deadline = self._loop.time() + seconds
        job = self.apply(self.queue.get, job_id)
        while not (ready(job) or self._closing) and self._loop.time() < deadline:
            await self._wait_for_news(job_id, deadline - self._loop.time(), disconnected())
            job = self.apply(self.queue.get, job_id)
        return job

    async def wait_for_change(
        self, revision: int, seconds: float, disconnected: Callable[[], asyncio.Future[None]]
    ) -> None:
        """
        Wait until a job or worker has changed since *revision*, or *seconds* have passed.

        Raises:
            ClientDisconnected: The client has disconnected.
        """
        deadline = self._loop.time() + seconds
        while revision == self.revision and not self._closing and self._loop.time() < deadline:
            await self._wait_for_news(_ANY, deadline - self._loop.time(), disconnected())

    async def _wait_for_news(
        self, job_id: str, seconds: float, disconnected: asyncio.Future[None]
    ) -> None:
        news = self._loop.create_future()
        watchers = self._watchers.setdefault(job_id, set())
        watchers.add(news)
        try:
            await asyncio.wait(
                {news, disconnected}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            watchers.discard(news)
            if not watchers and self._watchers.get(job_id) is watchers:
                del self._watchers[job_id]
        if disconnected.done():
            raise ClientDisconnected

    def note_webhook(self, job_id: str, outcome: str) -> None:
        """Record an attempt to deliver a webhook."""
        if not self._closing:
            self.apply(self.queue.note_webhook, job_id, outcome)

    # -- reports, made by workers from any thread

    def join(self, worker: str) -> Future[None]:
        return self._post(self.queue.join, worker)

    def lose_worker(self, worker: str) -> Future[Worker | None]:
        return self._post(self._worker_lost, worker)

    def progress(self, run: Run, value: Any) -> Future[bool | None]:
        return self._post(self.queue.progress, run, value)

    def chunk(self, run: Run, value: Any) -> Future[bool | None]:
        return self._post(self.queue.chunk, run, value)

    def finish(self, run: Run, result: RunResult | None) -> Future[bool | None]:
        return self._post(self.queue.finish, run, result)

    def log(self, worker: str, job_id: str | None, source: str, text: str) -> None:
        self.logs.write(worker, job_id, source, text)

    def _only_job_of(self, worker: str) -> str | None:
        member = self.queue.fleet.find(worker)
        return next(iter(member.runs)) if member is not None and len(member.runs) == 1 else None

    def _announce_lines(self) -> None:
        with suppress(RuntimeError):  # the loop has ended: the worker has outlived the server
            self._loop.call_soon_threadsafe(self._file_lines)

    def _file_lines(self) -> None:
        if self.logs.file() and not self._closing:
            self._changed()

    def _changed(self) -> None:
        self.revision += 1
        self._wake(self._watchers.get(_ANY, set()))

    def _post(
        self, event: Callable[Concatenate[float, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T | None]:
        reply = Future[T | None]()

        def arrive() -> None:
            answer = None if self._closing else self.apply(event, *args, **kwargs)
            if reply.set_running_or_notify_cancel():
                reply.set_result(answer)

        try:
            self._loop.call_soon_threadsafe(arrive)
        except RuntimeError:
            # The server has been shut down: this report comes from a worker that outlived it.
            reply.set_result(None)
        return reply

    # -- effects of events

    def _carry_out_effects(self) -> None:
        self._effects_pending = False
        if self._closing:
            return
        while (worker := self.queue.fleet.idle()) is not None:
            taken = self.queue.take(self._clock(), worker.id)
            if not taken:
                break
            for run, job in taken:
                self._worker_pool.assign(run, job.spec.request)
        self.pull_workers.dispatch(self._clock())
        effects = self.queue.effects()
        for launched in effects.launched:
            self._worker_pool.launch(launched)
        for run in effects.stopped:
            worker = self.queue.fleet.find(run.worker)
            (self.pull_workers if worker is not None and worker.pulls else self._worker_pool).stop(
                run
            )
        for retired in effects.retired:
            self._dismiss(retired)
        for job_id in effects.changed & self._watchers.keys():
            self._wake(self._watchers[job_id])
        if effects.workers_changed:
            self._reschedule_tick()
        if effects.changed:
            for note in self.on_change:
                note(effects.changed)
        if effects.changed or effects.workers_changed:
            self._changed()
        for job in effects.ended:
            for tell in self.on_end:
                tell(job)

    def _wake(self, watchers: set[asyncio.Future[None]]) -> None:
        for news in watchers:
            if not news.done():
                news.set_result(None)

    def _tick(self) -> None:
        if not self._closing:
            self.apply(self.queue.advance)
            for worker in self.pull_workers.overdue():
                self._give_up(worker)
            self._timer = self._loop.call_later(self._sweep_interval, self._tick)
            self._reschedule_tick()

    def _reschedule_tick(self) -> None:
        """Move the next tick forward to the time at which the fleet has work to do."""
        delay = max(self.queue.fleet.due() - self._clock(), _MIN_TICK)
        if self._loop.time() + delay < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_later(delay, self._tick)

    def _give_up(self, worker_id: str) -> None:
        worker = self.queue.fleet.find(worker_id)
        self.apply(self.queue.lose_worker, worker_id)
        if worker is not None and worker.ours:
            self._dismiss(worker_id)
        else:
            self.pull_workers.forget(worker_id)

    def _dismiss(self, worker: str) -> None:
        # In this order: a worker that gets its answer checks whether it was told to end.
        self._worker_pool.retire(worker)
        if self.queue.fleet.scaling.pull:
            self.pull_workers.dismiss(worker)

    def _worker_lost(self, now: float, worker: str) -> Worker | None:
        self.pull_workers.forget(worker)
        return self.queue.lose_worker(now, worker)
