"""Workers that are threads, each with an event loop of its own, that run one job at a time."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from attrs import define

from runpod_sdk.local import _wire
from runpod_sdk.local._rules.jobs import Result, Run

from .handler import Execution, Handler
from .progress import reporting

logger = logging.getLogger("runpod_sdk.local")


class Reports(Protocol):
    """
    Where a worker's reports go. None of these blocks, and the order of the calls is kept.

    The reply is whether the run still counts.
    """

    def join(self, worker: str) -> object: ...
    def progress(self, run: Run, value: Any) -> object: ...
    def chunk(self, run: Run, value: Any) -> Future[bool | None]: ...
    def finish(self, run: Run, result: Result | None) -> object: ...


class Threads:
    """The workers of an endpoint that runs *handler* in this process."""

    def __init__(
        self, handler: Handler, *, aggregate: bool, reports: Reports, grace: float
    ) -> None:
        if not callable(handler):
            raise TypeError(
                f"handler must be callable, not {type(handler).__name__};"
                ' a program is a WorkerCommand(["python", "handler.py"])'
            )
        self._handler = handler
        self._aggregate = aggregate
        self._reports = reports
        self._grace = grace
        self._workers: dict[str, Worker] = {}
        self._leaving: list[Worker] = []

    def launch(self, worker: str) -> None:
        made = Worker(worker, self._handler, aggregate=self._aggregate, reports=self._reports)
        self._workers[worker] = made
        made.start()
        self._reports.join(worker)

    def assign(self, run: Run, request: Mapping[str, Any]) -> None:
        self._workers[run.worker].assign(run, request)

    def stop(self, run: Run) -> None:
        if run.worker in self._workers:
            self._workers[run.worker].stop(run)

    def retire(self, worker: str) -> None:
        left = self._workers.pop(worker)
        left.close()
        self._leaving = [other for other in self._leaving if not other.join(0)] + [left]

    def close(self) -> None:
        for worker in list(self._workers):
            self.retire(worker)

    def join(self) -> None:
        """Wait for the ends of those that were told, for their grace; say who does not end."""
        deadline = time.monotonic() + self._grace
        for worker in self._leaving:
            if not worker.join(max(0.0, deadline - time.monotonic())):
                logger.warning(
                    "worker %s is still in its handler after %g s and was left: it ends when the"
                    " handler returns, or with this process",
                    worker.name,
                    self._grace,
                )


@define(eq=False)
class _Assignment:
    run: Run
    execution: Execution
    task: asyncio.Task[Result | None] | None = None


class Worker:
    """
    Run a handler on a thread.

    The handler is called on the loop of this thread, as RunPod's worker calls it: one that
    blocks holds up nothing but its own worker. The thread is a daemon, so that a handler
    that never returns does not keep the process alive.
    """

    def __init__(self, name: str, handler: Handler, *, aggregate: bool, reports: Reports) -> None:
        self.name = name
        self._handler = handler
        self._aggregate = aggregate
        self._reports = reports
        self._loop: asyncio.AbstractEventLoop
        self._closed: asyncio.Event
        self._assignment: _Assignment | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name=f"runpod worker {name}", daemon=True
        )

    def start(self) -> None:
        """Start the thread and wait until it can be given a job."""
        self._thread.start()
        self._ready.wait()

    def assign(self, run: Run, request: Mapping[str, Any]) -> None:
        """Give it a job, from any thread; only while it has none."""
        execution = Execution(
            self._handler,
            {_wire.JOB_ID: run.job_id, **request},
            worker=self.name,
            aggregate=self._aggregate,
            emit=lambda chunk: asyncio.wrap_future(self._reports.chunk(run, chunk)),
        )
        self._assignment = _Assignment(run, execution)
        self._call(self._begin, self._assignment)

    def stop(self, run: Run) -> None:
        """
        End a run that no longer counts, from any thread.

        What awaits is cancelled, and a generator is closed at its next yield. A plain function
        goes on until it returns, and the worker is busy until then.
        """
        assignment = self._assignment
        if assignment is not None and assignment.run == run:
            assignment.execution.stopped = True
            self._call(self._cancel, assignment)

    def close(self) -> None:
        """Stop what runs and end the thread, without waiting for it."""
        if self._assignment is not None:
            self.stop(self._assignment.run)
        self._call(self._closed.set)

    def join(self, timeout: float) -> bool:
        """Wait for the end of the thread; tell whether it came."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _call(self, function: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    # -- on the thread

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._ready.set()
        await self._closed.wait()

    def _begin(self, assignment: _Assignment) -> None:
        run = assignment.run
        assignment.task = self._loop.create_task(self._work(run, assignment.execution))
        # In a callback, since a task that is cancelled before its first step never has one.
        assignment.task.add_done_callback(
            lambda task: self._reports.finish(run, None if task.cancelled() else task.result())
        )

    def _cancel(self, assignment: _Assignment) -> None:
        if assignment.task is not None:
            assignment.task.cancel()

    async def _work(self, run: Run, execution: Execution) -> Result | None:
        with reporting(run.job_id, lambda value: self._reports.progress(run, value)):
            return await execution.result()
