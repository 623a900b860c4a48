"""Clocks that jump: where all that is left to do is to wait, the time has come already."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

import trio.testing


class _Selector(selectors.DefaultSelector):
    """Waits for files as long as there is no timer, and for no timer at all."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready: list[Any] = super().select(timeout if timeout is None else 0)
        if not ready and timeout is not None:
            self.jumped += max(timeout, 0)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop for what needs no network: its clock jumps to the next timer."""

    def __init__(self) -> None:
        self._jumping = _Selector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return super().time() + self._jumping.jumped


def jumping(backend: str) -> dict[str, Any]:
    """Make the options that give *backend* of anyio a clock that jumps."""
    if backend == "asyncio":
        return {"loop_factory": JumpingLoop}
    # A moment, not none: without any timer, trio would look for one without a pause.
    return {"clock": trio.testing.MockClock(autojump_threshold=0.001)}
