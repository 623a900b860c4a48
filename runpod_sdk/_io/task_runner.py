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
    """Return what many jobs at once need on the running event loop."""
    runner = AsyncTaskRunner()
    return ManyContext(io, runner, LoopConsumer(runner), async_inputs=True)


class AsyncTaskRunner:
    """A `Crew` on the loop that it is opened on."""

    def __init__(self) -> None:
        self._group: anyio.abc.TaskGroup | None = None
        self._dismissed: anyio.Event | None = None
        self._gone: anyio.Event | None = None
        self._kept: set[object] = set()
        self._soon: Callable[..., object] | None = None
        self._under_asyncio = False

    async def open(self) -> None:
        opened, self._dismissed, self._gone = anyio.Event(), anyio.Event(), anyio.Event()
        self._soon, self._under_asyncio = loop_scheduler(), under_asyncio()
        self._spawn(self._host, opened)
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
        if self._dismissed is not None and self._gone is not None:
            self._dismissed.set()
            await self._gone.wait()

    def abandon(self, flow: Flow[None], *args: Any) -> None:
        """Begin *flow*, which will dismiss this crew, from any thread; if the loop still runs."""
        if self._soon is not None and not (self._dismissed and self._dismissed.is_set()):
            with contextlib.suppress(RuntimeError):  # of a loop that has ended
                self._soon(self._spawn, flow, *args)

    async def _host(self, opened: anyio.Event) -> None:
        assert self._dismissed is not None
        assert self._gone is not None
        try:
            async with anyio.create_task_group() as self._group:
                opened.set()
                await self._dismissed.wait()
                self._group.cancel_scope.cancel()
        finally:
            opened.set()
            self._gone.set()

    def _spawn(self, flow: Flow[None], *args: Any) -> None:
        """Run *flow* in a task that belongs to nobody; also called where no task is."""
        if self._under_asyncio:
            task = asyncio.ensure_future(flow(*args))
            self._kept.add(task)
            task.add_done_callback(self._kept.discard)
        else:
            import trio

            trio.lowlevel.spawn_system_task(flow, *args)


class LoopConsumer:
    """The desk of the async client: at the crew's own loop."""

    def __init__(self, runner: AsyncTaskRunner) -> None:
        self._runner = runner

    async def call(self, flow: Flow[T], *args: Any) -> T:
        await anyio.lowlevel.checkpoint()  # where there is always a result, others get a turn too
        return await flow(*args)

    async def last(self, flow: Flow[None], *args: Any) -> None:
        with anyio.CancelScope(shield=True):
            await flow(*args)

    def abandon(self, flow: Flow[None], *args: Any) -> None:
        self._runner.abandon(flow, *args)

    def now(self) -> float:
        return loop_time()
