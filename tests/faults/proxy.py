"""
A TCP proxy that breaks connections at a given byte, or slows them down, in either direction.

Between a client and a correct server, it applies a `Cut` to each connection, and forwards bytes at
a `Pace`. It does not interpret the bytes, so it works with TLS, too.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from tests.faults.sockets import TimedSocket
from tests.faults.virtual_time import TIME, Event

PATIENCE = 20.0

UP, DOWN = "up", "down"


@dataclass(frozen=True)
class Cut:
    """A fault of a connection: after *position* bytes in *direction*, apply *how*."""

    direction: str
    position: int
    how: str
    """`close`, `reset`, `stall` (forward nothing more) or `delay` (for a while)."""


@dataclass(frozen=True)
class Pace:
    """A slow connection: *size* bytes in *direction* every *interval* seconds."""

    direction: str
    size: int
    interval: float


@dataclass(eq=False)
class _Link:
    """A client's connection and the one to the server, which a thread for each direction uses."""

    client: socket.socket
    server: socket.socket
    cut: Cut | None
    users: set[str] = field(default_factory=lambda: {UP, DOWN})
    """The directions whose threads use the sockets."""
    is_stalled: bool = False
    has_ended: bool = False

    def end(self, how: str) -> None:
        """End both connections, the client's as *how* says, when both threads have left."""
        self.has_ended = True
        if how == "reset":
            linger = struct.pack("ii", 1, 0)
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR if how == "close" else socket.SHUT_RD)
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)


class Proxy:
    """
    Forwards connections to *port*; applies the n-th of *cuts* to the n-th connection, if any.

    The proxy buffers little data of a client. A context manager; at its end all connections are
    closed and all threads have ended.
    """

    def __init__(
        self,
        port: int,
        cuts: Sequence[Cut | None] = (),
        delay: float = 0.15,
        pace: Pace | None = None,
    ) -> None:
        self.cuts = list(cuts)
        self.connections = 0
        self._pace = pace
        self._port = port
        self._delay = delay
        self._closing = Event()
        self._threads: list[threading.Thread] = []
        self._links: set[_Link] = set()
        self._lock = threading.Lock()
        self._listener = TimedSocket.listen_on_loopback(backlog=64)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2"

    def __enter__(self) -> Self:
        self._accepting = TIME.start(self._accept, name="faults proxy")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(PATIENCE)
        self._listener.close()
        with self._lock:
            for link in self._links:
                link.end("close")
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not [thread for thread in self._threads if thread.is_alive()]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            cut = self.cuts.pop(0) if self.cuts else None
            link = _Link(client, TimedSocket.connected_to(self._port), cut)
            with self._lock:
                self._links.add(link)
            for direction in (UP, DOWN):
                self._threads.append(
                    TIME.start(self._forward, link, direction, name="faults proxy")
                )

    def _forward(self, link: _Link, direction: str) -> None:
        with suppress(OSError):
            self._forward_all(link, direction)
        with self._lock:
            link.users.discard(direction)
            if not link.users:  # no thread waits for the sockets
                link.client.close()
                link.server.close()
                self._links.discard(link)

    def _forward_all(self, link: _Link, direction: str) -> None:
        source, sink = link.client, link.server
        if direction == DOWN:
            source, sink = sink, source
        cut = link.cut if link.cut and link.cut.direction == direction else None
        left = None if cut is None else cut.position
        pace = self._pace if self._pace and self._pace.direction == direction else None
        while data := source.recv(65_536 if pace is None else pace.size):
            if pace is not None and self._closing.wait(pace.interval):
                return
            if link.is_stalled:
                self._closing.wait(PATIENCE)
                return
            if cut is None or left is None or len(data) <= left:
                sink.sendall(data)
                left = None if left is None else left - len(data)
                continue
            sink.sendall(data[:left])
            if cut.how == "stall":
                link.is_stalled = True
                self._closing.wait(PATIENCE)
                return
            if cut.how != "delay":
                link.end(cut.how)
                return
            self._closing.wait(self._delay)
            sink.sendall(data[left:])
            left = None
        if not link.has_ended:
            sink.shutdown(socket.SHUT_WR)
