"""Which event loop this is, and waiting for what comes from elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from concurrent.futures import Future


async def wait_for_future(turn: Future[None], limit: float | None) -> bool:
    """Await *turn* for at most *limit* seconds; return whether it is done."""
    came, call_soon = anyio.Event(), loop_scheduler()

    def tell(_: Future[None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone, and whoever waited with it
            call_soon(came.set)

    turn.add_done_callback(tell)
    with anyio.move_on_after(limit):
        await came.wait()
    return turn.done()


def loop_scheduler() -> Callable[..., object]:
    """Return a thread-safe `call_soon` of the running loop."""
    if (loop := _loop_of_asyncio()) is not None:
        return loop.call_soon_threadsafe
    import trio

    return trio.lowlevel.current_trio_token().run_sync_soon


def loop_time() -> float:
    """Return the event loop's time, in seconds, faster than anyio."""
    loop = _loop_of_asyncio()
    return anyio.current_time() if loop is None else loop.time()


def current_loop() -> object:
    """Return an object that identifies the running event loop."""
    return _loop_of_asyncio() or anyio.lowlevel.current_token()


def under_asyncio() -> bool:
    return _loop_of_asyncio() is not None


def _loop_of_asyncio() -> AbstractEventLoop | None:
    """Return the loop that this task of asyncio's is on; one of trio's may run above a loop too."""
    import asyncio

    loop = asyncio._get_running_loop()  # `get_running_loop` raises what a caller may raise too
    return loop if loop is not None and asyncio.current_task(loop) is not None else None
