"""Sockets of test servers, which wait in the time of their thread, virtual or real."""

from __future__ import annotations

import errno
import select
import socket
import ssl
from collections.abc import Callable
from typing import Any, Self, TypeVar

from tests.faults.virtual_time import TIME

T = TypeVar("T")


def _wait(sock: socket.socket, events: int) -> None:
    if sock.fileno() < 0:
        raise OSError(errno.EBADF, "the socket is closed")
    TIME.wait({sock.fileno(): events})


class TimedSocket(socket.socket):
    """A socket that waits in the time of its thread."""

    @classmethod
    def listen_on_loopback(cls, backlog: int) -> Self:
        """Return a socket that listens on 127.0.0.1."""
        return cls._of(socket.create_server(("127.0.0.1", 0), backlog=backlog))

    @classmethod
    def connected_to(cls, port: int) -> Self:
        """Return a connection to *port* of 127.0.0.1."""
        return cls._of(socket.create_connection(("127.0.0.1", port)))

    @classmethod
    def _of(cls, sock: socket.socket) -> Self:
        # Otherwise the system may wait before it sends, and no clock knows of that.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(fileno=sock.detach())

    def accept(self) -> tuple[TimedSocket, Any]:
        _wait(self, select.POLLIN)
        accepted, address = super().accept()
        return self._of(accepted), address

    def recv(self, *args: Any) -> bytes:
        _wait(self, select.POLLIN)
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        _wait(self, select.POLLIN)
        return super().recv_into(*args)

    def sendall(self, data: Any, *_: int) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[self.send(left, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                _wait(self, select.POLLOUT)


class _TimedTLS(ssl.SSLSocket):
    """A socket with TLS that waits in the time of its thread."""

    def read(self, *args: Any) -> Any:
        return self._until_done(super().read, *args)

    def send(self, *args: Any) -> int:
        return self._until_done(super().send, *args)

    def do_handshake(self, block: bool = False) -> None:
        self._until_done(super().do_handshake)

    def _until_done(self, operation: Callable[..., T], *args: Any) -> T:
        while True:
            try:
                return operation(*args)
            except ssl.SSLWantReadError:
                _wait(self, select.POLLIN)
            except ssl.SSLWantWriteError:
                _wait(self, select.POLLOUT)
            except ValueError as error:  # another thread has closed the socket
                raise OSError(str(error)) from error


def encrypted(sock: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
    """Return a server's connection with TLS, after the handshake."""
    tls.sslsocket_class = _TimedTLS
    wrapped = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    wrapped.setblocking(False)
    try:
        wrapped.do_handshake()
    except OSError:
        wrapped.close()
        raise
    return wrapped
