"""
Connections of our own, and which of them to use next.

httpx's pool looks at every connection whenever a request begins or ends, so a request
costs the more the more of them are on their way. All of a client's go to one server;
so here idle connections are a stack, and a request takes the top one, or makes one.
The one used last is the one least likely to have been closed by the server meanwhile.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from functools import cached_property
from typing import Any, Final, Generic, Protocol, TypeVar
from urllib.parse import urlencode

import anyio
import httpcore
import httpx

from runpod_sdk._flows.port import Call, Reply
from runpod_sdk._io import deadline, http
from runpod_sdk.settings import Config

IDLE_TIME: Final = 30.0
"""Seconds that a connection is kept unused: well below the 60 after which servers close it."""
MOST_IDLE: Final = 1_000


class _Connection(Protocol):
    def has_expired(self) -> bool: ...
    def is_idle(self) -> bool: ...


C = TypeVar("C", bound=_Connection)


class _Stack(Generic[C]):
    """Idle connections, for many threads. What it hands out to be closed is nobody's any more."""

    def __init__(self) -> None:
        self._idle: deque[C] = deque()
        self._lock = threading.Lock()

    def take(self) -> tuple[C | None, list[C]]:
        """Return the connection used last, if the server has not closed it; and those it has."""
        gone: list[C] = []
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if not connection.has_expired():
                    return connection, gone
                gone.append(connection)
        return None, gone

    def give(self, connection: C) -> list[C]:
        """Take back a connection; return those that were idle for too long, or are too many."""
        gone: list[C] = []
        with self._lock:
            self._idle.append(connection)
            while len(self._idle) > MOST_IDLE or self._idle[0].has_expired():
                gone.append(self._idle.popleft())
                if not self._idle:
                    break
        return gone

    def empty(self) -> list[C]:
        """Return all, to be closed."""
        with self._lock:
            gone, self._idle = list(self._idle), deque()
        return gone


class _Server:
    """The server of a client, and how to ask it."""

    def __init__(self, config: Config) -> None:
        url = httpx.URL(config.base_url)
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        self._config = config
        self._origin = httpcore.Origin(url.raw_scheme, url.raw_host, port)
        self._host = (b"host", url.netloc)
        self._path = url.raw_path.rstrip(b"/")

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        if self._origin.scheme == b"http":
            return None
        return httpx.create_ssl_context(trust_env=http.trusts_environment(self._config))

    def _request(self, call: Call, trace: Any) -> httpcore.Request:
        fields = http.headers(self._config, call)
        if call.content is not None:
            fields["content-length"] = str(len(call.content))
        query = f"?{urlencode(call.params)}" if call.params else ""
        origin = self._origin
        return httpcore.Request(
            call.method,
            httpcore.URL(
                scheme=origin.scheme,
                host=origin.host,
                port=origin.port,
                target=self._path + (call.path + query).encode("ascii"),
            ),
            headers=[self._host, *((k.encode(), v.encode()) for k, v in fields.items())],
            content=call.content,
            extensions={"trace": trace},
        )

    def _body(self, response: httpcore.Response) -> http.Body:
        return http.Body(self._config, response.status, httpx.Headers(response.headers))


class Pool(_Server):
    """The sync client's own way to its server, for many threads."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._stack = _Stack[httpcore.HTTPConnection]()
        self._backend = deadline.Backend(httpcore.SyncBackend())

    def send(self, call: Call, limit: float | None, trace: http.Trace) -> Reply:
        """Send *call* and read the whole answer; a deadline is that of the thread."""
        connection, gone = self._stack.take()
        _close(gone)
        if connection is None:
            connection = httpcore.HTTPConnection(
                self._origin, self._tls, IDLE_TIME, network_backend=self._backend
            )
        try:
            response = connection.handle_request(self._request(call, trace.note))
            body = self._body(response)
            for piece in response.iter_stream():
                if not body.add(piece):
                    break
            response.close()
        except BaseException:
            connection.close()
            raise
        if connection.is_idle():
            _close(self._stack.give(connection))
        return body.reply()

    def close(self) -> None:
        """Close the connections that are idle."""
        _close(self._stack.empty())


class AsyncPool(_Server):
    """The async client's own way to its server, for one event loop."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._stack = _Stack[httpcore.AsyncHTTPConnection]()

    async def send(self, call: Call, limit: float | None, trace: http.Trace) -> Reply:
        """Send *call* and read the whole answer; a deadline is that of the caller's scope."""
        connection, gone = self._stack.take()
        await _aclose(gone)
        if connection is None:
            connection = httpcore.AsyncHTTPConnection(self._origin, self._tls, IDLE_TIME)
        try:
            response = await connection.handle_async_request(self._request(call, trace.note_async))
            body = self._body(response)
            async for piece in response.aiter_stream():
                if not body.add(piece):
                    break
            await response.aclose()
        except BaseException:  # httpcore leaves open what is cancelled between two steps
            await _aclose([connection])
            raise
        if connection.is_idle():
            await _aclose(self._stack.give(connection))
        return body.reply()

    async def aclose(self) -> None:
        """Close the connections that are idle."""
        await _aclose(self._stack.empty())


def _close(gone: list[httpcore.HTTPConnection]) -> None:
    for connection in gone:
        connection.close()


async def _aclose(gone: list[httpcore.AsyncHTTPConnection]) -> None:
    if gone:
        with anyio.CancelScope(shield=True):
            for connection in gone:
                await connection.aclose()
