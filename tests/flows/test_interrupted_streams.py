"""Streams whose reader is interrupted, at each possible instant."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from runpod_sdk import AsyncStream, Stream, errors
from runpod_sdk._flows.stream import ChunkReader
from runpod_sdk._flows.stream_memory import StreamMemory
from runpod_sdk._io import sync
from tests.flows.virtual import JOB, LostRun, Service, Timeline, VirtualIO, session

CHUNKS = ["a", "b", "a"]
ASYNC = "_async/stream.py"
SHELLS = ("_sync/stream.py", ASYNC)
FLOWS = ("_flows/stream.py", "_flows/stream_memory.py", "_flows/stream_position.py")

STORIES = {
    "returns what it yields": Timeline(0.0, 4.0, chunks=tuple(CHUNKS)),
    "does not": Timeline(0.0, 4.0, chunks=tuple(CHUNKS), aggregates=False),
    "all in one answer": Timeline(0.0, 0.001, chunks=tuple(CHUNKS), aggregates=False),
    "two runs": Timeline(
        3.0, 6.0, chunks=tuple(CHUNKS), aggregates=False, lost_run=LostRun(0.0, 2.0, ("a", "b"))
    ),
}


class Interruption(BaseException):
    """An exception of the caller's signal handler."""


class Interrupter:
    """Raises once, at instant number *when*: a bytecode of a shell, or a line of a flow."""

    def __init__(self, when: int) -> None:
        self._when = when
        self._instants: list[tuple[str, int]] = []
        """The place in the code of each instant."""

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        name = frame.f_code.co_filename
        if name.endswith(SHELLS):
            frame.f_trace_opcodes = True
            # CPython handles no signal at a return, by which a coroutine returns its chunk.
            if event == "opcode" and not (name.endswith(ASYNC) and _returns(frame)):
                self._strike(frame)
        elif not name.endswith(FLOWS):
            return None
        if event == "line":
            self._strike(frame)
        return self

    def _strike(self, frame: FrameType) -> None:
        self._instants.append((frame.f_code.co_qualname, frame.f_lasti))
        if len(self._instants) == self._when + 1:
            raise Interruption

    def different(self) -> list[int]:
        """Number the instants; of several instants at one place, count only the second."""
        found: dict[tuple[str, int], list[int]] = {}
        for when, place in enumerate(self._instants):
            found.setdefault(place, []).append(when)
        return sorted(instants[:2][-1] for instants in found.values())


def _returns(frame: FrameType) -> bool:
    return "RETURN" in dis.opname[frame.f_code.co_code[frame.f_lasti]]


def takes(reader: ChunkReader, shell: str) -> Callable[[], Any]:
    """Return a function that returns the next chunk, or raises at the end."""
    if shell == "sync":
        return Stream(reader).__next__
    stream = AsyncStream(reader)
    return lambda: sync.drive(stream.__anext__())


def take_all(take: Callable[[], Any], taken: list[Any]) -> None:
    while True:
        try:
            chunk = take()
        except (StopIteration, StopAsyncIteration):
            return
        taken.append(chunk.output)


def interrupted(
    timeline: Timeline, interrupter: Interrupter, shell: str, *, again: bool
) -> list[Any]:
    """Read a stream, with at most one interruption; return its chunks."""
    io, memory, taken = VirtualIO(Service(timeline)), StreamMemory(), list[Any]()
    take = takes(ChunkReader(session(io), JOB, None, memory), shell)
    before = sys.gettrace()
    sys.settrace(interrupter)
    try:
        take_all(take, taken)
        return taken
    except Interruption:
        pass
    finally:
        sys.settrace(before)
    if again:
        take = takes(ChunkReader(session(io), JOB, None, memory), shell)
    try:
        take_all(take, taken)
    except errors.StreamInterruptedError:
        assert not timeline.aggregates
        assert memory.position.missing is not None
        taken += CHUNKS[len(taken) :]  # the error was raised
    return taken


@pytest.mark.filterwarnings("ignore:.*was never awaited", "ignore:Exception ignored in")
@pytest.mark.parametrize(
    ("timeline", "shell", "again"),
    [
        ("returns what it yields", "sync", False),
        ("returns what it yields", "async", True),
        ("does not", "async", False),
        ("all in one answer", "sync", True),
        ("all in one answer", "async", False),
        ("two runs", "sync", True),
    ],
)
def test_an_interruption_at_any_instant_loses_nothing(
    timeline: str, shell: str, again: bool
) -> None:
    """No chunk is lost, not even the chunk being returned; *again* continues with a new stream."""
    watcher = Interrupter(sys.maxsize)
    assert interrupted(STORIES[timeline], watcher, shell, again=again) == CHUNKS
    instants = watcher.different()
    assert len(instants) > 70
    for when in instants:
        assert interrupted(STORIES[timeline], Interrupter(when), shell, again=again) == CHUNKS, when
