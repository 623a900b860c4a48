"""Which event loop this is, and waiting for what comes from elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

if TYPE_CHECKING:
    from concurrent.futures import Future


async def come(turn: Future[None], limit: float | None) -> bool:
    """Await *turn*, for *limit* seconds at the most; tell whether it is done."""
    came, call_soon = anyio.Event(), soon()

    def tell(_: Future[None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone, and whoever waited with it
            call_soon(came.set)

    turn.add_done_callback(tell)
    with anyio.move_on_after(limit):
        await came.wait()
    return turn.done()


def soon() -> Callable[..., object]:
    """Give what has the running loop call something, whichever thread asks."""
    if under_asyncio():
        import asyncio

        return asyncio.get_running_loop().call_soon_threadsafe
    import trio

    return trio.lowlevel.current_trio_token().run_sync_soon


def now() -> float:
    """Return the time of this event loop, in seconds."""
    import asyncio

    if under_asyncio():
        return asyncio.get_running_loop().time()  # anyio says the same, in four times the time
    return anyio.current_time()


def loop() -> object:
    """Return what tells this event loop from others."""
    import asyncio

    return asyncio.get_running_loop() if under_asyncio() else anyio.lowlevel.current_token()


def under_asyncio() -> bool:
    """Tell whether this is a task of asyncio's; trio's may have a loop of asyncio below it."""
    import asyncio

    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False
