"""
Downloads of the files that an output links to.

A handler chooses the link, so the client does not trust it. It sends no key, cookie or password. It
uses http and https only, on every redirect, and connects to hosts of the public network only,
unless the endpoint itself is in a private network. A host is resolved once, and the client connects
to the checked addresses, so a name that resolves differently later has no effect. A proxy from the
environment gets such an address, not the name.

A file has a maximum size and a total time, which limits each read and write. A link may be signed,
so it is a secret: no log record, message or local variable in a traceback contains it.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Any, BinaryIO, Final
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from runpod_sdk._files.addresses import NotPublic, checked_addresses
from runpod_sdk._files.time_left import TimeLeft
from runpod_sdk._secret import Secret, clear_frames
from runpod_sdk._signals import interruption_in
from runpod_sdk.errors import DownloadError, WebPageError

_READ_TIMEOUT: Final = 30.0
_MAX_REDIRECTS: Final = 5
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


def download(
    url: Secret[str],
    file: BinaryIO,
    time_left: TimeLeft,
    *,
    endpoint_url: str | None = None,
    max_size: int,
) -> None:
    """
    Download *url* into *file*.

    Args:
        endpoint_url: The base URL of the endpoint whose output contains the link; None uses the
            environment's base URL.
        max_size: Largest size, in bytes.

    Raises:
        DownloadError: The download failed or is not allowed.
        WebPageError: The link leads to a web page.
        RunpodTimeoutError: No time is left.
    """
    before = sys.exception()
    try:
        _download(url.reveal(), file, time_left, endpoint_url, max_size)
    except BaseException as reason:
        clear_frames(reason, before)  # they have the link in them
        raise


def _download(
    url: str, file: BinaryIO, time_left: TimeLeft, endpoint_url: str | None, max_size: int
) -> None:
    before = sys.exception()
    try:
        transport = _Transport(time_left, endpoint_url)
        link = httpx.URL(url)
        # Without an httpx.Client, which logs the link; and hop by hop, as it would read all bodies.
        for _ in range(_MAX_REDIRECTS + 1):
            _check(link)
            request = httpx.Request("GET", link, headers=_HEADERS, extensions=_EXTENSIONS)
            with closing(transport.handle_request(request)) as response:
                if not response.has_redirect_location:
                    _take(response, file, max_size)
                    return
                link = link.join(response.headers["location"])
    except _FAULTS as fault:
        if (interruption := interruption_in(fault, before)) is not None:
            raise interruption from interruption.__cause__
        if time_left.over:
            raise time_left.error() from None
        raise DownloadError(str(fault) or type(fault).__name__) from None
    raise DownloadError(f"it leads on by more than {_MAX_REDIRECTS} redirects")


_HEADERS: Final = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "runpod_sdk"}
_EXTENSIONS: Final = {"timeout": httpx.Timeout(_READ_TIMEOUT).as_dict()}


def _check(url: httpx.URL) -> None:
    if url.userinfo:
        raise DownloadError("the link has a user name or a password")
    if url.scheme not in ("http", "https"):
        raise DownloadError(f"{url.scheme} is not followed")


def _take(response: httpx.Response, file: BinaryIO, max_size: int) -> None:
    if not response.is_success:
        raise DownloadError(f"HTTP {response.status_code}")
    if response.headers.get("content-type", "").lower().startswith("text/html"):
        raise WebPageError("the link leads to a web page, not to a file")
    packed = response.headers.get("content-encoding", "identity").lower()
    if packed not in ("identity", "gzip", "deflate"):  # of others a piece may unpack to anything
        raise DownloadError(f"it comes packed as {packed}, which was not asked for")
    room = max_size
    for piece in response.iter_bytes():
        room -= len(piece)
        if room < 0:
            raise DownloadError(f"it is larger than {max_size} bytes")
        file.write(piece)


class _Transport(httpx.BaseTransport):
    """Sends each request over a new connection, to the server or to a proxy, until a deadline."""

    def __init__(self, time_left: TimeLeft, endpoint_url: str | None) -> None:
        self._time_left = time_left
        self._endpoint_url = endpoint_url
        self._tls = httpx.create_ssl_context()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        proxy = _proxy_for(request.url)
        if proxy is None:
            network = _Network(self._time_left, self._endpoint_url)
            pool = httpcore.ConnectionPool(self._tls, network_backend=network)
            return self._send(request, request.url, pool)
        host = request.url.raw_host.decode("ascii")
        addresses = checked_addresses(host, request.url.port, self._endpoint_url)
        while True:
            address = addresses.pop(0)
            pool = self._through(proxy, _Tunnel(self._time_left, address, host))
            try:
                return self._send(request, request.url.copy_with(host=address), pool)
            except httpcore.ProxyError:
                if not addresses:
                    raise

    def _send(
        self, request: httpx.Request, url: httpx.URL, pool: httpcore.ConnectionPool
    ) -> httpx.Response:
        try:
            answer = pool.handle_request(
                httpcore.Request(
                    request.method,
                    str(url),
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

    def _through(self, proxy: httpx.Proxy, network: _Tunnel) -> httpcore.ConnectionPool:
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
        raise DownloadError(
            f"the {url.scheme} proxy that the environment names is no URL"
        ) from None


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

    def __init__(self, time_left: TimeLeft, endpoint_url: str | None) -> None:
        self._inner = httpcore.SyncBackend()
        self._time_left = time_left
        self._endpoint_url = endpoint_url

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        before = sys.exception()
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in checked_addresses(host, port, self._endpoint_url):
            left = self._time_left.of(timeout)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
                return _Stream(stream, self._time_left)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                if interruption_in(error, before) is not None:
                    raise
                failure = error
        raise failure


class _Tunnel(httpcore.NetworkBackend):
    """Connects to a proxy, for a tunnel to *address*; TLS in it is with *host*."""

    def __init__(self, time_left: TimeLeft, address: str, host: str) -> None:
        self._inner = httpcore.SyncBackend()
        self._time_left = time_left
        self._names = {address: host}

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._time_left.of(timeout)
        stream = self._inner.connect_tcp(host, port, left, local_address, socket_options)
        return _Stream(stream, self._time_left, self._names)


class _Stream(httpcore.NetworkStream):
    """A connection on which nothing outlasts the deadline."""

    def __init__(
        self,
        inner: httpcore.NetworkStream,
        time_left: TimeLeft,
        names: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._inner = inner
        self._time_left = time_left
        self._names = names
        """The hosts of addresses that TLS is to be spoken with."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._time_left.of(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._time_left.of(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._time_left.of(timeout)
        name = self._names.get(server_hostname or "", server_hostname)
        stream = self._inner.start_tls(ssl_context, name, left)
        return _Stream(stream, self._time_left, self._names)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
