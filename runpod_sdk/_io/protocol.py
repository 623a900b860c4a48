"""The line of the async client under asyncio: a protocol of one of its transports."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Final, Self, cast

import httpx

from runpod_sdk._io.blocking import readable
from runpod_sdk._io.connecting import connect

_AHEAD: Final = 2**20
"""Bytes that may have come without having been read."""


class ProtocolLine(asyncio.Protocol):
    """
    A connection of asyncio, which tells what has come as soon as it has.

    So a read that finds it there does not wait, nor does a write that the system takes. A
    stream of anyio does both, and asks the selector anew each time.
    """

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._come: deque[bytes] = deque()
        self._size = 0
        self._is_full = False
        """Whether what is written has to wait."""
        self._has_ended = False
        self._fault: Exception | None = None
        """What it has ended by, if not by the server's will."""
        self._waiting: asyncio.Future[None] | None = None

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None) -> Self:
        """Connect, to several addresses if need be."""
        try:
            sock = await connect(host, port)
            _, line = await asyncio.get_running_loop().create_connection(
                cls, sock=sock, ssl=tls, server_hostname=None if tls is None else host
            )  # where this fails, it closes the socket
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(str(error)) from error
        return line

    async def read(self) -> bytes:
        while not self._come:
            if self._fault is not None:
                raise httpx.ReadError(str(self._fault)) from self._fault
            if self._has_ended:
                return b""
            await self._news()
        data = self._come.popleft()
        if self._size > _AHEAD >= self._size - len(data) and not self._has_ended:
            self._transport.resume_reading()
        self._size -= len(data)
        return data

    async def write(self, data: bytes) -> None:
        if not self._has_ended:
            self._transport.write(data)
        while self._is_full and not self._has_ended:
            await self._news()
        if self._has_ended:
            raise httpx.WriteError(str(self._fault or "the server hung up")) from self._fault

    async def close(self) -> None:
        self._transport.close()  # over TLS, this says so to the server
        self._transport.abort()  # and this waits neither for its answer nor for what is left

    def readable(self) -> bool:
        return (
            bool(self._come)
            or self._has_ended
            or readable(self._transport.get_extra_info("socket"))
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._come.append(data)
        if self._size <= _AHEAD < self._size + len(data):
            self._transport.pause_reading()
        self._size += len(data)
        self._tell()

    def eof_received(self) -> None:
        self._has_ended = True
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_ended, self._fault = True, exc
        self._tell()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._tell()

    def _news(self) -> asyncio.Future[None]:
        """Return what is done as soon as anything has changed."""
        self._waiting = self._loop.create_future()
        return self._waiting

    def _tell(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
