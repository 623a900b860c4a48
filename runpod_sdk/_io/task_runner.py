"""
Task runners and consumers: concurrent flows under asyncio and trio.

No cancel scope of the caller's task stays open, so an iterator of results can be left anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread

from runpod_sdk._flows.many.runner import Flow, ManyContext
from runpod_sdk._io.event_loop import loop_scheduler, loop_time, under_asyncio

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable
    from typing import TypeAlias

    from runpod_sdk._io.aio import AsyncIO

T = TypeVar("T")

AsyncInputs: TypeAlias = "Iterable[T] | AsyncIterable[T]"
"""The inputs of the async client's `map`."""


def many_context(io: AsyncIO) -> ManyContext:
    """Return the context of many jobs, on the running event loop."""
    runner = AsyncTaskRunner()
    return ManyContext(io, runner, LoopConsumer(runner), async_inputs=True)


class AsyncTaskRunner:
    """A `TaskRunner` on the loop on which it is opened."""

    def __init__(self) -> None:
        self._tasks: _Tasks | None = None
        self._call_soon: Callable[..., object] | None = None
        self._closing = False

    async def open(self) -> None:
        self._call_soon = loop_scheduler()
        self._tasks = _AsyncioTasks() if under_asyncio() else _TrioTasks()
        await self._tasks.open()

    def start(self, flow: Flow[None], *args: Any) -> None:
        if self._tasks is None:
            raise RuntimeError("this task runner is not open")
        self._tasks.start(flow, *args)

    def event(self) -> anyio.Event:
        return anyio.Event()

    async def within(self, seconds: float | None, flow: Flow[object], *args: Any) -> bool:
        with anyio.move_on_after(seconds):
            await flow(*args)
            return True
        return False

    async def in_thread(self, work: Callable[..., T], *args: Any) -> T:
        if not under_asyncio():
            return await anyio.to_thread.run_sync(work, *args)
        # Its own task, because a cancelled task of asyncio does not wait for a thread of anyio.
        call = asyncio.ensure_future(anyio.to_thread.run_sync(work, *args))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                await asyncio.wait([call])
            raise

    async def close(self) -> None:
        self._closing = True
        if self._tasks is not None:
            await self._tasks.close()

    def abandon(self, flow: Flow[None], *args: Any) -> None:
        """Schedule *flow*, which closes this runner, from any thread, if the loop still runs."""
        if self._call_soon is not None and self._tasks is not None and not self._closing:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._call_soon(self._tasks.start_detached, flow, *args)


class _Tasks(Protocol):
    """The tasks of one runner."""

    async def open(self) -> None: ...

    def start(self, flow: Flow[None], *args: Any) -> None: ...

    def start_detached(self, flow: Flow[None], *args: Any) -> None:
        """Start a task that `close` does not cancel; can be called outside of a task."""
        ...

    async def close(self) -> None:
        """Cancel the tasks, and wait until they have ended."""
        ...


class _AsyncioTasks:
    """
    Tasks of asyncio.

    They are not in a task group of anyio, which adds 13 objects to each: the garbage collector
    scans them repeatedly while thousands of jobs are in flight.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Future[None]] = set()
        self._detached: set[asyncio.Future[None]] = set()
        self._forget = self._running.discard
        self._context = copy_context()
        """The context of the callbacks, because asyncio would copy one for each."""

    async def open(self) -> None:
        pass

    def start(self, flow: Flow[None], *args: Any) -> None:
        task = asyncio.ensure_future(flow(*args))
        self._running.add(task)
        task.add_done_callback(self._forget, context=self._context)

    def start_detached(self, flow: Flow[None], *args: Any) -> None:
        task = asyncio.ensure_future(flow(*args))
        self._detached.add(task)
        task.add_done_callback(self._detached.discard)

    async def close(self) -> None:
        while self._running:  # a task may start another when it is cancelled
            for task in self._running:
                task.cancel()
            await asyncio.wait(self._running)


class _TrioTasks:
    """Tasks of trio, in a nursery of a system task."""

    def __init__(self) -> None:
        self._group: anyio.abc.TaskGroup
        self._opened, self._closing, self._closed = anyio.Event(), anyio.Event(), anyio.Event()

    async def open(self) -> None:
        self.start_detached(self._run)
        await self._opened.wait()

    async def _run(self) -> None:
        try:
            async with anyio.create_task_group() as self._group:
                self._opened.set()
                await self._closing.wait()
                self._group.cancel_scope.cancel()
        finally:
            self._opened.set()
            self._closed.set()

    def start(self, flow: Flow[None], *args: Any) -> None:
        self._group.start_soon(flow, *args)

    def start_detached(self, flow: Flow[None], *args: Any) -> None:
        import trio

        trio.lowlevel.spawn_system_task(flow, *args)

    async def close(self) -> None:
        self._closing.set()
        await self._closed.wait()


class LoopConsumer:
    """The async client's consumer, on the task runner's loop."""

    def __init__(self, runner: AsyncTaskRunner) -> None:
        self._runner = runner

    async def call(self, flow: Flow[T], *args: Any) -> T:
        # Other tasks run, even if results are always available.
        await anyio.lowlevel.checkpoint()
        return await flow(*args)

    async def last(self, flow: Flow[None], *args: Any) -> None:
        with anyio.CancelScope(shield=True):
            await flow(*args)

    def abandon(self, flow: Flow[None], *args: Any) -> None:
        self._runner.abandon(flow, *args)

    def now(self) -> float:
        return loop_time()
