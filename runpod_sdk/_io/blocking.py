"""The line of the sync client: a socket that blocks until a deadline."""

from __future__ import annotations

import select
import socket
import ssl
import sys
from typing import Self

import httpx

from runpod_sdk._io.deadline import look_up, time_left
from runpod_sdk._io.wire import MOST


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
            return self._socket.recv(MOST)
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
        return readable(self._socket)


def readable(sock: socket.socket) -> bool:
    """Tell whether there is something to read on *sock*, be it its end."""
    if sock.fileno() < 0:
        return True
    if sys.platform == "win32":
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
