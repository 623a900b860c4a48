"""A request body for aiohttp that reports how much of it was sent."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import aiohttp.abc

from runpod_sdk._flows.deadline import PROGRESS, TimeLimit
from runpod_sdk._io import http_common
from runpod_sdk._io.socket_deadline import is_ready


class Upload(aiohttp.Payload):
    """A body that reports how much of it was handed to the system."""

    def __init__(self, content: bytes, limit: TimeLimit, trace: http_common.SendTrace) -> None:
        super().__init__(content)
        self._size = len(content)
        self._limit = limit
        self._trace = trace

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return bytes(self._value).decode(encoding, errors)

    async def write(self, writer: aiohttp.abc.AbstractStreamWriter) -> None:
        """
        Write the body, and wait for the system to take each piece.

        asyncio's TLS may hold back the last write, but no more. The last two bytes are therefore
        separate pieces: when the first of them was sent, the rest was sent too.
        """
        transports = _transports_of(writer)
        for transport in transports:
            transport.set_write_buffer_limits(high=1, low=0)  # reports each unsent byte
        last = len(self._value) - 1
        try:
            for start in (*range(0, last - 1, PROGRESS), last - 1, last):
                if start == last:
                    self._trace.handing_over()
                end = min(start + PROGRESS, last - 1) if start < last - 1 else start + 1
                await _read_received(transports)
                await writer.write(self._value[start:end])
                if any(transport.is_closing() for transport in transports):
                    self._trace.not_handed_over()  # asyncio drops data for a broken connection
                    raise ConnectionResetError("the connection broke")
                await writer.drain()
                self._limit.add_progress(end - start)
        except BaseException:
            for transport in transports:
                with contextlib.suppress(AttributeError):  # the transport is closed already
                    transport.abort()  # `close` would continue to send the rest
            raise


async def _read_received(transports: list[asyncio.Transport]) -> None:
    """Let aiohttp read received data: a failed write would lose an early response."""
    sock = transports[0].get_extra_info("socket") if transports else None
    if sock is not None and is_ready(sock, timeout=0):
        for _ in range(2):  # the loop polls in the first iteration, and reads in the second
            await asyncio.sleep(0)


def _transports_of(writer: aiohttp.abc.AbstractStreamWriter) -> list[asyncio.Transport]:
    """Return *writer*'s transport and, if accessible, the transport below its TLS."""
    transport = getattr(writer, "transport", None)
    below = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
    return [one for one in (transport, below) if one is not None]
