"""
The running event loop: its time, cancel scopes, and waiting for futures of other threads.

Under asyncio, none of them needs anyio, which takes as long to import as asyncio.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from runpod_sdk._flows.deadline import Bounded
from runpod_sdk._signals import ignored

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task, TimerHandle
    from concurrent.futures import Future


class CancelScope(Bounded, Protocol):
    """A part of a task that ends at a deadline, or when it is cancelled."""

    @property
    def cancelled_caught(self) -> bool:
        """Whether the part was ended, and the task continues after it."""
        ...

    def cancel(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        cls: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> bool: ...


def cancel_scope(deadline: float = math.inf) -> CancelScope:
    """Return a cancel scope with a *deadline* by the loop's clock."""
    if (loop := _asyncio_loop()) is not None:
        return _AsyncioScope(loop, deadline)
    import anyio

    scope: Any = anyio.CancelScope(deadline=deadline)
    return scope  # type: ignore[no-any-return]


_AGAIN: Final = 0.1
"""The time in seconds after which a task that is still in a cancelled scope is cancelled again."""


class _AsyncioScope:
    """
    A cancel scope by `Task.cancel`, like `asyncio.timeout`, which others cannot cancel.

    Code in the scope that suppresses the cancellation, such as a function of the caller, gets it
    again and again.
    """

    __slots__ = (
        "_cancelling",
        "_deadline",
        "_loop",
        "_requests",
        "_task",
        "_timer",
        "cancelled_caught",
    )

    def __init__(self, loop: AbstractEventLoop, deadline: float) -> None:
        self._loop = loop
        self._deadline = deadline
        self._task: Task[Any] | None = None
        """The task, while it is in the scope."""
        self._timer: TimerHandle | None = None
        self._cancelling = 0
        """The number of other requests to cancel the task, when it entered the scope."""
        self._requests = 0
        """The number of requests of this scope to cancel the task."""
        self.cancelled_caught = False

    @property
    def deadline(self) -> float:
        return self._deadline

    @deadline.setter
    def deadline(self, value: float) -> None:
        self._deadline = value
        if not self._requests:
            self._set_timer(value)

    def cancel(self) -> None:
        if self._task is None:
            return
        current = _asyncio().current_task(self._loop)
        if current is self._task:  # it may leave the scope before it waits
            self._loop.call_soon(self.cancel)
            return
        self._requests += 1
        self._set_timer(self._loop.time() + _AGAIN)
        self._task.cancel()

    def _set_timer(self, time: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if time == math.inf else self._loop.call_at(time, self.cancel)

    def __enter__(self) -> Self:
        self._task = task = _asyncio().current_task(self._loop)
        if task is not None:
            self._cancelling = task.cancelling()
        self.deadline = self._deadline
        return self

    def __exit__(
        self,
        cls: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> bool:
        task, self._task = self._task, None
        self._set_timer(math.inf)
        if task is None or not self._requests:
            return False
        others = [task.uncancel() for _ in range(self._requests)][-1]
        self.cancelled_caught = others <= self._cancelling and isinstance(
            error, _asyncio().CancelledError
        )
        return self.cancelled_caught


async def sleep(seconds: float) -> None:
    if under_asyncio():
        await _asyncio().sleep(seconds)
    else:
        import anyio

        await anyio.sleep(seconds)


async def wait_for_future(future: Future[None], limit: float | None) -> bool:
    """Await *future* for at most *limit* seconds; return whether it is done."""
    done, call_soon = _event(), loop_scheduler()

    def notify(_: Future[None]) -> None:
        with ignored(RuntimeError):  # the loop has ended
            call_soon(done.set)

    future.add_done_callback(notify)
    with cancel_scope(math.inf if limit is None else loop_time() + limit):
        await done.wait()
    return future.done()


def _event() -> Any:
    if under_asyncio():
        return _asyncio().Event()
    import anyio

    return anyio.Event()


def loop_scheduler() -> Callable[..., object]:
    """Return a thread-safe `call_soon` of the running loop."""
    if (loop := _asyncio_loop()) is not None:
        return loop.call_soon_threadsafe
    import trio

    return trio.lowlevel.current_trio_token().run_sync_soon


def loop_time() -> float:
    """Return the event loop's time, in seconds, faster than anyio."""
    if (loop := _asyncio_loop()) is not None:
        return loop.time()
    import anyio

    return anyio.current_time()


def current_loop() -> object:
    """Return an object that identifies the running event loop."""
    if (loop := _asyncio_loop()) is not None:
        return loop
    import anyio.lowlevel

    return anyio.lowlevel.current_token()


def under_asyncio() -> bool:
    return _asyncio_loop() is not None


def _asyncio_loop() -> AbstractEventLoop | None:
    """Return the loop of the running asyncio task; trio may run inside an asyncio loop, too."""
    # Unlike `get_running_loop`, it raises nothing that a signal handler may raise, too.
    loop: AbstractEventLoop | None = _asyncio()._get_running_loop()
    return loop if loop is not None and _asyncio().current_task(loop) is not None else None


@cache
def _asyncio() -> Any:
    """Return asyncio, which is imported when it is used; an import statement takes longer."""
    import asyncio

    return asyncio
