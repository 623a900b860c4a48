"""The sync client's network stream: a socket, within the attempt's time limit."""

from __future__ import annotations

import socket
import ssl
from typing import Final, Self

from runpod_sdk._io.http11.connection import READ_SIZE, OnData
from runpod_sdk._io.http11.happy_eyeballs import LookUps, connect, limit_unacknowledged
from runpod_sdk._io.socket_deadline import SocketErrors, Wants, is_ready
from runpod_sdk._io.transport_errors import (
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    WriteError,
    WriteTimeout,
)
from runpod_sdk._signals import raised_by_signal_handler

_CONNECTING: Final = SocketErrors(ConnectTimeout, ConnectError)
_READING: Final = SocketErrors(ReadTimeout, ReadError)
_WRITING: Final = SocketErrors(WriteTimeout, WriteError)


class SocketStream:
    """A socket stream. The time limit of the thread's attempt bounds each operation."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._is_plain = not isinstance(sock, ssl.SSLSocket)

    @classmethod
    async def open(
        cls, look_ups: LookUps, host: str, port: int, tls: ssl.SSLContext | None
    ) -> Self:
        """Connect to the address of *host* that answers first."""
        sock = connect(host, port, _CONNECTING, look_ups=look_ups)
        try:
            if tls is not None:
                sock = encrypted(sock, host, tls, _CONNECTING)
            return cls(sock)
        except BaseException:
            sock.close()
            raise

    async def read(self) -> bytes:
        if self._is_plain:  # there is no TLS buffer that may contain data
            _READING.wait(self._socket, Wants.READ, timeout=None)
        return _READING.run(self._socket, self._socket.recv, READ_SIZE, timeout=None)

    async def write(self, data: bytes | memoryview, on_data: OnData | None = None) -> bool:
        view = memoryview(data)
        while view:
            if on_data is None:
                sent = _WRITING.run(self._socket, self._socket.send, view, timeout=None)
                view = view[sent:]
                continue
            _WRITING.wait(self._socket, Wants.EITHER, timeout=None)
            if self.readable():
                received = _READING.attempt(self._socket.recv, READ_SIZE)
                if not isinstance(received, Wants) and on_data(received):
                    return False
            written = _WRITING.attempt(self._socket.send, view)
            view = view[0 if isinstance(written, Wants) else written :]
        return True

    def limit_unacknowledged(self, seconds: float) -> None:
        limit_unacknowledged(self._socket, seconds)

    def has_unsent(self) -> bool:
        return False  # an interruption may occur right after the last byte was sent

    async def close(self) -> None:
        self._socket.close()

    def release(self) -> None:
        self._socket.close()

    def readable(self) -> bool:
        return is_ready(self._socket, timeout=0)


def encrypted(
    sock: socket.socket,
    host: str,
    tls: ssl.SSLContext,
    errors: SocketErrors,
    timeout: float | None = None,
) -> ssl.SSLSocket:
    """Return *sock* with TLS; close it if that fails."""
    try:
        wrapped = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    except BaseException as error:
        sock.close()
        if isinstance(error, OSError) and not raised_by_signal_handler(error):
            raise errors.failed(str(error)) from error
        raise
    try:
        errors.run(wrapped, wrapped.do_handshake, timeout=timeout)
    except BaseException:
        wrapped.close()
        raise
    return wrapped
