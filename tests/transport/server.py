"""A server that sends exact bytes, over connections that it counts."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import BinaryIO, Self

from tests.faults.sockets import TimedSocket, encrypted
from tests.faults.virtual_time import TIME

Say = Callable[["Visit"], bool]
"""Responds to one request; returns whether to keep the connection."""

GOOD = b'{"id": "j1", "status": "COMPLETED", "output": 1}'


class Visit:
    """One request: its connection, which request of which connection it is, and its text."""

    def __init__(self, sock: socket.socket, connection: int, turn: int, text: bytes) -> None:
        self.sock = sock
        self.connection = connection
        self.turn = turn
        self.text = text

    def say(self, body: bytes = GOOD, *headers: str, status: str = "200 OK") -> bool:
        """Send a response with *body* and additional headers; keep the connection."""
        lines = [f"HTTP/1.1 {status}", "content-type: application/json", *headers]
        if not any(line.startswith(("transfer-encoding", "content-length")) for line in headers):
            lines.append(f"content-length: {len(body)}")
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return True


def good(visit: Visit) -> bool:
    """Send a valid response, and keep the connection."""
    return visit.say()


class Server:
    """Listens on 127.0.0.1, a thread for each connection; `visits` are the requests so far."""

    def __init__(self, say: Say, tls: ssl.SSLContext | None = None) -> None:
        self._say = say
        self._tls = tls
        self._listener = TimedSocket.listen_on_loopback(backlog=512)
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.visits: list[Visit] = []
        self.connections = 0
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v2"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # also for TLS, without an alert
        for thread in self._threads:
            thread.join(10)
        for sock in (self._listener, *self._open):  # not before: a thread must not wait for it
            sock.close()

    def _start(self, work: Callable[..., None], *args: object) -> None:
        self._threads.append(TIME.start(work, *args, name="server"))

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            self._start(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, connection: int) -> None:
        turn = 0
        try:
            if self._tls is not None:
                sock = encrypted(sock, self._tls)
                self._open.append(sock)
            with sock, sock.makefile("rb") as file:
                while text := _request(file):
                    turn += 1
                    visit = Visit(sock, connection, turn, text)
                    self.visits.append(visit)
                    if not self._say(visit):
                        return
        except OSError:
            return


def _request(file: BinaryIO) -> bytes:
    """Read a request; return b"" if the connection ends before its last byte."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()
        if not line:
            return b""
        head += line
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    body = file.read(length)
    return head + body if len(body) == length else b""
