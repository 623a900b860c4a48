"""
Total deadlines for a caller's httpx client.

Its connections come from a network backend of httpcore's, which is wrapped here. This
reads attributes of httpx that are not public. Where they are missing, or the transport is
not httpx's own, nothing is wrapped: then httpx's timeouts are all there is, and each may
take as long as the whole.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from runpod_sdk._io.deadline import look_up, time_left


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
