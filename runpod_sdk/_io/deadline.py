"""
Total deadlines for blocking sockets.

A timeout of httpx is for each socket operation, so a server that sends a byte now and
then outlives them all. Here each operation gets at most the time that is left of the
deadline of the thread that carries it out.

Connections of our own ask for it. Of a caller's client, httpcore's network backend is
wrapped, which its connections come from. This reads attributes of httpx that are not
public. Where they are missing, or the transport is not httpx's own, nothing is wrapped:
then httpx's timeouts are all there is, and each may take as long as the whole. Not
bounded in any case: name look-up.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

_deadline: ContextVar[float | None] = ContextVar("runpod_sdk_deadline", default=None)


@contextlib.contextmanager
def deadline(limit: float | None) -> Iterator[None]:
    """Bound all that this thread does on wrapped connections to *limit* seconds from now."""
    token = _deadline.set(None if limit is None else time.monotonic() + limit)
    try:
        yield
    finally:
        _deadline.reset(token)


def enforce(client: httpx.Client) -> None:
    """Wrap the network backends of *client*; twice does no harm."""
    for transport in _transports(client):
        pool = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if isinstance(backend, httpcore.NetworkBackend) and not isinstance(backend, _Backend):
            pool._network_backend = _Backend(backend)  # type: ignore[union-attr]


def _transports(client: httpx.Client) -> Iterable[Any]:
    yield getattr(client, "_transport", None)
    yield from getattr(client, "_mounts", {}).values()


def time_left(late: type[Exception], timeout: float | None = None) -> float | None:
    """Return the seconds left to this thread, *timeout* at most; None is no limit."""
    at = _deadline.get()
    if at is None:
        return timeout
    left = at - time.monotonic()
    if left <= 0:
        raise late("the deadline has passed")
    return left if timeout is None else min(timeout, left)


def look_up(host: str, port: int, failed: type[Exception]) -> list[str]:
    """Return the addresses of *host*."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise failed(str(error)) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


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
        # An address at a time: each would get the whole timeout otherwise.
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in look_up(host, port, httpcore.ConnectError):
            left = time_left(httpcore.ConnectTimeout, timeout)
            try:
                return _Stream(
                    self._inner.connect_tcp(address, port, left, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

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
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, time_left(httpcore.ReadTimeout, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Straight to the socket: httpcore's own loop gives each piece the whole timeout.
        sock = self._inner.get_extra_info("socket")
        if isinstance(self._inner.get_extra_info("ssl_object"), ssl.SSLObject):  # TLS within TLS
            self._inner.write(buffer, time_left(httpcore.WriteTimeout, timeout))
            return
        view = memoryview(buffer)
        try:
            while view:
                sock.settimeout(time_left(httpcore.WriteTimeout, timeout))
                view = view[sock.send(view) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = time_left(httpcore.ConnectTimeout, timeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
