"""What `stream` returns."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from runpod_sdk._flows.streaming import ChunkReader
from runpod_sdk._io.sync import run
from runpod_sdk.models import StreamChunk


class Stream(Iterator[StreamChunk]):
    """
    The chunks of a job: an iterator, to be iterated once, and a context manager.

    Each chunk is delivered as soon as the server has it. No connection is held between two
    chunks, so you can leave a loop at any time. Chunks that were fetched by then are in
    `undelivered`, and another `stream()` of the same `Job` object begins with them.

    Use a stream in one thread at a time.
    """

    def __init__(self, reader: ChunkReader) -> None:
        self._reader = reader
        self._chunks = map(deque[StreamChunk].popleft, iter(partial(_fill, reader), None))

    def __iter__(self) -> Stream:
        return self

    if TYPE_CHECKING:

        def __next__(self) -> StreamChunk: ...

    else:
        # Not a function: between the one call that removes a chunk from the memory, and the
        # caller's having it, no bytecode must run, or Ctrl-C there would lose the chunk.
        __next__ = property(attrgetter("_chunks.__next__"))

    @property
    def undelivered(self) -> tuple[StreamChunk, ...]:
        """
        The chunks that were fetched and not consumed, in order.

        They stay here after the stream was closed or a loop was left, until another `stream()`
        of the same `Job` object delivers them, or the job is retried.
        """
        return self._reader.undelivered

    def close(self) -> None:
        """End the iteration. The job continues, and `undelivered` keeps its chunks."""
        self._reader.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _fill(reader: ChunkReader) -> deque[StreamChunk] | None:
    return run(reader.fill())
