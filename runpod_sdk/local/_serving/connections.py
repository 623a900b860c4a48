"""The server's connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from .http import CONNECTION

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState


def connection_factory(config: Config, state: ServerState) -> Callable[[], asyncio.Protocol]:
    """
    Return what makes the protocol of a connection: uvicorn's, with what ASGI lacks.

    The application can watch a connection, and close it without a response. This relies on what
    all of uvicorn's protocols have in common: asyncio hands them a transport, and each request
    gets a copy of `app_state` as its state.
    """

    class WatchedConnection(cast("type[Any]", config.http_protocol_class)):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(config=config, server_state=state, app_state={CONNECTION: self})
            self._lost = asyncio.get_running_loop().create_future()
            self._connection: asyncio.Transport

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._connection = cast(asyncio.Transport, transport)
            super().connection_made(_JoinedWrites(self._connection))

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if not self._lost.done():  # a request that waited for it may have been cancelled
                self._lost.set_result(None)

        def lost(self) -> asyncio.Future[None]:
            if not self._connection.is_closing():
                self._connection.resume_reading()  # the end of a long body may have paused it
            return self._lost

        def abort(self) -> None:
            self._connection.abort()

    return WatchedConnection


class _JoinedWrites:
    """
    A transport that sends what is written in one turn of the loop at its end, as one packet.

    uvicorn writes the head of a response and its body one after the other. Two packets wake the
    client twice, and this process gives up the interpreter's lock for each.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._written: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self._send)
        self._written.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._written:
            self._transport.write(b"".join(self._written))
            self._written.clear()
