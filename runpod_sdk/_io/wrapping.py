"""
Total deadlines for a caller's httpx client.

Its connections come from a network backend of httpcore's, which is wrapped here: what it does
is bounded by the attempt of the thread, and a host's addresses are tried at the same time. This
reads attributes of httpx and httpcore that are not public. Where they are missing, or the
transport is not httpx's own, nothing is wrapped: then httpx's timeouts are all there is, and
each may take as long as the whole.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterable
from typing import Any, Final

import httpcore
import httpx
from httpcore._backends.sync import SyncBackend, SyncStream

from runpod_sdk._io.blocking import encrypted
from runpod_sdk._io.happy_eyeballs import connect
from runpod_sdk._io.socket_deadline import SocketErrors, time_left

_CONNECTING: Final = SocketErrors(httpcore.ConnectTimeout, httpcore.ConnectError)
_READING: Final = SocketErrors(httpcore.ReadTimeout, httpcore.ReadError)
_WRITING: Final = SocketErrors(httpcore.WriteTimeout, httpcore.WriteError)


def enforce(client: httpx.Client) -> None:
    """Wrap the network backends of *client*; twice does no harm."""
    for transport in transports_of(client):
        pool = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if isinstance(backend, httpcore.NetworkBackend) and not isinstance(backend, _Backend):
            pool._network_backend = _Backend(backend)  # type: ignore[union-attr]


def transports_of(client: httpx.Client | httpx.AsyncClient) -> Iterable[Any]:
    """Return the transports of *client*, with and without a proxy."""
    yield getattr(client, "_transport", None)
    yield from getattr(client, "_mounts", {}).values()


def expire_idle_connections(client: httpx.Client | httpx.AsyncClient) -> None:
    """
    Have *client* use none of the connections again that are idle now.

    Another thread may be about to use one, so none is closed here: the pool does that, when it
    looks for a connection.
    """
    for transport in transports_of(client):
        for connection in getattr(getattr(transport, "_pool", None), "connections", []):
            while (inner := getattr(connection, "_connection", None)) is not None:
                connection = inner
            if hasattr(connection, "_expire_at") and connection.is_idle():
                connection._expire_at = 0.0


class _Backend(httpcore.NetworkBackend):
    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if type(self._inner) is not SyncBackend:  # of the caller's own making
            left = time_left(httpcore.ConnectTimeout, timeout)
            return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options))
        sock = connect(
            host,
            port,
            _CONNECTING,
            timeout=timeout,
            local_address=local_address,
            options=socket_options or (),
        )
        return _Stream(SyncStream(sock))

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = time_left(httpcore.ConnectTimeout, timeout)
        return _Stream(self._inner.connect_unix_socket(path, left, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(time_left(httpcore.ConnectTimeout, seconds) or 0.0)


class _Stream(httpcore.NetworkStream):
    """A stream of httpcore's, used by its socket where it has one."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        sock = inner.get_extra_info("socket")
        within = isinstance(inner.get_extra_info("ssl_object"), ssl.SSLObject)  # TLS within TLS
        self._socket = sock if isinstance(sock, socket.socket) and not within else None
        if self._socket is not None:
            self._socket.setblocking(False)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        sock = self._socket
        if sock is None:
            return self._inner.read(max_bytes, time_left(httpcore.ReadTimeout, timeout))
        return _READING.carry_out(sock, sock.recv, max_bytes, timeout=timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        sock = self._socket
        if sock is None:
            self._inner.write(buffer, time_left(httpcore.WriteTimeout, timeout))
            return
        view = memoryview(buffer)
        while view:
            view = view[_WRITING.carry_out(sock, sock.send, view, timeout=timeout) :]

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # wakes a thread that waits for it
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._inner.close()

    def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        if self._socket is None or isinstance(self._socket, ssl.SSLSocket):
            left = time_left(httpcore.ConnectTimeout, timeout)
            if self._socket is not None:
                self._socket.settimeout(left)
            return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))
        sock = encrypted(self._socket, server_hostname or "", ssl_context, _CONNECTING, timeout)
        return _Stream(SyncStream(sock))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
