"""
An httpx client over the SDK's own connections, so that tracers of httpx see each request.

The transports are httpx's, so functions that wrap theirs are called too. Their connection pool is
an adapter, which passes each request to the SDK's pool.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpcore
import httpx
from attrs import define, evolve

from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.io import Request, Response
from runpod_sdk._io.http11.pool import ConnectionPool
from runpod_sdk._io.http_common import SendTrace
from runpod_sdk._io.identity import Identity
from runpod_sdk._io.transport_errors import HTTPError

EXTENSION: Final = "runpod_sdk"
"""The extension of an `httpx.Request` that contains the `Exchange`."""
_OF_CONNECTION: Final = ("host", "connection", "content-length", "transfer-encoding")
"""Headers that the SDK's pool writes itself."""
_NOT_PASSED_ON: Final = ("content-encoding", "set-cookie")
"""Headers of a response that httpx must not read: it would decompress, and store cookies."""


@define(eq=False, repr=False)
class Exchange:
    """A request that is sent through httpx, and its response."""

    request: Request
    limit: TimeLimit
    trace: SendTrace
    identity: Identity
    response: Response | None = None


class PooledTransport(httpx.HTTPTransport):
    """An httpx transport over the SDK's pool."""

    def __init__(self, pool: ConnectionPool, drive: Callable[[Awaitable[Any]], Any]) -> None:
        """
        Use a pool.

        Args:
            drive: Runs a coroutine that blocks and never suspends.
        """
        adapter: Any = _PoolAdapter(pool, drive)
        self._pool = adapter
        self._drop_idle = pool.drop_idle

    def drop_idle(self) -> None:
        """Drop the idle connections of the pool."""
        self._drop_idle()


class AsyncPooledTransport(httpx.AsyncHTTPTransport):
    """An async httpx transport over the SDK's pool."""

    def __init__(self, pool: ConnectionPool) -> None:
        adapter: Any = _AsyncPoolAdapter(pool)
        self._pool = adapter
        self._drop_idle = pool.drop_idle

    def drop_idle(self) -> None:
        """Drop the idle connections of the pool."""
        self._drop_idle()


class _PoolAdapter:
    """The methods of a pool that httpx's transport calls."""

    def __init__(self, pool: ConnectionPool, drive: Callable[[Awaitable[Any]], Any]) -> None:
        self._pool = pool
        self._drive = drive

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        response: httpcore.Response = self._drive(_send(self._pool, request))
        return response

    def close(self) -> None:
        self._drive(self._pool.close())


class _AsyncPoolAdapter:
    """The methods of a pool that httpx's async transport calls."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        return await _send(self._pool, request)

    async def aclose(self) -> None:
        await self._pool.close()


async def _send(pool: ConnectionPool, request: httpcore.Request) -> httpcore.Response:
    """Send the request of an exchange, with the headers that tracers have added."""
    exchange: Exchange = request.extensions[EXTENSION]
    exchange.trace.traced()
    outgoing = evolve(exchange.request, headers=_headers(request))
    try:
        response = await pool.send(outgoing, exchange.limit, exchange.trace, exchange.identity)
    except HTTPError as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error  # for tracers
    exchange.response = response
    headers = [
        (name.encode(), value.encode())
        for name, value in response.headers.items()
        if name not in _NOT_PASSED_ON
    ]
    return httpcore.Response(response.status_code, headers=headers, content=response.content)


def _headers(request: httpcore.Request) -> dict[str, str]:
    fields = ((name.decode("ascii").lower(), value) for name, value in request.headers)
    return {name: value.decode("ascii") for name, value in fields if name not in _OF_CONNECTION}
