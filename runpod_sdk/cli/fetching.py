"""
Fetch the files that an output links to.

The link comes from whoever ran the job, so it is not trusted: no key, cookie or password
goes along; only http and https are spoken, on every hop of a redirect; and only with hosts
of the public network, unless the endpoint itself is in a private one. A host is looked up
once, and its checked addresses are those that are connected to: a name that leads elsewhere
the second time leads nowhere. A proxy of the environment looks the name up itself.

A file has a maximum size and a total time, which bounds each read and write.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, BinaryIO, Final
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from runpod_sdk.cli.addresses import NotPublic, checked_addresses

LARGEST: Final = 2**30
"""Bytes of one file."""
LONGEST: Final = 600.0
"""Seconds for one file."""
_PATIENCE: Final = 30.0
_HOPS: Final = 5
_TOO_LONG: Final = "it took too long"
_FAULTS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    ImportError,  # a SOCKS proxy without socksio
    NotPublic,
    OSError,  # certificates that can't be read
    ValueError,
)


class NotFetched(Exception):
    """Why a link could not be followed to its end."""


def fetch(url: str, file: BinaryIO, *, largest: int = LARGEST, longest: float = LONGEST) -> bool:
    """
    Write what *url* leads to; tell whether that is a file, and no page for a browser.

    Raises:
        NotFetched: It can't be had, or may not.
    """
    deadline = time.monotonic() + longest
    headers = {"accept-encoding": "identity"}
    try:
        transport = _Transport(deadline)
        with httpx.Client(transport=transport, timeout=_PATIENCE, headers=headers) as client:
            request = client.build_request("GET", url)
            # Hop by hop, as a client that follows redirects by itself reads all of their bodies.
            for _ in range(_HOPS + 1):
                _check(request.url)
                with closing(client.send(request, stream=True)) as answer:
                    if answer.next_request is None:
                        return _take(answer, file, largest)
                    request = answer.next_request
    except _FAULTS as error:
        if time.monotonic() >= deadline:
            raise NotFetched(_TOO_LONG) from None
        raise NotFetched(str(error) or type(error).__name__) from None
    raise NotFetched(f"it leads on by more than {_HOPS} redirects")


def _check(url: httpx.URL) -> None:
    if url.userinfo:
        raise NotFetched("the link has a user name or a password")
    if url.scheme not in ("http", "https"):
        raise NotFetched(f"{url.scheme} is not followed")


def _take(answer: httpx.Response, file: BinaryIO, largest: int) -> bool:
    if not answer.is_success:
        raise NotFetched(f"HTTP {answer.status_code}")
    if answer.headers.get("content-type", "").lower().startswith("text/html"):
        return False
    packed = answer.headers.get("content-encoding", "identity").lower()
    if packed not in ("identity", "gzip", "deflate"):  # of others a piece may unpack to anything
        raise NotFetched(f"it comes packed as {packed}, which was not asked for")
    room = largest
    for piece in answer.iter_bytes():
        room -= len(piece)
        if room < 0:
            raise NotFetched(f"it is larger than {largest} bytes")
        file.write(piece)
    return True


class _Transport(httpx.BaseTransport):
    """Sends each request over a new connection, to the server or to a proxy, until a deadline."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._tls = httpx.create_ssl_context()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        pool = self._pool(request.url)
        try:
            answer = pool.handle_request(
                httpcore.Request(
                    request.method,
                    str(request.url),
                    headers=request.headers.raw,
                    extensions=request.extensions,
                )
            )
        except BaseException:
            pool.close()
            raise
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer, pool), request=request
        )

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = _proxy_for(url)
        network = _Network(self._deadline, judges=proxy is None)
        if proxy is None:
            return httpcore.ConnectionPool(self._tls, network_backend=network)
        checked_addresses(url.raw_host.decode("ascii"), url.port)
        cls = httpcore.SOCKSProxy if proxy.url.scheme.startswith("socks") else httpcore.HTTPProxy
        return cls(
            str(proxy.url),
            proxy_auth=proxy.raw_auth,
            ssl_context=self._tls,
            network_backend=network,
        )


def _proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    named = getproxies()
    name = named.get(url.scheme) or named.get("all")
    if not name or proxy_bypass(url.raw_host.decode("ascii")):
        return None
    try:
        return httpx.Proxy(name if "://" in name else f"http://{name}")
    except (ValueError, httpx.InvalidURL):  # whose words may hold a part of its password
        raise NotFetched(f"the {url.scheme} proxy that the environment names is no URL") from None


class _Body(httpx.SyncByteStream):
    """The body of an answer; to close it closes the connection."""

    def __init__(self, answer: httpcore.Response, pool: httpcore.ConnectionPool) -> None:
        self._answer = answer
        self._pool = pool

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
        self._pool.close()


class _Network(httpcore.NetworkBackend):
    """Opens connections on which nothing outlasts the deadline, to addresses that were checked."""

    def __init__(self, deadline: float, *, judges: bool) -> None:
        self._inner = httpcore.SyncBackend()
        self._deadline = deadline
        self._judges = judges

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in checked_addresses(host, port) if self._judges else [host]:
            left = _left(self._deadline, timeout)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
                return _Stream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _Stream(httpcore.NetworkStream):
    """A connection on which nothing outlasts the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._deadline, timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._deadline, timeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(deadline: float, timeout: float | None) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise NotFetched(_TOO_LONG)
    return left if timeout is None else min(timeout, left)
