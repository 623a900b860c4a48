"""The return value of `stream`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from runpod_sdk._flows.stream import ChunkReader
from runpod_sdk._io.aio import AsyncQueueIterator
from runpod_sdk.models import StreamChunk


class AsyncStream(AsyncQueueIterator[StreamChunk]):
    """
    The chunks of a job: an async iterator, iterated once, and an async context manager.

    Each chunk is delivered as soon as the server has it. No connection is held between two
    chunks, so you can leave a loop at any time. Chunks that were fetched by then are in
    `undelivered`, and another `stream()` of the same `AsyncJob` object begins with them.

    An interruption while the stream waits for a chunk loses none. Use a stream in one task at
    a time.
    """

    def __init__(self, reader: ChunkReader) -> None:
        super().__init__(reader.fill)
        self._reader = reader

    def __aiter__(self) -> AsyncStream:
        self._reader.check_open()
        return self

    @property
    def undelivered(self) -> tuple[StreamChunk, ...]:
        """
        The chunks that were fetched and not consumed, in order.

        They stay here after the stream was closed or a loop was left, until another `stream()`
        of the same `AsyncJob` object delivers them, or the job is retried.
        """
        return self._reader.undelivered

    def text(self) -> AsyncTexts:
        """
        Return an async iterator over the texts of the chunks (`StreamChunk.text`).

        Empty texts, and chunks that have none, are left out. It takes its chunks from this
        stream, and raises what this raises.

        Examples:
            ```python
            async for text in job.stream().text():
                print(text, end="")
            ```
        """
        return AsyncTexts(self)

    async def aclose(self) -> None:
        """End the iteration. The job continues, and `undelivered` keeps its chunks."""
        self._reader.close()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()


class AsyncTexts(AsyncIterator[str]):
    """Texts of a stream's chunks. Made by `AsyncStream.text`."""

    def __init__(self, stream: AsyncStream) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncTexts:
        self._stream.__aiter__()
        return self

    async def __anext__(self) -> str:
        text = None
        while not text:
            chunk = await self._stream.__anext__()
            text = chunk.text
        return text
