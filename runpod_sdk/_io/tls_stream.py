"""
TLS over a line of the async client.

asyncio and anyio have TLS of their own, but do not tell when all bytes were handed to the
system; and whether a job may have been taken depends on that.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, Final, Self, TypeVar

import httpx

from runpod_sdk._io.wire import MOST, Line

T = TypeVar("T")

_RECORD: Final = 16 * 1024


class TLSLine:
    """A line whose bytes are encrypted on their way over another line."""

    def __init__(self, line: Line, tls: ssl.SSLContext, host: str) -> None:
        self._line = line
        self._left = memoryview(b"")
        """What has not been encrypted yet."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    @classmethod
    async def over(cls, line: Line, tls: ssl.SSLContext, host: str) -> Self:
        """
        Shake hands over *line*; close it where that fails.

        Raises:
            httpx.ConnectError: The other side does not speak TLS, or is not trusted.
        """
        try:
            encrypted = cls(line, tls, host)
            await encrypted._carry_out(encrypted._tls.do_handshake)
        except (ssl.SSLError, UnicodeError, ValueError) as error:
            await line.close()
            raise httpx.ConnectError(str(error)) from error
        except (httpx.ReadError, httpx.WriteError) as error:
            await line.close()
            raise httpx.ConnectError(str(error)) from error.__cause__
        except BaseException:
            await line.close()
            raise
        return encrypted

    async def read(self) -> bytes:
        try:
            return await self._carry_out(self._tls.read, MOST)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise httpx.ReadError(str(error)) from error

    async def write(self, data: bytes | memoryview) -> None:
        self._left = memoryview(data)
        try:
            while self._left:
                record, self._left = self._left[:_RECORD], self._left[_RECORD:]
                await self._carry_out(self._tls.write, record)
        except ssl.SSLError as error:
            raise httpx.WriteError(str(error)) from error

    def has_unsent(self) -> bool:
        return bool(self._left) or self._line.has_unsent()

    async def close(self) -> None:
        await self._line.close()

    def release(self) -> None:
        self._line.release()

    def readable(self) -> bool:
        return bool(self._incoming.pending) or self._line.readable()

    async def _carry_out(self, operation: Callable[..., T], *args: Any) -> T:
        """Carry out an operation of TLS; read and write for it what it needs."""
        while True:
            try:
                result = operation(*args)
            except ssl.SSLWantReadError:
                pass  # it is carried out again, when more has come
            except ssl.SSLError:
                await self._flush()  # the alert that tells the other side
                raise
            else:
                await self._flush()
                return result
            await self._flush()
            if data := await self._line.read():
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self._line.write(data)
