"""
Concurrency for the sync client: an event loop in a thread, and threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias, TypeVar

from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.io import Request, Response
from runpod_sdk._flows.many.runner import Flow, ManyContext
from runpod_sdk._io.aio import AsyncIO
from runpod_sdk._io.request_path import SYNC_PATH
from runpod_sdk._io.sync import SyncIO, drive
from runpod_sdk._io.task_runner import AsyncTaskRunner
from runpod_sdk._telemetry.telemetry import Sending

T = TypeVar("T")

Inputs: TypeAlias = Iterable[T]
"""The inputs of the sync client's `map`."""


def many_context(io: SyncIO) -> ManyContext:
    """Return the context of many jobs, on an event loop in its own thread."""
    loop_io = io_for_loop_thread(io)
    return ManyContext(
        loop_io, AsyncTaskRunner(), ThreadConsumer(loop_io.aclose), async_inputs=False
    )


class ThreadConsumer:
    """
    The sync client's consumer: it blocks, while its own thread runs the task runner's loop.

    The thread starts with the first call and ends with the last one. It is a daemon thread, so an
    iterator that was not closed does not keep the process alive.

    Ctrl-C at any instant leaves no thread behind: the last flow ends the loop, and a thread without
    calls ends as soon as it sees `_must_end`.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._close = close
        """Closes the loop's port."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        """Set when the loop runs, or has failed to start."""
        self._error: BaseException = RuntimeError("it has not begun")
        self._used = False
        """Whether a flow may run on the loop, which must then be stopped from the loop."""
        self._must_end = False
        """Whether a loop without calls must end."""
        self._abandoned = False
        """Whether the end of the loop is scheduled."""
        self._finishing = False
        self._last_task: object = None
        self._pid = os.getpid()

    async def call(self, flow: Flow[T], *args: Any) -> T:
        loop = self._started()
        self._used = True
        future = asyncio.run_coroutine_threadsafe(_run_flow(flow, *args), loop)
        try:
            return future.result()
        except BaseException:  # Ctrl-C, perhaps: then the flow still runs
            future.cancel()
            raise

    async def last(self, flow: Flow[None], *args: Any) -> None:
        try:
            if not self._used:
                self._end_unused()
            elif not self._abandoned:
                await self.call(self._finish, flow, *args)
        except BaseException:
            self.abandon(flow, *args)  # in case that `_finish` was not scheduled
            raise
        finally:
            if self._thread is not None and self._thread.ident is not None:
                self._thread.join()

    def abandon(self, flow: Flow[None], *args: Any) -> None:
        def begin() -> None:
            if not self._finishing:  # else the loop may be about to end, and would drop the task
                self._last_task = asyncio.ensure_future(self._finish(flow, *args))

        if self._pid != os.getpid():
            return
        self._abandoned = True
        if self._used and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(begin)
        else:
            self._end_unused()

    def now(self) -> float:
        return time.monotonic()

    async def _finish(self, flow: Flow[None], *args: Any) -> None:
        """Await the last flow and end the loop, unless another call does."""
        if self._finishing:
            return
        self._finishing = True
        try:
            await flow(*args)
        finally:
            try:
                await self._close()
            finally:
                self._stop.set()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._pid != os.getpid():
            raise RuntimeError("these results work only in the process that created them")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="runpod_sdk", daemon=True)
            self._thread.start()
        self._ready.wait()
        if self._loop is None:
            raise self._error
        return self._loop

    def _work(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._run_loop())
        except BaseException as fault:
            if self._loop is not None:
                raise
            self._error = fault
            self._ready.set()

    async def _run_loop(self) -> None:
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        # Read after `_loop` is set: this method or `_end_unused` sees the other's change.
        if not self._must_end:
            await self._stop.wait()

    def _end_unused(self) -> None:
        self._must_end = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._stop.set)


class ThreadedIO(AsyncIO):
    """
    A port for an event loop beside a blocking port, which sends some requests in threads.

    A caller's `httpx.Client` needs threads. So do replaced functions of httpx: a mock of the sync
    functions must see each request. An abandoned request continues in its thread, because it
    cannot be interrupted.
    """

    def __init__(self, io: SyncIO) -> None:
        super().__init__(io.config, None, io.transport, telemetry=io.telemetry)
        self._blocking = io

    def send(self, request: Request, limit: TimeLimit) -> Sending:
        if self.config.own_http and not SYNC_PATH.is_replaced():
            return super().send(request, limit)
        return self._send_in_thread(request, limit)

    async def _send_in_thread(self, request: Request, limit: TimeLimit) -> Response:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Response] = loop.create_future()

        def settle(response: Response | None, fault: BaseException | None) -> None:
            if future.done():
                return
            if fault is not None:
                future.set_exception(fault)
            elif response is not None:
                future.set_result(response)

        def work() -> None:
            response, fault = None, None
            try:
                response = drive(self._blocking.send(request, limit.with_clock(self._blocking.now)))
            except BaseException as error:
                fault = error
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(settle, response, fault)

        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=[work], name="runpod_sdk request", daemon=True
        ).start()
        return await future


def io_for_loop_thread(io: SyncIO) -> AsyncIO:
    """Return the port for a sync client's event loop thread, in addition to its own port."""
    io.check_open()
    loop_io = ThreadedIO(io)
    io.loop_ios.add(loop_io)
    return loop_io


async def _run_flow(flow: Flow[T], *args: Any) -> T:
    return await flow(*args)
