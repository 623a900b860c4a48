"""
A server with configurable faults, byte by byte.

`Server` listens on 127.0.0.1 with a thread for each connection. It handles a request by a
`Behaviour`: a function of the `Exchange`, which returns whether the connection stays
open. The functions below create simple behaviours, which are combined by
`chain` (one after another, for one request), `in_turn` (one for each request) and
`by_endpoint` (chosen by the endpoint id in the path, so that one server and one client
serve any number of cases).

A request is not read before its behaviour is chosen, only peeked at: `unread` ones can
end the connection while the request still lies in the socket.
"""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

from tests.faults.sockets import TimedSocket
from tests.faults.virtual_time import TIME, Event

PATIENCE = 20.0
"""How long the server waits for its threads to end, in seconds."""

DRIPPING = 6.0
"""The duration of dripping in seconds: a client that waits for its end fails, but does not hang."""

FLOODING = 60.0
"""The same of a flood, most of which end sooner: a busy machine may take long over 100 MB."""


@dataclass
class Request:
    """The received part of one request."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes = b""

    @property
    def endpoint(self) -> str:
        """The endpoint id: the segment after `/v2`."""
        return self._segment(2)

    @property
    def operation(self) -> str:
        """The segment after the endpoint id, such as `status`."""
        return self._segment(3)

    def _segment(self, place: int) -> str:
        segments = self.path.split("?")[0].split("/")
        return segments[place] if len(segments) > place else ""


class Exchange:
    """One request on one connection, for a behaviour to handle."""

    def __init__(self, server: Server, connection: socket.socket, request: Request) -> None:
        self.server = server
        self.connection = connection
        self.request = request

    def read(self, most: int | None = None) -> None:
        """Read the request from the socket: all of it, or its first *most* bytes."""
        data = b""
        while True:
            head, end, body = data.partition(b"\r\n\r\n")
            wanted = most if most is not None else None
            if end and wanted is None:
                _read_head(self.request, head)
                wanted = len(head) + 4 + int(self.request.headers.get("content-length", 0))
            if wanted is not None and len(data) >= wanted:
                break
            more = self.connection.recv(
                65_536 if wanted is None else min(wanted - len(data), 2**20)
            )
            if not more:
                break
            data += more
        self.request.raw = data
        self.request.body = body

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def sleep(self, seconds: float) -> bool:
        """Wait for *seconds*; return True if the server is being closed."""
        return self.server.closing.wait(seconds)


Behaviour = Callable[[Exchange], bool]
"""Handles a request; returns True if the connection stays open."""


def unread(behaviour: Behaviour) -> Behaviour:
    """Create a behaviour that gets the request unread."""

    def act(exchange: Exchange) -> bool:
        return behaviour(exchange)

    act.unread = True  # type: ignore[attr-defined]
    return act


def chain(*behaviours: Behaviour) -> Behaviour:
    """Apply all *behaviours* to one request; the last one decides about the connection."""

    def act(exchange: Exchange) -> bool:
        return [behaviour(exchange) for behaviour in behaviours][-1]

    return unread(act) if any(hasattr(one, "unread") for one in behaviours) else act


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Apply one of *behaviours* to each request; repeat the last one."""
    lock = threading.Lock()
    waiting = list(behaviours)

    def act(exchange: Exchange) -> bool:
        with lock:
            behaviour = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return _do(behaviour, exchange)

    return unread(act)


def by_endpoint(make: Callable[[str], Behaviour]) -> Behaviour:
    """Choose by the request's endpoint id: *make* is called once for each id."""
    lock = threading.Lock()
    made: dict[str, Behaviour] = {}

    def act(exchange: Exchange) -> bool:
        id = exchange.request.endpoint
        with lock:
            if id not in made:
                made[id] = make(id)
        return _do(made[id], exchange)

    return unread(act)


def by_operation(**behaviours: Behaviour) -> Behaviour:
    """Choose by the operation in the path (`status_sync`, `run`, …), else `other`."""

    def act(exchange: Exchange) -> bool:
        name = exchange.request.operation.replace("-", "_")
        return _do(behaviours.get(name) or behaviours["other"], exchange)

    return unread(act)


def _do(behaviour: Behaviour, exchange: Exchange) -> bool:
    if not hasattr(behaviour, "unread"):
        exchange.read()
    return behaviour(exchange)


# -- The end of a connection


def close(exchange: Exchange) -> bool:
    """Close without a response."""
    return False


def reset(exchange: Exchange) -> bool:
    """Reset the connection: data in transit is lost."""
    linger = struct.pack("ii", 1, 0)
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    return False


def half_read(most: int) -> Behaviour:
    """Read at most *most* bytes of the request."""

    def act(exchange: Exchange) -> bool:
        exchange.read(most)
        return True

    return unread(act)


def silence(exchange: Exchange) -> bool:
    """Send no response, and keep the connection until the client closes it."""
    with suppress(OSError):
        while exchange.connection.recv(65_536):
            pass
    return False


@unread
def unread_silence(exchange: Exchange) -> bool:
    """Neither read nor respond."""
    exchange.server.closing.wait(PATIENCE)
    return False


# -- Bytes


def send(data: bytes) -> Behaviour:
    """Send *data*."""

    def act(exchange: Exchange) -> bool:
        exchange.send(data)
        return True

    return act


def drip(data: bytes, interval: float = 0.03) -> Behaviour:
    """Send *data* byte by byte, repeatedly, for longer than any client should wait."""

    def act(exchange: Exchange) -> bool:
        end = TIME.now() + DRIPPING
        while TIME.now() < end:
            for position in range(len(data)):
                if exchange.sleep(interval):
                    return False
                exchange.send(data[position : position + 1])
        return False

    return act


def flood(data: bytes, total: int) -> Behaviour:
    """Send *data* repeatedly, as fast as the client reads, *total* bytes in total."""
    block = data * max(1, 2**18 // len(data))

    def act(exchange: Exchange) -> bool:
        left, end = total, time.monotonic() + FLOODING
        while left > 0 and time.monotonic() < end and not exchange.server.closing.is_set():
            exchange.send(block[:left])
            left -= len(block)
        return False

    return act


def after(seconds: float) -> Behaviour:
    """Wait for *seconds*."""

    def act(exchange: Exchange) -> bool:
        return not exchange.sleep(seconds)

    return act


def head(
    status: int = 200, length: int | None = None, kind: str = "application/json", **headers: str
) -> bytes:
    """Return the head of a response; *headers* have `_` for `-`."""
    lines = [f"HTTP/1.1 {status} Said", f"content-type: {kind}"]
    if length is not None:
        lines.append(f"content-length: {length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(
    body: Any, status: int = 200, kind: str = "application/json", **headers: str
) -> Behaviour:
    """Respond with *body*, as JSON unless it is text or bytes, and keep the connection."""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else None
    if content is None:
        content = json.dumps(body).encode()
    return send(head(status, len(content), kind, **headers) + content)


@cache
def _packed_zeros(size: int, layers: int) -> bytes:
    return gzip.compress(_packed_zeros(size, layers - 1) if layers > 1 else bytes(size), 9)


def gzip_bomb(size: int, layers: int = 1) -> Behaviour:
    """Respond with *size* zeros, compressed by gzip *layers* times."""
    content = _packed_zeros(size, layers)
    return send(head(200, len(content), content_encoding=", ".join(["gzip"] * layers)) + content)


def echo(status: int, *, in_header: bool = False, template: str = "%s") -> Behaviour:
    """Respond with the request itself, as careless servers do in an error page."""

    def act(exchange: Exchange) -> bool:
        text = exchange.request.raw.decode("latin-1")
        if in_header:
            key = exchange.request.headers.get("authorization", "")
            exchange.send(head(status, 2, x_seen=key, www_authenticate=key) + b"{}")
        else:
            content = (template % text).encode()
            exchange.send(head(status, len(content), "text/plain") + content)
        return True

    return act


# -- The server


class Server:
    """
    Applies *behaviour* to each request, and records the requests.

    A context manager; at its end all connections are closed and all threads have ended.
    """

    def __init__(self, behaviour: Behaviour, *, buffer: int | None = None) -> None:
        """
        Listen on a free port.

        Args:
            buffer: The bytes that the system may receive before they are read; by default many.
        """
        self.behaviour = behaviour
        self.hello: Behaviour | None = None
        """Handles a connection before any data arrives, instead of serving it."""
        self.requests: list[Request] = []
        self.closing = Event()
        self.connections = 0
        """The number of accepted connections."""
        self._open: set[socket.socket] = set()
        self._by_endpoint: dict[str, list[Request]] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = TimedSocket.listen_on_loopback(backlog=1024)
        if buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v2"

    @property
    def open_connections(self) -> int:
        """The number of connections that the server has open."""
        with self._lock:
            return len(self._open)

    def asked(self, endpoint: str) -> list[Request]:
        """Return the requests to *endpoint*."""
        with self._lock:
            return list(self._by_endpoint.get(endpoint, ()))

    def __enter__(self) -> Self:
        self._accepting = TIME.start(self._accept, name="faults accept")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(PATIENCE)
        self._listener.close()  # not before: a thread must not wait for the file's next use
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not [thread for thread in self._threads if thread.is_alive()]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            thread = TIME.start(self._serve, connection, name="faults")
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]

    def _serve(self, connection: socket.socket) -> None:
        try:
            with suppress(OSError):
                if self.hello is not None:
                    self.hello(Exchange(self, connection, Request("", "")))
                while self.hello is None and not self.closing.is_set():
                    request = _peek(connection)
                    if request is None:
                        break
                    with self._lock:
                        self.requests.append(request)
                        self._by_endpoint.setdefault(request.endpoint, []).append(request)
                    if not _do(self.behaviour, Exchange(self, connection, request)):
                        break
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()


def _peek(connection: socket.socket) -> Request | None:
    """Return the request line without removing it; None if the client has closed."""
    line = b""
    while b"\r\n" not in line:
        before = len(line)
        line = connection.recv(8_192, socket.MSG_PEEK)
        if not line:
            return None
        if len(line) == before:
            time.sleep(0.001)  # a peek returns the same data again
    method, path, _ = line.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
    return Request(method, path)


def _read_head(request: Request, head: bytes) -> None:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.decode("latin-1").partition(":")
        request.headers[name.lower()] = value.strip()


@contextmanager
def closed_port() -> Iterator[str]:
    """Yield a base URL without a listener: the port is bound, so no other process uses it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v2"
