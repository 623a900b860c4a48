"""The async client's network stream under trio, by anyio."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import anyio.abc
import anyio.lowlevel

from runpod_sdk._io.http11.connection import READ_SIZE, NetworkStream, OnData
from runpod_sdk._io.http11.happy_eyeballs import limit_unacknowledged, limit_unsent
from runpod_sdk._io.http11.tls_stream import TLSStream
from runpod_sdk._io.socket_deadline import is_ready
from runpod_sdk._io.transport_errors import ConnectError, ReadError, WriteError


class AnyioStream:
    """A network stream by anyio. The cancel scope around a call limits its time."""

    def __init__(self, stream: anyio.abc.ByteStream) -> None:
        self._stream = stream
        self._has_unsent = False
        self._socket = stream.extra(anyio.abc.SocketAttribute.raw_socket)
        limit_unsent(self._socket)

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None) -> NetworkStream:
        """Connect to the address of *host* that answers first."""
        try:
            stream = cls(await anyio.connect_tcp(host, port))
        except (OSError, UnicodeError) as error:
            raise ConnectError(str(error)) from error
        return stream if tls is None else await TLSStream.over(stream, tls, host)

    async def read(self) -> bytes:
        try:
            return await self._stream.receive(READ_SIZE)
        except anyio.EndOfStream:
            return b""
        except _BROKEN as error:
            raise ReadError(str(error)) from error

    async def write(self, data: bytes | memoryview, on_data: OnData | None = None) -> bool:
        try:
            if on_data is not None:
                return await self._write_and_read(memoryview(data), on_data)
            await self._stream.send(bytes(data))
        except anyio.get_cancelled_exc_class():  # never raised after the last byte
            self._has_unsent = True
            raise
        except _BROKEN as error:
            raise WriteError(str(error)) from error
        return True

    async def _write_and_read(self, data: memoryview, on_data: OnData) -> bool:
        while data:
            await anyio.lowlevel.checkpoint()
            if self.readable() and on_data(await self.read()):
                return False
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                await self._wait_until_ready()
        return True

    async def _wait_until_ready(self) -> None:
        """Wait until the socket can be written to or read from."""
        async with anyio.create_task_group() as group:

            async def wait(ready: Callable[[socket.socket], Awaitable[None]]) -> None:
                await ready(self._socket)
                group.cancel_scope.cancel()

            group.start_soon(wait, anyio.wait_readable)
            group.start_soon(wait, anyio.wait_writable)

    def limit_unacknowledged(self, seconds: float) -> None:
        limit_unacknowledged(self._socket, seconds)

    def has_unsent(self) -> bool:
        return self._has_unsent

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._stream.aclose()

    def release(self) -> None:
        self._socket.close()

    def readable(self) -> bool:
        return is_ready(self._socket, timeout=0)


_BROKEN: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)
