"""
Task runners and consumers: concurrent flows under asyncio and trio.

No cancel scope of the caller's task stays open, so an iterator of results can be left anywhere: the
scope belongs to a separate task.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

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
        self._group: anyio.abc.TaskGroup | None = None
        self._closing: anyio.Event | None = None
        self._closed: anyio.Event | None = None
        self._detached: set[object] = set()
        self._call_soon: Callable[..., object] | None = None
        self._under_asyncio = False

    async def open(self) -> None:
        opened, self._closing, self._closed = anyio.Event(), anyio.Event(), anyio.Event()
        self._call_soon, self._under_asyncio = loop_scheduler(), under_asyncio()
        self._start_detached(self._run, opened)
        await opened.wait()

    def start(self, flow: Flow[None], *args: Any) -> None:
        if self._group is None:
            raise RuntimeError("this crew is not open")
        self._group.start_soon(flow, *args)

    def event(self) -> anyio.Event:
        return anyio.Event()

    async def within(self, seconds: float | None, flow: Flow[object], *args: Any) -> bool:
        with anyio.move_on_after(seconds):
            await flow(*args)
            return True
        return False

    async def in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await anyio.to_thread.run_sync(work, *args)

    async def close(self) -> None:
        if self._closing is not None and self._closed is not None:
            self._closing.set()
            await self._closed.wait()

    def abandon(self, flow: Flow[None], *args: Any) -> None:
        """Schedule *flow*, which closes this runner, from any thread, if the loop still runs."""
        if self._call_soon is not None and not (self._closing and self._closing.is_set()):
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._call_soon(self._start_detached, flow, *args)

    async def _run(self, opened: anyio.Event) -> None:
        assert self._closing is not None
        assert self._closed is not None
        try:
            async with anyio.create_task_group() as self._group:
                opened.set()
                await self._closing.wait()
                self._group.cancel_scope.cancel()
        finally:
            opened.set()
            self._closed.set()

    def _start_detached(self, flow: Flow[None], *args: Any) -> None:
        """Run *flow* in a detached task; can be called outside of a task."""
        if self._under_asyncio:
            task = asyncio.ensure_future(flow(*args))
            self._detached.add(task)
            task.add_done_callback(self._detached.discard)
        else:
            import trio

            trio.lowlevel.spawn_system_task(flow, *args)


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
