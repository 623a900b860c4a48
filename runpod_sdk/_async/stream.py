"""What `stream` returns."""

from __future__ import annotations

from collections.abc import AsyncIterator

from runpod_sdk._flows.streaming import ChunkReader
from runpod_sdk.models import StreamChunk


class AsyncStream(AsyncIterator[StreamChunk]):
    """
    Async twin of `Stream`: the chunks of a job, to be iterated once with `async for`.

    Each chunk is delivered as soon as the server has it. No connection is held between two
    chunks, so you can leave a loop at any time. Chunks that were fetched by then are in
    `undelivered`, and another `stream()` of the same `AsyncJob` object begins with them.

    A task that is cancelled while it waits for a chunk loses none. Use a stream in one task at
    a time.
    """

    def __init__(self, reader: ChunkReader) -> None:
        self._reader = reader

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> StreamChunk:
        ready = await self._reader.fill()
        if ready is None:
            raise StopAsyncIteration
        chunk = ready[0]
        try:
            del ready[0]  # not a call: no signal handler runs from here to the return
            return chunk
        except BaseException:
            if not ready or ready[0] is not chunk:
                ready.appendleft(chunk)
            raise

    @property
    def undelivered(self) -> tuple[StreamChunk, ...]:
        """
        Async twin of `Stream.undelivered`: the chunks that were fetched and not consumed.

        They stay here after the stream was closed or a loop was left, until another `stream()`
        of the same `AsyncJob` object delivers them, or the job is retried.
        """
        return self._reader.undelivered

    async def aclose(self) -> None:
        """
        Async twin of `Stream.close`: end the iteration.

        The job continues, and `undelivered` keeps its chunks.
        """
        self._reader.close()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()
