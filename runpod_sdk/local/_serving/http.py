"""Requests and responses over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, NoReturn, Protocol, TypeAlias, cast

from attrs import field, frozen

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import ClientDisconnected

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


CONNECTION = "connection"
"""The key in a request's state of its connection."""


class Connection(Protocol):
    """The connection of a request."""

    def lost(self) -> asyncio.Future[None]:
        """Return a future that is done when the client has disconnected."""
        ...

    def abort(self) -> None:
        """Close the connection at once."""
        ...


class BodyTooLarge(Exception):
    """The body exceeds its limit."""


@frozen
class HTTPResponse:
    """A status, a body, JSON by default, and further headers."""

    body: bytes
    status: int = HTTPStatus.OK
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = b"application/json"

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> HTTPResponse:
        """Return a 200 with JSON. No other 2xx is used, as some clients only accept 200."""
        return cls(_wire.encode(document))

    @classmethod
    def problem(cls, status: HTTPStatus, detail: str, **headers: str) -> HTTPResponse:
        """Return an error in the form of the service."""
        return cls(
            _wire.encode(_wire.problem(status, detail), sort=False),
            status,
            tuple((name.encode(), value.encode()) for name, value in headers.items()),
        )

    async def send(self, send: Send) -> None:
        headers = [*self.headers]
        if self.status is not HTTPStatus.NO_CONTENT:
            headers += [
                (b"content-type", self.content_type),
                (b"content-length", b"%d" % len(self.body)),
            ]
        await send({"type": "http.response.start", "status": int(self.status), "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@frozen
class StreamedResponse(HTTPResponse):
    """A response whose body comes in *pieces*, each sent as soon as it is available."""

    pieces: AsyncIterator[bytes] = field(kw_only=True)

    async def send(self, send: Send) -> None:
        headers = [(b"content-type", self.content_type), *self.headers]
        await send({"type": "http.response.start", "status": int(self.status), "headers": headers})
        async for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class HTTPRequest:
    """A request that is being answered."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method = cast(str, scope["method"])
        self.path = cast(str, scope["path"])
        self.query = cast(bytes, scope["query_string"])
        self.port = cast("tuple[str, int]", scope["server"])[1]
        self._headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
        self._receive = receive
        self._connection = cast(Connection, scope["state"][CONNECTION])
        self._on_close: Callable[[], object] | None = None

    def header(self, name: bytes) -> str:
        """Return the first header with that lower-case name, or an empty string."""
        return next((value for key, value in self._headers if key == name), b"").decode("latin-1")

    async def body(self, limit: int) -> bytes:
        """
        Read the whole body.

        The server discards the rest of a body that is too large, so that the client can send it
        to the end and then read the response.

        Raises:
            BodyTooLarge: The body is longer than *limit* bytes.
            ClientDisconnected: The client disconnected before the end of the body.
        """
        declared = self.header(b"content-length")
        if declared.isdigit() and int(declared) > limit:
            raise BodyTooLarge
        body, more = bytearray(), True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            body += cast(bytes, message.get("body", b""))
            if len(body) > limit:
                raise BodyTooLarge
            more = cast(bool, message.get("more_body", False))
        return bytes(body)

    def disconnected(self) -> asyncio.Future[None]:
        """Return a future that is done when the client has disconnected."""
        return self._connection.lost()

    async def abort_connection(self) -> NoReturn:
        """Close the connection without a response."""
        self._connection.abort()
        await self.disconnected()
        raise ClientDisconnected

    def on_close(self, function: Callable[[], object]) -> None:
        """Call *function*, one at most, when the response was sent or will not be sent."""
        self._on_close = function

    def close(self) -> None:
        """Call the function of `on_close`."""
        if self._on_close is not None:
            self._on_close()
