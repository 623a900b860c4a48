"""What `stream` returns."""

from __future__ import annotations

from collections.abc import AsyncIterator

from runpod_sdk._flows.streaming import ChunkReader
from runpod_sdk.models import StreamChunk


class AsyncStream(AsyncIterator[StreamChunk]):
    """Async twin of `Stream`."""

    def __init__(self, reader: ChunkReader) -> None:
        self._reader = reader

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> StreamChunk:
        chunk = await self._reader.next()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Async twin of `Stream.close`."""
        self._reader.close()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()
