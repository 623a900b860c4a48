"""
The pool of the client's own connections.

httpx's pool inspects every connection at the start and end of each request, so a request costs more
the more requests are in flight. All requests of a client go to one server. The pool's idle
connections are therefore a stack: a request takes the top connection, or opens a new one. The
server is least likely to have closed the connection that was used last.

If a kept connection fails, the idle connections are probably broken too, because the machine slept
or a router forgot them. They are closed, so that the next attempt opens a new one.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from functools import cached_property, lru_cache
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlencode

from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.io import Request, Response
from runpod_sdk._importing import whole_imports
from runpod_sdk._io import certificates, http_common
from runpod_sdk._io.http11.codec import Codec
from runpod_sdk._io.http11.connection import (
    IDLE_TIME,
    SUBMISSION_IDLE_TIME,
    HTTP11Connection,
    NetworkStream,
)
from runpod_sdk._io.identity import Identity
from runpod_sdk._io.server_url import ServerURL
from runpod_sdk._io.transport_errors import CloseError, HTTPError
from runpod_sdk.settings import Config

MAX_IDLE: Final = 1_000

Open = Callable[[str, int, ssl.SSLContext | None], Awaitable[NetworkStream]]
"""Connects to a host and a port, with TLS or without."""


class ConnectionPool:
    """A client's connections to its server, for many threads or one event loop."""

    def __init__(self, config: Config, open: Open) -> None:
        self._config = config
        self._open = open
        self._url = ServerURL(config.base_url)
        self._host_header = self._url.authority
        self._codec = _codec()
        self._headers = lru_cache(maxsize=64)(self._codec.headers)
        self._idle: deque[HTTP11Connection] = deque()
        self._closed = False

    async def send(
        self,
        http_request: Request,
        limit: TimeLimit,
        trace: http_common.SendTrace,
        identity: Identity,
    ) -> Response:
        """Send *http_request* and read the whole response; the caller limits the time."""
        request = self._request(http_request, identity)
        longest_idle = IDLE_TIME if http_request.repeatable else SUBMISSION_IDLE_TIME
        connection = self._take_last(longest_idle) if self._idle else None
        is_kept = connection is not None
        opened: NetworkStream | HTTP11Connection | None = connection
        try:
            if connection is not None:
                connection.limit_silence(limit if http_request.repeatable else None)
            else:
                opened = await self._open(self._url.host, self._url.port, self._tls)
                connection = HTTP11Connection(opened, self._codec())
            if self._closed:
                raise CloseError("the client was closed")
            body = await connection.exchange(identity, request, http_request.content, trace, limit)
            response = body.response()
            reusable = connection.renew()
        except BaseException as reason:
            if opened is not None:
                await opened.close()
            if is_kept and (isinstance(reason, HTTPError) or limit.has_passed()):
                self.drop_idle()
            raise
        response.distrust = self.drop_idle
        if reusable:
            self._idle.append(connection)
            while (surplus := self._pop_surplus()) is not None:
                await surplus.close()
        else:
            await connection.close()
        return response

    async def close(self) -> None:
        """Close idle connections; close the others after their requests."""
        self._closed = True
        while (connection := self._pop()) is not None:
            await connection.close()

    def drop_idle(self) -> None:
        """Close idle connections at once; also works without a loop."""
        while (connection := self._pop()) is not None:
            connection.release()

    # Without a lock, which a signal handler's request would wait for if it was interrupted in here.

    def _take_last(self, longest_idle: float) -> HTTP11Connection | None:
        """Return the connection used last, if it is open and idle for at most *longest_idle*."""
        while (connection := self._pop()) is not None:
            if connection.idle_time() > longest_idle:
                self._idle.append(connection)  # another kind of request may use it
                return None
            try:
                if not connection.is_closed():
                    return connection
            except BaseException:
                connection.release()
                raise
            connection.release()
        return None

    def _pop(self) -> HTTP11Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _pop_surplus(self) -> HTTP11Connection | None:
        """Return a connection to close: idle for too long, or beyond the limit; else None."""
        idle = self._idle
        try:
            if self._closed or len(idle) > MAX_IDLE or idle[0].idle_time() > IDLE_TIME:
                return idle.popleft()
        except IndexError:  # another thread took the last one
            pass
        return None

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        return certificates.tls(self._config)

    def _request(self, http_request: Request, identity: Identity) -> Any:
        fields = {"host": self._host_header, **identity.headers, **http_request.headers}
        if http_request.content is not None:
            fields["content-length"] = str(len(http_request.content))
        elif http_request.method == "POST":
            fields["content-length"] = "0"
        query = f"?{urlencode(http_request.params)}" if http_request.params else ""
        target = self._url.path + http_request.path + query
        headers = self._headers(tuple(fields.items()))
        return self._codec.request(http_request.method, target, headers)


def _codec() -> type[Codec]:
    """Return the fastest codec that is installed."""
    with whole_imports():
        try:
            import_module("httptools")
        except ImportError:
            from runpod_sdk._io.http11.h11_codec import H11Codec

            return H11Codec
        from runpod_sdk._io.http11.httptools_codec import HttptoolsCodec

        return HttptoolsCodec
