"""The line of the async client under trio: a stream of anyio."""

from __future__ import annotations

import ssl
from typing import Final, Self

import anyio
import anyio.abc
import httpx

from runpod_sdk._io.blocking import readable
from runpod_sdk._io.wire import MOST


class AwaitingLine:
    """A stream of anyio. What it does is bounded by the cancel scope around it."""

    def __init__(self, stream: anyio.abc.ByteStream) -> None:
        self._stream = stream
        self._socket = stream.extra(anyio.abc.SocketAttribute.raw_socket)

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None) -> Self:
        """Connect, to several addresses in turn if need be."""
        try:
            if tls is None:
                return cls(await anyio.connect_tcp(host, port))
            return cls(
                await anyio.connect_tcp(
                    host, port, ssl_context=tls, tls_hostname=host, tls_standard_compatible=False
                )
            )
        except (OSError, UnicodeError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
            raise httpx.ConnectError(str(error)) from error

    async def read(self) -> bytes:
        try:
            return await self._stream.receive(MOST)
        except anyio.EndOfStream:
            return b""
        except _BROKEN as error:
            raise httpx.ReadError(str(error)) from error

    async def write(self, data: bytes) -> None:
        try:
            await self._stream.send(data)
        except _BROKEN as error:
            raise httpx.WriteError(str(error)) from error

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._stream.aclose()

    def readable(self) -> bool:
        return readable(self._socket)


_BROKEN: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)
