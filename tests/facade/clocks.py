"""
Clocks that jump: a pause takes no time, and the clock advances.

Under asyncio and trio the clock of the loop jumps to the next timer when nothing else is left
to do, so that there may be no network. In the sync mode only pauses jump: a socket takes its
time, so that these tests may ask a real server.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import threading
import time
from typing import Any

import trio.testing

from runpod_sdk import Runpod
from runpod_sdk._io.sync import SyncIO


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
    return {"clock": trio.testing.MockClock(autojump_threshold=MOMENT)}


MOMENT = 0.001
"""How long trio is idle before it jumps: without any timer, it looks for one as often as that."""


def let_trio_jump(jumps: bool) -> None:
    """Let the clock of the running trio loop jump, or rest, which is what an idle loop should."""
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    clock.autojump_threshold = MOMENT if jumps else math.inf


class ThreadClock:
    """The time of the calling thread: the machine's time plus the thread's pauses."""

    def __init__(self) -> None:
        self._slept = threading.local()

    def now(self) -> float:
        return time.monotonic() + getattr(self._slept, "seconds", 0.0)

    def sleep(self, seconds: float) -> None:
        self._slept.seconds = getattr(self._slept, "seconds", 0.0) + max(seconds, 0.0)


CLOCK = ThreadClock()


class JumpingIO(SyncIO):
    """A port of the sync client that sends and waits for answers, but sleeps on a clock."""

    clock: Any = CLOCK

    async def sleep(self, seconds: float) -> None:
        await super().sleep(0)
        self.clock.sleep(seconds)

    def now(self) -> float:
        return self.clock.now()  # type: ignore[no-any-return]


class JumpingRunpod(Runpod):
    """A sync client whose pauses take no time."""

    _port = JumpingIO
