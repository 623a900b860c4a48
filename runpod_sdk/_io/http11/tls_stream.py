"""
TLS over a network stream of the async client.

The TLS of asyncio and anyio does not report when all bytes were handed to the system. Whether a job
may have been accepted depends on that.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Self, TypeVar

from runpod_sdk._io.http11.connection import READ_SIZE, NetworkStream, OnData
from runpod_sdk._io.transport_errors import ConnectError, ReadError, WriteError

T = TypeVar("T")

_RECORD: Final = 16 * 1024


class TLSStream:
    """A network stream with TLS over another network stream."""

    def __init__(self, stream: NetworkStream, tls: ssl.SSLContext, host: str) -> None:
        self._stream = stream
        self._left = memoryview(b"")
        """The data that is not encrypted yet."""
        self._is_interrupted = False
        """Whether received data stopped a write."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    @classmethod
    async def over(cls, stream: NetworkStream, tls: ssl.SSLContext, host: str) -> Self:
        """
        Perform the TLS handshake over *stream*; close *stream* if that fails.

        Raises:
            ConnectError: The server does not support TLS, or is not trusted.
        """
        try:
            encrypted = cls(stream, tls, host)
            await encrypted._run(encrypted._tls.do_handshake)
        except (ssl.SSLError, UnicodeError, ValueError) as error:
            await stream.close()
            raise ConnectError(str(error)) from error
        except (ReadError, WriteError) as error:
            await stream.close()
            raise ConnectError(str(error)) from error.__cause__
        except BaseException:
            await stream.close()
            raise
        return encrypted

    async def read(self) -> bytes:
        try:
            return await self._run(self._tls.read, READ_SIZE)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise ReadError(str(error)) from error

    async def write(self, data: bytes | memoryview, on_data: OnData | None = None) -> bool:
        self._left = memoryview(data)
        on_encrypted = None if on_data is None else partial(self._decrypt, on_data)
        try:
            while self._left:
                record, self._left = self._left[:_RECORD], self._left[_RECORD:]
                await self._run(self._tls.write, record, on_data=on_encrypted)
                if self._is_interrupted:
                    return False
        except ssl.SSLError as error:
            raise WriteError(str(error)) from error
        return True

    def _decrypt(self, on_data: OnData, data: bytes) -> bool:
        """Decrypt the data received during a write, if any, and pass it to *on_data*."""
        self._receive(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            while not self._is_interrupted:
                try:
                    received = self._tls.read(READ_SIZE)
                except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                    received = b""
                self._is_interrupted = on_data(received)
        return self._is_interrupted

    def limit_unacknowledged(self, seconds: float) -> None:
        self._stream.limit_unacknowledged(seconds)

    def has_unsent(self) -> bool:
        return bool(self._left) or self._stream.has_unsent()

    async def close(self) -> None:
        await self._stream.close()

    def release(self) -> None:
        self._stream.release()

    def readable(self) -> bool:
        return bool(self._incoming.pending) or self._stream.readable()

    async def _run(
        self, operation: Callable[..., T], *args: Any, on_data: OnData | None = None
    ) -> T:
        """Perform a TLS operation; read and write the data that it needs."""
        while True:
            try:
                result = operation(*args)
            except ssl.SSLWantReadError:
                pass  # repeated after more data has arrived
            except ssl.SSLError:
                await self._flush()  # sends the alert to the server
                raise
            else:
                await self._flush(on_data)
                return result
            await self._flush()
            self._receive(await self._stream.read())

    def _receive(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self, on_data: OnData | None = None) -> None:
        if data := self._outgoing.read():
            await self._stream.write(data, on_data)
