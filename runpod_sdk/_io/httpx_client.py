"""The transport by httpx: a caller's client, or the package's for a proxy, a mock or a tracer."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, TypeVar

import httpx

from runpod_sdk._flows.deadline import PROGRESS, TimeLimit
from runpod_sdk._flows.io import Request, Response
from runpod_sdk._io import certificates, http_common, proxies, transport_errors
from runpod_sdk._io.body import ResponseBody
from runpod_sdk._io.http11.happy_eyeballs import limit_unsent
from runpod_sdk._io.httpx_deadline import (
    bound_by_deadline,
    expire_idle_connections,
    reading_while_sending,
)
from runpod_sdk._io.httpx_over_pool import (
    EXTENSION,
    AsyncPooledTransport,
    Exchange,
    PooledTransport,
)
from runpod_sdk._io.identity import Identity
from runpod_sdk._io.transport_errors import CloseError, ConnectTimeout, HTTPError, ReadTimeout
from runpod_sdk._types import AsyncHttpClient, HttpClient
from runpod_sdk.errors import ClientClosedError
from runpod_sdk.settings import Config

P = TypeVar("P", Iterator[bytes], AsyncIterator[bytes])

_LONGEST = 86_400.0  # accepted by every platform's sockets
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100)


def _library_of(http_client: object, cls: type[Any]) -> Any:
    """
    Return httpx or httpx2, the module of the caller's client.

    Raises:
        TypeError: The client belongs to neither, or is not of the kind of *cls*, sync or async.
    """
    for library in (httpx, sys.modules.get("httpx2")):
        if library is not None and isinstance(http_client, getattr(library, cls.__name__)):
            return library
    given = type(http_client)
    raise TypeError(
        f"http_client must be an httpx.{cls.__name__} or httpx2.{cls.__name__},"
        f" not {given.__module__}.{given.__name__}"
    )


@contextlib.contextmanager
def _translated_errors(client: Any) -> Iterator[None]:
    """Raise the exception of `transport_errors` for one of httpx or httpx2."""
    try:
        yield
    except Exception as error:
        if type(error) is RuntimeError and client.is_closed:  # by another thread, just before
            raise CloseError(str(error), source=error) from error
        for cls in type(error).__mro__:
            own = vars(transport_errors).get(cls.__name__)
            if own is not None and cls.__module__ in ("httpx", "httpx2"):
                raise own(str(error), source=error) from error
        raise


class HttpxSender:
    """Sends the sync client's requests by an httpx client; blocks, and never suspends."""

    def __init__(
        self,
        config: Config,
        client: HttpClient | None = None,
        *,
        transport: PooledTransport | None = None,
    ) -> None:
        """
        Use the caller's client, or create one.

        Args:
            transport: The transport of the created client. By default it is httpx's own.
        """
        self._client: Any = (
            httpx.Client(**_options(config, transport)) if client is None else client
        )
        self._library = _library_of(self._client, httpx.Client)
        self._pooled = transport is not None
        bound_by_deadline(self._client)

    async def send(
        self, request: Request, limit: TimeLimit, trace: http_common.SendTrace, identity: Identity
    ) -> Response:
        """Send *request* and read the whole response."""
        exchange = Exchange(request, limit, trace, identity)
        outgoing = _request(self._client, exchange, self._library, pooled=self._pooled)
        outgoing.extensions["trace"] = trace.note
        trace.untraced()
        try:
            with _translated_errors(self._client):
                with reading_while_sending(isinstance(outgoing.stream, _Upload)):
                    response = self._client.send(
                        outgoing, auth=None, follow_redirects=False, stream=True
                    )
                try:
                    with contextlib.closing(response):
                        if exchange.response is not None:
                            return exchange.response
                        reader = _BodyReader(identity, response, limit)
                        trace.response_started(reader.body)
                        for piece in reader.pieces(response.iter_bytes, response.iter_raw):
                            if not reader.add(piece):
                                break
                    return reader.response(partial(expire_idle_connections, self._client))
                finally:
                    _break_cycle(response, self._library)
        except HTTPError:
            expire_idle_connections(self._client)
            raise

    async def close(self) -> None:
        self._client.close()

    def drop_idle(self) -> None:
        """Do not use the idle connections again; for a process that was forked just now."""
        expire_idle_connections(self._client, forked=True)


class AsyncHttpxSender:
    """Sends the async client's requests by an httpx client."""

    def __init__(
        self,
        config: Config,
        client: AsyncHttpClient | None = None,
        *,
        transport: AsyncPooledTransport | None = None,
    ) -> None:
        """
        Use the caller's client, or create one.

        Args:
            transport: The transport of the created client. By default it is httpx's own.
        """
        self._client: Any = (
            httpx.AsyncClient(**_options(config, transport)) if client is None else client
        )
        self._library = _library_of(self._client, httpx.AsyncClient)
        self._pooled = transport is not None
        bound_by_deadline(self._client)

    async def send(
        self, request: Request, limit: TimeLimit, trace: http_common.SendTrace, identity: Identity
    ) -> Response:
        """Send *request* and read the whole response."""
        exchange = Exchange(request, limit, trace, identity)
        outgoing = _request(self._client, exchange, self._library, pooled=self._pooled)
        outgoing.extensions["trace"] = partial(_note, trace)
        trace.untraced()
        try:
            with _translated_errors(self._client):
                with reading_while_sending(isinstance(outgoing.stream, _Upload)):
                    response = await self._client.send(
                        outgoing, auth=None, follow_redirects=False, stream=True
                    )
                try:
                    async with contextlib.aclosing(response):
                        if exchange.response is not None:
                            return exchange.response
                        reader = _BodyReader(identity, response, limit)
                        trace.response_started(reader.body)
                        pieces: Any = reader.pieces(response.aiter_bytes, response.aiter_raw)
                        async with contextlib.aclosing(pieces):  # trio reports an open generator
                            async for piece in pieces:
                                if not reader.add(piece):
                                    break
                    return reader.response(partial(expire_idle_connections, self._client))
                finally:
                    _break_cycle(response, self._library)
        except BaseException as reason:
            if isinstance(reason, HTTPError) or limit.has_passed():
                expire_idle_connections(self._client)
            raise

    async def close(self) -> None:
        await self._client.aclose()

    def drop_idle(self) -> None:
        expire_idle_connections(self._client)


async def _note(trace: http_common.SendTrace, event: str, info: Mapping[str, Any]) -> None:
    """Record an event of httpcore; limit the unsent data of a new socket."""
    trace.note(event, info)
    if event == "connection.connect_tcp.complete":
        sock = info["return_value"].get_extra_info("socket")
        if hasattr(sock, "setsockopt"):
            limit_unsent(sock)


def _break_cycle(response: Any, library: Any) -> None:
    """
    Remove a closed response's reference to itself.

    With it, the response and the request's body would stay in memory until the garbage collector
    runs.
    """
    response.stream = library.ByteStream(b"")


class _BodyReader:
    """Reads the body of an httpx response."""

    def __init__(self, identity: Identity, response: httpx.Response, limit: TimeLimit) -> None:
        # httpx decompresses without a limit, and accepts incomplete data: use it for mocks only.
        self.is_unpacked = response.is_stream_consumed
        self.body = ResponseBody(
            identity,
            response.status_code,
            response.headers.raw,
            unpacked=self.is_unpacked,
        )
        self._response = response
        self._limit = limit
        self._counted = 0

    def pieces(self, unpacked: Callable[[], P], raw: Callable[[], P]) -> P:
        return unpacked() if self.is_unpacked else raw()

    def add(self, piece: bytes) -> bool:
        """
        Add a piece; return whether to read more pieces.

        Raises:
            ReadTimeout: No time is left, although data keeps arriving.
        """
        downloaded = self._response.num_bytes_downloaded
        self._limit.add_progress(downloaded - self._counted)
        self._counted = downloaded
        if self._limit.left() <= 0:
            raise ReadTimeout("no time is left")
        return self.body.add(piece)

    def response(self, distrust: Callable[[], object]) -> Response:
        """Return the whole response, with a function that closes suspicious connections."""
        response = self.body.response()
        response.distrust = distrust
        return response


class _Upload:
    """A request body that reports how much of it was sent."""

    def __init__(self, content: bytes, limit: TimeLimit, trace: http_common.SendTrace) -> None:
        self._content = memoryview(content)
        self._limit = limit
        self._trace = trace
        trace.reports_last_piece = True

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._content), PROGRESS):
            if start + PROGRESS >= len(self._content):
                self._trace.handing_over()
            yield bytes(self._content[start : start + PROGRESS])
            self._limit.add_progress(PROGRESS)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Pieces(iter(self))


@lru_cache
def _upload_class(library: Any) -> type[Any]:
    """Return the class of an upload that httpx or httpx2 accepts as a stream."""
    return type("_Upload", (_Upload, library.SyncByteStream, library.AsyncByteStream), {})


class _Pieces:
    """An async iterator; not a generator, which must be closed if it is left early."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


def _options(
    config: Config, transport: PooledTransport | AsyncPooledTransport | None
) -> dict[str, Any]:
    """Return the options of a client that goes through the proxy of the environment, if any."""
    if transport is not None:
        return {"timeout": None, "trust_env": False, "transport": transport}
    proxy = proxies.proxy_for(config)
    trusted = certificates.tls(config)
    through: httpx.Proxy | None = None
    if proxy is not None:
        is_encrypted = proxy.scheme == "https"
        trusted = trusted or (certificates.context() if is_encrypted else None)
        tls = trusted if is_encrypted else None
        through = httpx.Proxy(proxy.url, auth=proxy.credentials, ssl_context=tls)
    return {
        "timeout": None,
        "limits": _LIMITS,
        "trust_env": False,
        "proxy": through,
        "verify": False if trusted is None else trusted,
    }


def _request(
    client: httpx.Client | httpx.AsyncClient, exchange: Exchange, library: Any, *, pooled: bool
) -> httpx.Request:
    request, limit, identity = exchange.request, exchange.limit, exchange.identity
    if client.is_closed:
        if identity.config.own_http:
            raise CloseError("the client was closed")
        raise ClientClosedError("the http_client is closed: pass an open one; nothing was sent")
    left = limit.left()
    if left <= 0:
        raise ConnectTimeout("no time is left")
    outgoing = client.build_request(
        request.method,
        identity.config.base_url + request.path,
        params=request.params or None,
        content=request.content,
        headers={**identity.headers, **request.headers},
        timeout=None if left == math.inf else min(left, _LONGEST),
    )
    if pooled:
        outgoing.extensions[EXTENSION] = exchange
    elif request.content is not None and len(request.content) > PROGRESS:
        outgoing.stream = _upload_class(library)(request.content, limit, exchange.trace)
    return outgoing
