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
from dataclasses import dataclass
from typing import Self

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
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        self._accepting = threading.Thread(target=self._accept, name="faults proxy")

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(PATIENCE)
        with self._lock:
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        for one in self._sockets:
            one.close()
        assert not [thread for thread in self._threads if thread.is_alive()]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            cut = self.cuts.pop(0) if self.cuts else None
            server = socket.create_connection(("127.0.0.1", self._port))
            with self._lock:
                self._sockets |= {client, server}
            stalled = threading.Event()
            for direction, source, sink in ((UP, client, server), (DOWN, server, client)):
                mine = cut if cut is not None and cut.direction == direction else None
                thread = threading.Thread(
                    target=self._forward,
                    args=(source, sink, client, server, mine, stalled),
                    name="faults proxy",
                )
                thread.start()
                self._threads.append(thread)

    def _forward(
        self,
        source: socket.socket,
        sink: socket.socket,
        client: socket.socket,
        server: socket.socket,
        cut: Cut | None,
        stalled: threading.Event,
    ) -> None:
        left = None if cut is None else cut.position
        direction = UP if source is client else DOWN
        pace = self._pace if self._pace and self._pace.direction == direction else None
        with suppress(OSError):
            while data := source.recv(65_536 if pace is None else pace.size):
                if pace is not None and self._closing.wait(pace.interval):
                    return
                if stalled.is_set():
                    self._closing.wait(PATIENCE)
                    return
                if left is None or len(data) <= left:
                    sink.sendall(data)
                    left = None if left is None else left - len(data)
                    continue
                assert cut is not None
                sink.sendall(data[:left])
                if cut.how == "stall":
                    stalled.set()
                    self._closing.wait(PATIENCE)
                    return
                if cut.how != "delay":
                    self._end(client, cut.how)
                    self._end(server, "close")
                    return
                self._closing.wait(self._delay)
                sink.sendall(data[left:])
                left = None
            with suppress(OSError):
                sink.shutdown(socket.SHUT_WR)

    def _end(self, one: socket.socket, how: str) -> None:
        with self._lock:
            self._sockets.discard(one)
        if how == "reset":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR if how == "close" else socket.SHUT_RD)
        one.close()
