"""Waiting for what may come from another thread, or from another event loop."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio

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


def under_asyncio() -> bool:
    import asyncio

    return issubclass(anyio.get_cancelled_exc_class(), asyncio.CancelledError)
