"""What `stream` returns."""

from __future__ import annotations

from collections.abc import Iterator

from runpod_sdk._flows.streaming import ChunkReader
from runpod_sdk._io.sync import run
from runpod_sdk.models import StreamChunk


class Stream(Iterator[StreamChunk]):
    """
    The chunks of a job, to be iterated once.

    Each chunk comes as soon as the server has it. Between two chunks no connection is
    held, so leaving early costs nothing; what was not taken stays with the server.
    """

    def __init__(self, reader: ChunkReader) -> None:
        self._reader = reader

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> StreamChunk:
        chunk = run(self._reader.next())
        if chunk is None:
            raise StopIteration
        return chunk

    def close(self) -> None:
        """End the iteration."""
        self._reader.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
