# Made from _async/stream.py by scripts/generate: change that file.
"""The return value of `stream`."""

from __future__ import annotations

from collections.abc import Iterator

from runpod_sdk._flows.stream import ChunkReader
from runpod_sdk._io.sync import QueueIterator
from runpod_sdk.models import StreamChunk


class Stream(QueueIterator[StreamChunk]):
    """
    The chunks of a job: an iterator, iterated once, and a context manager.

    Each chunk is delivered as soon as the server has it. No connection is held between two
    chunks, so you can leave a loop at any time. Chunks that were fetched by then are in
    `undelivered`, and another `stream()` of the same `Job` object begins with them.

    An interruption while the stream waits for a chunk loses none. Use a stream in one thread at
    a time.
    """

    def __init__(self, reader: ChunkReader) -> None:
        super().__init__(reader.fill)
        self._reader = reader

    def __iter__(self) -> Stream:
        self._reader.check_open()
        return self

    @property
    def undelivered(self) -> tuple[StreamChunk, ...]:
        """
        The chunks that were fetched and not consumed, in order.

        They stay here after the stream was closed or a loop was left, until another `stream()`
        of the same `Job` object delivers them, or the job is retried.
        """
        return self._reader.undelivered

    def text(self) -> Texts:
        """
        Return an iterator over the texts of the chunks (`StreamChunk.text`).

        Empty texts, and chunks that have none, are left out. It takes its chunks from this
        stream, and raises what this raises.

        Examples:
            ```python
            for text in job.stream().text():
                print(text, end="")
            ```
        """
        return Texts(self)

    def close(self) -> None:
        """End the iteration. The job continues, and `undelivered` keeps its chunks."""
        self._reader.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Texts(Iterator[str]):
    """Texts of a stream's chunks. Made by `Stream.text`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __iter__(self) -> Texts:
        self._stream.__iter__()
        return self

    def __next__(self) -> str:
        text = None
        while not text:
            chunk = self._stream.__next__()
            text = chunk.text
        return text
