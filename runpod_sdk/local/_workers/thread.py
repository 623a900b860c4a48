"""Worker threads: each has an event loop and runs one job at a time."""

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
from runpod_sdk.local._rules.jobs import Run, RunResult

from .capture import JobOutput, begin_capture, end_capture, job_output
from .handler import Handler, HandlerCall
from .output import censored
from .progress import reporting

logger = logging.getLogger("runpod_sdk.local")


_STOP_GRACE = 0.5
"""Seconds after which a handler that was asked to stop no longer occupies a worker."""


class JobReports(Protocol):
    """
    Receives the reports of worker threads, in order; no method blocks.

    The result of a call is whether the run still counts.
    """

    def join(self, worker: str) -> object: ...
    def progress(self, run: Run, value: Any) -> object: ...
    def chunk(self, run: Run, value: Any) -> Future[bool | None]: ...
    def finish(self, run: Run, result: RunResult | None) -> object: ...
    def lose_worker(self, worker: str) -> object: ...
    def log(self, worker: str, job_id: str | None, source: str, text: str) -> object: ...


class ThreadWorkers:
    """The workers of an endpoint that runs *handler* in this process."""

    def __init__(
        self, handler: Handler, *, aggregate: bool, reports: JobReports, grace: float
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
        self._workers: dict[str, ThreadWorker] = {}
        self._leaving: list[ThreadWorker] = []
        self._capturing = False

    def launch(self, worker: str) -> None:
        if not self._capturing:
            self._capturing = True
            begin_capture()
        made = ThreadWorker(worker, self._handler, aggregate=self._aggregate, reports=self._reports)
        self._workers[worker] = made
        made.start()
        self._reports.join(worker)

    def assign(self, run: Run, request: Mapping[str, Any]) -> None:
        self._workers[run.worker].assign(run, request)

    def stop(self, run: Run) -> None:
        if run.worker in self._workers:
            self._workers[run.worker].stop(run)
            asyncio.get_running_loop().call_later(_STOP_GRACE, self._give_up, run)

    def _give_up(self, run: Run) -> None:
        """Take a worker out of the endpoint if it still runs what it was asked to stop."""
        if run.worker in self._workers and self._workers[run.worker].runs(run):
            self.retire(run.worker)
            self._reports.lose_worker(run.worker)

    def retire(self, worker: str) -> None:
        left = self._workers.pop(worker)
        left.close()
        self._leaving = [other for other in self._leaving if not other.join(0)] + [left]

    def close(self) -> None:
        for worker in list(self._workers):
            self.retire(worker)

    def join(self) -> None:
        """Wait up to *grace* seconds for the threads to end, and log the remaining ones."""
        if self._capturing:
            self._capturing = False
            end_capture()
        deadline = time.monotonic() + self._grace
        for worker in self._leaving:
            if not worker.join(max(0.0, deadline - time.monotonic())):
                logger.warning(
                    "worker %s is still in its handler after %g s: its thread ends when the handler"
                    " returns, or with this process",
                    worker.name,
                    self._grace,
                )


@define(eq=False)
class _Assignment:
    run: Run
    execution: HandlerCall
    output: JobOutput
    task: asyncio.Task[RunResult | None] | None = None


class ThreadWorker:
    """
    A worker that runs a handler on a thread.

    The handler is called on the event loop of this thread, as RunPod's worker does: a handler
    that blocks delays only its own worker. The thread is a daemon, so that a handler that never
    returns does not keep the process alive.
    """

    def __init__(
        self, name: str, handler: Handler, *, aggregate: bool, reports: JobReports
    ) -> None:
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
        """Start the thread, and wait until the worker can run a job."""
        self._thread.start()
        self._ready.wait()

    def assign(self, run: Run, request: Mapping[str, Any]) -> None:
        """Start a job, from any thread; only while the worker has none."""
        execution = HandlerCall(
            self._handler,
            {_wire.JOB_ID: run.job_id, **request},
            worker=self.name,
            aggregate=self._aggregate,
            emit=lambda chunk: asyncio.wrap_future(self._reports.chunk(run, chunk)),
        )
        secrets = _wire.secrets(request)
        output = JobOutput(
            f"{self.name} | {run.job_id}",
            lambda source, text: self._reports.log(
                self.name, run.job_id, source, censored(text, secrets)
            ),
        )
        self._assignment = _Assignment(run, execution, output)
        self._call(self._begin, self._assignment)

    def stop(self, run: Run) -> None:
        """
        Stop a run that no longer counts, from any thread.

        An async handler is cancelled, and a generator is closed at its next yield. A plain
        function runs until it returns.
        """
        assignment = self._assignment
        if assignment is not None and assignment.run == run:
            assignment.execution.stopped = True
            self._call(self._cancel, assignment)

    def runs(self, run: Run) -> bool:
        """Return whether a run has not ended yet."""
        assignment = self._assignment
        if assignment is None or assignment.run != run:
            return False
        return assignment.task is None or not assignment.task.done()

    def close(self) -> None:
        """Stop the run, if any, and end the thread, without waiting for it."""
        if self._assignment is not None:
            self.stop(self._assignment.run)
        self._call(self._closed.set)

    def join(self, timeout: float) -> bool:
        """
        Wait for the end of the thread; return whether it has ended.

        A thread cannot wait for itself: it ends when its handler, which called this, returns.
        """
        if self._thread is threading.current_thread():
            return True
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
        assignment.task = self._loop.create_task(self._work(assignment))
        # In a callback, as a task that is cancelled before its first step never runs.
        assignment.task.add_done_callback(
            lambda task: self._reports.finish(run, None if task.cancelled() else task.result())
        )

    def _cancel(self, assignment: _Assignment) -> None:
        if assignment.task is not None:
            assignment.task.cancel()

    async def _work(self, assignment: _Assignment) -> RunResult | None:
        run = assignment.run
        with (
            reporting(run.job_id, lambda value: self._reports.progress(run, value)),
            job_output(assignment.output),
        ):
            return await assignment.execution.result()
