"""The queue at work: it meets the clock, the workers, and those who wait for news of a job."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from ._pull_workers import Desk
from ._limits import Limits
from ._rules.fleet import Worker
from ._rules.jobs import Job, Result, Run
from ._rules.queue import Queue

P = ParamSpec("P")
T = TypeVar("T")


_ANY = ""
"""Among those who wait for news of a job, those who wait for news of any; no job has this id."""


_SHORTEST_TICK = 0.01  # s


class ClientGone(Exception):
    """Nobody is there any more to take the answer."""


class Workforce(Protocol):
    """What stands behind those workers of the fleet that are ours. None of this blocks."""

    def launch(self, worker: str) -> None:
        """Start a worker, which then joins."""

    def assign(self, run: Run, request: Mapping[str, Any]) -> None:
        """Give a job to a worker that is pushed to."""

    def stop(self, run: Run) -> None:
        """Tell a worker that a run no longer counts."""

    def retire(self, worker: str) -> None:
        """End a worker that has nothing to do, or that does not let go of what it had."""

    def close(self) -> None:
        """Tell all to end."""

    def join(self) -> None:
        """Wait until all have ended, or are given up; this blocks."""


class Broker:
    """
    Keep a queue on one event loop.

    The queue is touched on this loop only, so nothing is locked: what comes from workers is
    posted to it. After each event its effects are carried out in a later turn of the loop,
    so that the answer to the event shows the job as the event left it.
    """

    def __init__(self, queue: Queue, *, clock: Callable[[], float], limits: Limits) -> None:
        self.queue = queue
        self.desk = Desk(self, limits)
        self._clock = clock
        self._sweep_interval = limits.sweep_interval
        self._loop: asyncio.AbstractEventLoop
        self._thread: int | None = None
        self._process: int | None = None
        self._workforce: Workforce
        self._timer: asyncio.TimerHandle
        self._watchers: dict[str, set[asyncio.Future[None]]] = {}
        self._settling = False
        self._closing = False
        self.revision = 0
        """How often there has been news of jobs or workers."""
        self.on_end: list[Callable[[Job], object]] = []
        """Who is told, on the loop, of each job that has become terminal, as it was then."""

    def open(self, workforce: Workforce) -> None:
        """Begin, on the running loop, with the workers that there have to be at least."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._process = os.getpid()
        self._workforce = workforce
        self._tick()
        self._settle()

    def close(self) -> None:
        """Let every long poll answer, start no more jobs, and stop those that run."""
        self._closing = True
        for watchers in self._watchers.values():
            self._wake(watchers)
        self._workforce.close()
        self.desk.close()

    def apply(
        self, event: Callable[Concatenate[float, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Let *event*, a method of the queue, happen now."""
        try:
            return event(self._clock(), *args, **kwargs)
        finally:
            if not self._settling:
                self._settling = True
                self._loop.call_soon(self._settle)

    def do(self, event: Callable[[float], object]) -> None:
        """
        Let *event* happen from any thread, and wait until it has.

        Of no effect before there is a loop, and when it has ended.

        Raises:
            RuntimeError: The loop is in the process from which this one was forked.
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
        Make sure that the loop, if there is one, runs in this process.

        Raises:
            RuntimeError: It runs in the process from which this one was forked.
        """
        if self._process not in (None, os.getpid()):
            raise RuntimeError(
                "this local endpoint runs in the process that started it: control it there; a"
                " forked process can use its base_url and clients"
            )

    async def hold(
        self,
        job_id: str,
        ready: Callable[[Job], bool],
        seconds: float,
        gone: Callable[[], asyncio.Future[None]],
    ) -> Job:
        """
        Wait until the job is *ready*, or *seconds* have passed, and give it as it then is.

        Raises:
            UnknownJob: It is not there, or is gone by now.
            ClientGone: *gone*, which is only asked for if there is something to wait for.
        """
        deadline = self._loop.time() + seconds
        job = self.apply(self.queue.get, job_id)
        while not (ready(job) or self._closing) and self._loop.time() < deadline:
            await self._news(job_id, deadline - self._loop.time(), gone())
            job = self.apply(self.queue.get, job_id)
        return job

    async def hold_until_news(
        self, revision: int, seconds: float, gone: Callable[[], asyncio.Future[None]]
    ) -> None:
        """
        Wait until anything has changed since *revision*, or *seconds* have passed.

        Raises:
            ClientGone: As of `hold`.
        """
        deadline = self._loop.time() + seconds
        while revision == self.revision and not self._closing and self._loop.time() < deadline:
            await self._news(_ANY, deadline - self._loop.time(), gone())

    async def _news(self, job_id: str, seconds: float, gone: asyncio.Future[None]) -> None:
        news = self._loop.create_future()
        watchers = self._watchers.setdefault(job_id, set())
        watchers.add(news)
        try:
            await asyncio.wait({news, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watchers.discard(news)
            if not watchers and self._watchers.get(job_id) is watchers:
                del self._watchers[job_id]
        if gone.done():
            raise ClientGone

    # -- reports, made by workers from any thread

    def join(self, worker: str) -> Future[None]:
        return self._post(self.queue.join, worker)

    def lose(self, worker: str) -> Future[Worker | None]:
        return self._post(self._lost, worker)

    def progress(self, run: Run, value: Any) -> Future[bool | None]:
        return self._post(self.queue.progress, run, value)

    def chunk(self, run: Run, value: Any) -> Future[bool | None]:
        return self._post(self.queue.chunk, run, value)

    def finish(self, run: Run, result: Result | None) -> Future[bool | None]:
        return self._post(self.queue.finish, run, result)

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

    # -- what follows from an event

    def _settle(self) -> None:
        self._settling = False
        if self._closing:
            return
        while (worker := self.queue.fleet.idle()) is not None:
            taken = self.queue.take(self._clock(), worker.id)
            if not taken:
                break
            for run, job in taken:
                self._workforce.assign(run, job.submission.request)
        self.desk.dispatch(self._clock())
        effects = self.queue.effects()
        for launched in effects.launched:
            self._workforce.launch(launched)
        for run in effects.stopped:
            worker = self.queue.fleet.find(run.worker)
            (self.desk if worker is not None and worker.pulls else self._workforce).stop(run)
        for retired in effects.retired:
            self._dismiss(retired)
        for job_id in effects.changed & self._watchers.keys():
            self._wake(self._watchers[job_id])
        if effects.workers_changed:
            self._look_again()
        if effects.changed or effects.workers_changed:
            self.revision += 1
            self._wake(self._watchers.get(_ANY, set()))
        for job in effects.ended:
            for tell in self.on_end:
                tell(job)

    def _wake(self, watchers: set[asyncio.Future[None]]) -> None:
        for news in watchers:
            if not news.done():
                news.set_result(None)

    def _tick(self) -> None:
        if not self._closing:
            self.apply(self.queue.sweep)
            for worker in self.desk.overdue():
                self._give_up(worker)
            self._timer = self._loop.call_later(self._sweep_interval, self._tick)
            self._look_again()

    def _look_again(self) -> None:
        """Let the next tick come when the fleet has something to do, if that is earlier."""
        delay = max(self.queue.fleet.due() - self._clock(), _SHORTEST_TICK)
        if self._loop.time() + delay < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_later(delay, self._tick)

    def _give_up(self, worker_id: str) -> None:
        worker = self.queue.fleet.find(worker_id)
        self.apply(self.queue.lose, worker_id)
        if worker is not None and worker.ours:
            self._dismiss(worker_id)
        else:
            self.desk.forget(worker_id)

    def _dismiss(self, worker: str) -> None:
        # In this order: one that is answered looks whether it was told to end.
        self._workforce.retire(worker)
        if self.queue.fleet.scaling.pull:
            self.desk.dismiss(worker)

    def _lost(self, now: float, worker: str) -> Worker | None:
        self.desk.forget(worker)
        return self.queue.lose(now, worker)
