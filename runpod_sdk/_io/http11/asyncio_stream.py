"""The async client's network stream under asyncio: a protocol of an asyncio transport."""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import partial
from typing import Final, cast

from runpod_sdk._io.http11.connection import READ_SIZE, NetworkStream, OnData
from runpod_sdk._io.http11.happy_eyeballs import limit_unacknowledged
from runpod_sdk._io.http11.happy_eyeballs_asyncio import Connector
from runpod_sdk._io.http11.tls_stream import TLSStream
from runpod_sdk._io.socket_deadline import is_ready
from runpod_sdk._io.transport_errors import ConnectError, ReadError, WriteError
from runpod_sdk._signals import ignored

_MAX_UNREAD: Final = 2**20
"""The number of received and unread bytes from which the transport pauses."""


class AsyncioStream(asyncio.BufferedProtocol):
    """
    A network stream by an asyncio protocol, which receives data as soon as it arrives.

    The streams of a loop receive into the same buffer, because asyncio passes on what is in it
    before it receives more. Without a buffer, it allocates 256 KiB each time.

    A read of received data does not wait, and neither does a write that the system accepts at once.
    A stream by anyio would wait in both cases, and query the selector each time.
    """

    _transport: asyncio.Transport

    def __init__(self, sock: socket.socket, buffer: memoryview) -> None:
        self._socket = sock
        self._buffer = buffer
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._is_full = False
        """Whether the write buffer is not empty, so that writes wait."""
        self._has_ended = False
        self._is_lost = False
        """Whether the transport is closed; some transports raise if they are closed again."""
        self._fault: Exception | None = None
        """The error that ended the connection, if the server did not close it."""
        self._waiting: asyncio.Future[None] | None = None

    @classmethod
    async def open(
        cls, connector: Connector, host: str, port: int, tls: ssl.SSLContext | None
    ) -> NetworkStream:
        """Connect to the address of *host* that answers first."""
        try:
            sock = await connector.connect(host, port)
            _, stream = await asyncio.get_running_loop().create_connection(
                partial(cls, sock, connector.buffer), sock=sock
            )  # closes the socket on failure
        except (OSError, UnicodeError) as error:
            raise ConnectError(str(error)) from error
        return stream if tls is None else await TLSStream.over(stream, tls, host)

    async def read(self) -> bytes:
        while not self._received:
            if self._fault is not None:
                raise ReadError(str(self._fault)) from self._fault
            if self._has_ended:
                return b""
            await self._next_event()
        data, self._received = self._received, b""
        if len(data) > _MAX_UNREAD and not self._has_ended:
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes | memoryview, on_data: OnData | None = None) -> bool:
        if on_data is not None and await self._stops_write(on_data):
            return False
        if not self._has_ended:
            self._transport.write(data)
            # A transport that is closing now has failed to send the data.
            self._has_ended = self._transport.is_closing()
            self._is_full = self._is_full or self._has_ended
            while self._is_full and not self._has_ended:
                await self._next_event()
                if on_data is not None and await self._stops_write(on_data):
                    return False
            if not self._is_full:
                return True
        self._read_rest()
        raise WriteError(str(self._fault or "the server closed the connection")) from self._fault

    async def _stops_write(self, on_data: OnData) -> bool:
        """Pass received data to *on_data*; return whether it stops the write."""
        if not self._received and not self._has_ended and self.readable():
            await self._next_event()
        while self._received:
            if on_data(await self.read()):
                return True
        return False

    def _read_rest(self) -> None:
        """Read the data received before the end of the connection, which the transport drops."""
        with ignored(OSError):
            while data := self._socket.recv(READ_SIZE):
                self._add(data)

    def limit_unacknowledged(self, seconds: float) -> None:
        limit_unacknowledged(self._socket, seconds)

    def has_unsent(self) -> bool:
        return self._is_full

    async def close(self) -> None:
        self._abort()

    def release(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._abort)
        except RuntimeError:  # the loop is closed
            self._socket.close()

    def readable(self) -> bool:
        return bool(self._received) or self._has_ended or is_ready(self._socket, timeout=0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # No data is buffered: after a write has returned, the system has all of it.
        self._transport.set_write_buffer_limits(high=0)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._add(bytes(self._buffer[:nbytes]))

    def _add(self, data: bytes) -> None:
        was_full = len(self._received) > _MAX_UNREAD
        self._received += data
        if len(self._received) > _MAX_UNREAD and not was_full:
            self._transport.pause_reading()
        self._notify()

    def eof_received(self) -> None:
        self._has_ended = True
        self._notify()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._read_rest()
        self._has_ended, self._fault, self._is_lost = True, exc, True
        self._notify()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._notify()

    def _abort(self) -> None:
        if not self._is_lost:
            self._transport.abort()

    def _next_event(self) -> asyncio.Future[None]:
        """Return a future that is done after the next event."""
        self._waiting = self._loop.create_future()
        return self._waiting

    def _notify(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
