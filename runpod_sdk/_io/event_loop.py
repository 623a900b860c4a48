"""The running event loop, and waiting for futures of other threads."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from concurrent.futures import Future


async def wait_for_future(future: Future[None], limit: float | None) -> bool:
    """Await *future* for at most *limit* seconds; return whether it is done."""
    done, call_soon = anyio.Event(), loop_scheduler()

    def notify(_: Future[None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            call_soon(done.set)

    future.add_done_callback(notify)
    with anyio.move_on_after(limit):
        await done.wait()
    return future.done()


def loop_scheduler() -> Callable[..., object]:
    """Return a thread-safe `call_soon` of the running loop."""
    if (loop := _asyncio_loop()) is not None:
        return loop.call_soon_threadsafe
    import trio

    return trio.lowlevel.current_trio_token().run_sync_soon


def loop_time() -> float:
    """Return the event loop's time, in seconds, faster than anyio."""
    loop = _asyncio_loop()
    return anyio.current_time() if loop is None else loop.time()


def current_loop() -> object:
    """Return an object that identifies the running event loop."""
    return _asyncio_loop() or anyio.lowlevel.current_token()


def under_asyncio() -> bool:
    return _asyncio_loop() is not None


def _asyncio_loop() -> AbstractEventLoop | None:
    """Return the loop of the running asyncio task; trio may run inside an asyncio loop, too."""
    import asyncio

    # Unlike `get_running_loop`, it raises nothing that a signal handler may raise, too.
    loop = asyncio._get_running_loop()
    return loop if loop is not None and asyncio.current_task(loop) is not None else None
