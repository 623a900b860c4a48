"""
Total deadlines and early responses for a caller's httpx client.

This module wraps the network backend of httpcore, or of httpcore2 for clients of httpx2. In a sync
client, the thread's attempt limits each operation, and a host's addresses are tried concurrently.
During a large upload, both kinds read early responses: httpcore reads a response after a
`WriteError`, so an early response raises one. This module reads private attributes of httpx and
httpcore. If they are missing, or the transport is not httpx's own, nothing is wrapped, and only
httpx's timeouts apply, each as long as the whole limit.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

import anyio
import anyio.lowlevel
import httpcore
from attrs import frozen

from runpod_sdk._io.http11.connection import READ_SIZE
from runpod_sdk._io.http11.happy_eyeballs import connect
from runpod_sdk._io.http11.socket_stream import encrypted
from runpod_sdk._io.httpx_over_pool import AsyncPooledTransport, PooledTransport
from runpod_sdk._io.socket_deadline import SocketErrors, Wants, is_ready, time_left
from runpod_sdk._signals import ignored, interruption_in

_EARLY_RESPONSE: Final = "the server answered before all was sent"
_listens: ContextVar[bool] = ContextVar("runpod_sdk_hears", default=False)


@frozen
class _Library:
    """httpcore or httpcore2: the exceptions and streams of its connections."""

    module: Any
    stream: Any
    backend: type[Any]
    connecting: SocketErrors
    reading: SocketErrors
    writing: SocketErrors

    def over(self, sock: socket.socket, listens: bool) -> _DeadlineStream:
        """Return a stream over *sock*; close it if that fails."""
        try:
            return _DeadlineStream(self.stream(sock), listens, self)
        except BaseException:
            sock.close()
            raise


def _library_of(backend: object) -> _Library | None:
    """Return the library of a network backend; None for other objects."""
    for name in ("httpcore", "httpcore2"):
        module: Any = sys.modules.get(name)
        if module and isinstance(backend, module.NetworkBackend | module.AsyncNetworkBackend):
            return _library(name)
    return None


@lru_cache
def _library(name: str) -> _Library:
    module: Any = import_module(name)
    backends: Any = import_module(f"{name}._backends.sync")
    return _Library(
        module,
        backends.SyncStream,
        backends.SyncBackend,
        SocketErrors(module.ConnectTimeout, module.ConnectError),
        SocketErrors(module.ReadTimeout, module.ReadError),
        SocketErrors(module.WriteTimeout, module.WriteError),
    )


def bound_by_deadline(client: object) -> None:
    """Wrap the network backends of *client*, unless they are wrapped already."""
    for transport in transports_of(client):
        pool: Any = getattr(transport, "_pool", None)
        backend: Any = getattr(pool, "_network_backend", None)
        speaks_http1 = getattr(pool, "_http1", False)
        library = _library_of(backend)
        if library is None or isinstance(backend, _DeadlineBackend | _AsyncListeningBackend):
            continue
        if isinstance(backend, library.module.NetworkBackend):
            pool._network_backend = _DeadlineBackend(backend, speaks_http1, library)
        elif isinstance(backend, library.module.AsyncNetworkBackend):
            pool._network_backend = _AsyncListeningBackend(backend, speaks_http1, library)


@contextlib.contextmanager
def reading_while_sending(is_large: bool) -> Iterator[None]:
    """Read early responses while this thread or task sends a body, if *is_large*."""
    token = _listens.set(is_large)
    try:
        yield
    finally:
        _listens.reset(token)


def transports_of(client: object) -> Iterable[Any]:
    """Return the transports of *client*, with and without a proxy."""
    yield getattr(client, "_transport", None)
    yield from getattr(client, "_mounts", {}).values()


def expire_idle_connections(client: object, *, forked: bool = False) -> None:
    """
    Let *client* use none of its idle connections again.

    The pool closes them later, when it looks for a connection. A connection that another thread or
    task has got, but not begun to use, is idle too: it is left alone, as the pool would close it
    during that request. An HTTP/2 connection may be broken although it is in use: it gets no new
    requests.

    Args:
        forked: The process was forked just now. It has one thread, and one of the parent may hold
            the pool's lock.
    """
    for transport in transports_of(client):
        if isinstance(transport, PooledTransport | AsyncPooledTransport):
            transport.drop_idle()
        pool: Any = getattr(transport, "_pool", None)
        no_lock = contextlib.nullcontext()
        with no_lock if forked else getattr(pool, "_optional_thread_lock", no_lock):
            in_use = {id(one.connection) for one in getattr(pool, "_requests", ())}
            for connection in getattr(pool, "connections", ()):
                _expire(connection, is_idle=id(connection) not in in_use)


def _expire(connection: Any, *, is_idle: bool) -> None:
    while (inner := getattr(connection, "_connection", None)) is not None:
        connection = inner
    if hasattr(connection, "_used_all_stream_ids"):
        connection._used_all_stream_ids = True
    if hasattr(connection, "_expire_at") and is_idle and connection.is_idle():
        connection._expire_at = 0.0


def _can_listen(stream: httpcore.NetworkStream | httpcore.AsyncNetworkStream) -> bool:
    """Return whether *stream* can only be HTTP/1.1, so that all received data is a response."""
    tls = stream.get_extra_info("ssl_object")
    return tls is None or tls.selected_alpn_protocol() != "h2"


def _has_response(received: bytes) -> bool:
    """Return whether *received* contains more than interim (1xx) responses."""
    while received.startswith(b"HTTP/1.1 1"):
        _, _, received = received.partition(b"\r\n\r\n")
    return bool(received)


class _DeadlineBackend(httpcore.NetworkBackend):
    def __init__(self, inner: httpcore.NetworkBackend, listens: bool, library: _Library) -> None:
        self._inner = inner
        self._library = library
        self._listens = listens

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if type(self._inner) is not self._library.backend:  # a backend of the caller
            left = time_left(self._library.module.ConnectTimeout, timeout)
            return _DeadlineStream(
                self._inner.connect_tcp(host, port, left, local_address, socket_options),
                self._listens,
                self._library,
            )
        sock = connect(
            host,
            port,
            self._library.connecting,
            timeout=timeout,
            local_address=local_address,
            options=socket_options or (),
        )
        return self._library.over(sock, self._listens)

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = time_left(self._library.module.ConnectTimeout, timeout)
        return _DeadlineStream(
            self._inner.connect_unix_socket(path, left, socket_options),
            self._listens,
            self._library,
        )

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(time_left(self._library.module.ConnectTimeout, seconds) or 0.0)


class _DeadlineStream(httpcore.NetworkStream):
    """A network stream of httpcore, used by its socket if it has one."""

    def __init__(self, inner: httpcore.NetworkStream, listens: bool, library: _Library) -> None:
        self._inner = inner
        self._library = library
        self._listens = listens and _can_listen(inner)
        self._received = b""
        """The data received during a write, and not read yet."""
        self._process = os.getpid()
        """The process in which the socket may be shut down, as opposed to its forks."""
        sock = inner.get_extra_info("socket")
        within = isinstance(inner.get_extra_info("ssl_object"), ssl.SSLObject)  # TLS within TLS
        self._socket = sock if isinstance(sock, socket.socket) and not within else None
        if self._socket is not None:
            self._socket.setblocking(False)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._received:
            received, self._received = self._received[:max_bytes], self._received[max_bytes:]
            return received
        sock = self._socket
        if sock is None:
            return self._inner.read(max_bytes, time_left(self._library.module.ReadTimeout, timeout))
        return self._library.reading.run(sock, sock.recv, max_bytes, timeout=timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        sock = self._socket
        if sock is None:
            self._inner.write(buffer, time_left(self._library.module.WriteTimeout, timeout))
            return
        view = memoryview(buffer)
        while view:
            if not (self._listens and _listens.get()):
                view = view[self._library.writing.run(sock, sock.send, view, timeout=timeout) :]
                continue
            self._library.writing.wait(sock, Wants.EITHER, timeout=timeout)
            if is_ready(sock, timeout=0):
                received = self._library.reading.attempt(sock.recv, READ_SIZE)
                if not isinstance(received, Wants):
                    self._received += received
                    if not received or _has_response(self._received):
                        raise self._library.module.WriteError(_EARLY_RESPONSE)
            sent = self._library.writing.attempt(sock.send, view)
            view = view[0 if isinstance(sent, Wants) else sent :]

    def close(self) -> None:
        if self._socket is not None and self._process == os.getpid():
            with ignored(OSError):  # wakes a thread that waits for the socket
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._inner.close()

    def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        if self._socket is None or isinstance(self._socket, ssl.SSLSocket):
            left = time_left(self._library.module.ConnectTimeout, timeout)
            if self._socket is not None:
                self._socket.settimeout(left)
            return _DeadlineStream(
                self._inner.start_tls(ssl_context, server_hostname, left),
                self._listens,
                self._library,
            )
        sock = encrypted(
            self._socket, server_hostname or "", ssl_context, self._library.connecting, timeout
        )
        return self._library.over(sock, self._listens)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _AsyncListeningBackend(httpcore.AsyncNetworkBackend):
    def __init__(
        self, inner: httpcore.AsyncNetworkBackend, listens: bool, library: _Library
    ) -> None:
        self._inner = inner
        self._library = library
        self._listens = listens

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        return _AsyncListeningStream(
            await self._inner.connect_tcp(*args, **options), self._listens, self._library
        )

    async def connect_unix_socket(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        return _AsyncListeningStream(
            await self._inner.connect_unix_socket(*args, **options), self._listens, self._library
        )

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _AsyncListeningStream(httpcore.AsyncNetworkStream):
    """A network stream of httpcore, read during a large upload."""

    def __init__(
        self, inner: httpcore.AsyncNetworkStream, listens: bool, library: _Library
    ) -> None:
        self._inner = inner
        self._library = library
        self._listens = listens and _can_listen(inner)
        self._received = b""
        """The data received during a write, and not read yet."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._received:
            received, self._received = self._received[:max_bytes], self._received[max_bytes:]
            return received
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not (self._listens and _listens.get()):
            await self._inner.write(buffer, timeout)
            return
        before = sys.exception()
        fault: Exception | None = None
        has_response = False

        async def listen() -> None:
            nonlocal has_response
            try:
                while not has_response:
                    received = await self._inner.read(READ_SIZE)
                    self._received += received
                    has_response = not received or _has_response(self._received)
            except (
                self._library.module.NetworkError,
                self._library.module.TimeoutException,
            ) as error:
                if interruption_in(error, before) is not None:
                    raise
            has_response = True
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            # Read received data before a write that would fail and lose it.
            while self._inner.get_extra_info("is_readable") and not has_response:
                await anyio.lowlevel.checkpoint()
            try:
                await self._inner.write(buffer, timeout)
            except (
                self._library.module.NetworkError,
                self._library.module.TimeoutException,
            ) as error:
                fault = error
            group.cancel_scope.cancel()
        if has_response or fault is not None:
            raise fault or self._library.module.WriteError(_EARLY_RESPONSE)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        return _AsyncListeningStream(
            await self._inner.start_tls(*args, **options), self._listens, self._library
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
