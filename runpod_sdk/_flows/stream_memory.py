"""
The memory of one `Job` object's streams: their position, with the chunks not yet consumed.

A position is immutable and is replaced as a whole, by one assignment. An exception that
interrupts the reader at any instant therefore leaves the old position or the new one,
never half of each.

Each job has a memory; the position is imported when the job's stream is first read.
"""

from __future__ import annotations

import inspect
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from weakref import ref

from attrs import evolve

if TYPE_CHECKING:
    from runpod_sdk._flows.stream_position import Position
    from runpod_sdk.models import StreamChunk

_WAITING = (inspect.CORO_RUNNING, inspect.CORO_SUSPENDED)


class StreamMemory:
    """The position of one `Job` object's streams. A copy for another process is empty."""

    __slots__ = ("_flow", "_position")

    def __init__(self) -> None:
        self._position: Position | None = None
        self._flow: ref[Coroutine[Any, Any, Any]] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return StreamMemory, ()

    @property
    def position(self) -> Position:
        """The position in the stream; at first its start."""
        if self._position is not None:
            return self._position
        from runpod_sdk._flows.stream_position import START  # which the stream's reader has loaded

        return START

    @position.setter
    def position(self, position: Position) -> None:
        self._position = position

    def restart(self) -> None:
        """Return to the start of the stream."""
        self._position = None

    def update(self, **changes: Any) -> None:
        self.position = evolve(self.position, **changes)

    @property
    def undelivered(self) -> tuple[StreamChunk, ...]:
        """The chunks that were fetched and not consumed, in order."""
        return (*self.position.ready, *self.position.unchecked)

    def check_idle(self) -> None:
        """Raise `RuntimeError` if another task or thread is waiting for the next chunk."""
        flow = None if self._flow is None else self._flow()
        if flow is not None and inspect.getcoroutinestate(flow) in _WAITING:
            raise RuntimeError(
                "another task or thread is waiting for the next chunk of this job:"
                " use a job's stream in one task or thread at a time"
            )

    def enter(self, flow: Coroutine[Any, Any, Any]) -> None:
        """Record the flow that waits for the next chunk."""
        self._flow = ref(flow)
