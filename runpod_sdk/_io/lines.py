"""The lines of the two clients: a socket that blocks until a deadline, and a stream of anyio."""

from __future__ import annotations

import select
import socket
import ssl
import sys
from typing import Final, Self

import anyio
import anyio.abc
import httpx

from runpod_sdk._io.deadline import look_up, time_left

_MOST: Final = 64 * 1024


class BlockingLine:
    """A socket. All that it does is bounded by the deadline of the thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None) -> Self:
        """Connect to one address after another, until one answers."""
        failure: httpx.TransportError = httpx.ConnectError(f"{host} has no address")
        for address in look_up(host, port, httpx.ConnectError):
            left = time_left(httpx.ConnectTimeout)
            try:
                sock = socket.create_connection((address, port), left)
            except TimeoutError as error:
                failure = httpx.ConnectTimeout(str(error))
            except OSError as error:
                failure = httpx.ConnectError(str(error))
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return cls(sock if tls is None else cls._encrypted(sock, host, tls))
        raise failure

    @staticmethod
    def _encrypted(sock: socket.socket, host: str, tls: ssl.SSLContext) -> ssl.SSLSocket:
        try:
            sock.settimeout(time_left(httpx.ConnectTimeout))
            return tls.wrap_socket(sock, server_hostname=host)
        except TimeoutError as error:
            sock.close()
            raise httpx.ConnectTimeout(str(error)) from error
        except OSError as error:
            sock.close()
            raise httpx.ConnectError(str(error)) from error
        except BaseException:
            sock.close()
            raise

    async def read(self) -> bytes:
        self._socket.settimeout(time_left(httpx.ReadTimeout))
        try:
            return self._socket.recv(_MOST)
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ReadError(str(error)) from error

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:  # not `sendall`: over TLS, each piece would get the whole time
                self._socket.settimeout(time_left(httpx.WriteTimeout))
                view = view[self._socket.send(view) :]
        except TimeoutError as error:
            raise httpx.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpx.WriteError(str(error)) from error

    async def close(self) -> None:
        self._socket.close()

    def readable(self) -> bool:
        return _readable(self._socket)


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
            return await self._stream.receive(_MOST)
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
        return _readable(self._socket)


_BROKEN: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


def _readable(sock: socket.socket) -> bool:
    if sock.fileno() < 0:
        return True
    if sys.platform == "win32":
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
