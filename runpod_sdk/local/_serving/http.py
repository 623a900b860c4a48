"""The little of HTTP that ten routes need, over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, NoReturn, TypeAlias, cast

from attrs import field, frozen

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import ClientGone

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


CUT = "cut"
"""Where the server puts into a request's state how to close its connection."""


class BodyTooLarge(Exception):
    """The body is longer than it may be."""


@frozen
class Answer:
    """A status, a body, which is JSON where nothing else is said, and further headers."""

    body: bytes
    status: int = HTTPStatus.OK
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = b"application/json"

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Answer:
        """Answer 200, never any other 2xx: some clients of the service take nothing else."""
        return cls(_wire.encode(document))

    @classmethod
    def problem(cls, status: HTTPStatus, detail: str, **headers: str) -> Answer:
        """Answer with a problem."""
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
class Streamed(Answer):
    """An answer whose body comes in *pieces*, each of which is sent as soon as it is there."""

    pieces: AsyncIterator[bytes] = field(kw_only=True)

    async def send(self, send: Send) -> None:
        headers = [(b"content-type", self.content_type), *self.headers]
        await send({"type": "http.response.start", "status": int(self.status), "headers": headers})
        async for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class Request:
    """A request that is being answered."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method = cast(str, scope["method"])
        self.path = cast(str, scope["path"])
        self.query = cast(bytes, scope["query_string"])
        self.port = cast("tuple[str, int]", scope["server"])[1]
        self._headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
        self._receive = receive
        self._cut = cast("Callable[[], None]", scope["state"][CUT])
        self._gone: asyncio.Task[None] | None = None
        self._on_close: Callable[[], object] | None = None

    def header(self, name: bytes) -> str:
        """Give the first header of that (lower-case) name, or an empty string."""
        return next((value for key, value in self._headers if key == name), b"").decode("latin-1")

    async def body(self, limit: int) -> bytes:
        """
        Read the whole body.

        One that is too long is given up as soon as that is known; the server throws away
        the rest of it, so that the client can send it to the end and then read the answer.

        Raises:
            BodyTooLarge: It is longer than *limit* bytes.
            ClientGone: It ended before its end.
        """
        declared = self.header(b"content-length")
        if declared.isdigit() and int(declared) > limit:
            raise BodyTooLarge
        body, more = bytearray(), True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            body += cast(bytes, message.get("body", b""))
            if len(body) > limit:
                raise BodyTooLarge
            more = cast(bool, message.get("more_body", False))
        return bytes(body)

    def gone(self) -> asyncio.Future[None]:
        """Tell when the client goes away."""
        if self._gone is None:
            self._gone = asyncio.ensure_future(self._disconnect())
        return self._gone

    async def _disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def cut(self) -> NoReturn:
        """Close the connection, without one byte of an answer."""
        self._cut()
        await self.gone()
        raise ClientGone

    def on_close(self, function: Callable[[], object]) -> None:
        """Let *function* be called when the answer is sent, or will not be; one at most."""
        self._on_close = function

    def close(self) -> None:
        """Let go of what `gone` has begun, and tell that it is over."""
        if self._gone is not None:
            self._gone.cancel()
        if self._on_close is not None:
            self._on_close()
