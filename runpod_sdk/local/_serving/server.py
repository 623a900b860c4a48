"""uvicorn on a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, cast

from .http import CUT, Receive, Scope, Send

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from uvicorn import Server

_HOST = "127.0.0.1"

# Long polls are let go before the server stops; this is for clients that do not finish sending.
_STRAGGLERS = 1  # s
_IDLE = 90  # s
"""Longer than clients keep a connection: one that is closed as a job is sent makes it uncertain."""


class ServerThread:
    """
    Serve an ASGI application until `stop`.

    The socket is bound here, so that the port is known, and nobody else has it, before
    the server runs.

    Raises:
        ImportError: The extra is not installed.
        OSError: The port is taken.
    """

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        *,
        port: int,
        on_open: Callable[[], None],
        on_close: Callable[[], None],
    ) -> None:
        self._server = _make_server(app)
        # With the protocol named: asyncio turns Nagle's algorithm off only where it is, and
        # an answer whose header and body are two packets would be 40 ms late.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((_HOST, port))
        except OSError as error:
            self._socket.close()
            raise OSError(
                error.errno, f"can't listen at {_HOST}:{port}: {error.strerror}"
            ) from None
        self.port = cast(int, self._socket.getsockname()[1])
        self._on_open = on_open
        self._on_close = on_close
        self._loop: asyncio.AbstractEventLoop
        self._opened = Future[None]()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()),
            name=f"runpod server :{self.port}",
            daemon=True,
        )

    @property
    def address(self) -> str:
        """The URL of its root, without a slash at the end."""
        return f"http://{_HOST}:{self.port}"

    def start(self) -> None:
        """Start the thread. Connections are taken from the moment that this returns."""
        self._thread.start()
        self._opened.result()

    def stop(self) -> None:
        """End the requests under way and the thread."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            self._socket.listen(self._server.config.backlog)
            self._on_open()
        except BaseException as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        with self._socket:
            await self._server.serve(sockets=[self._socket])

    def _stop(self) -> None:
        self._on_close()
        self._server.should_exit = True


def _make_server(app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> Server:
    try:
        import uvicorn
    except ImportError as error:
        raise ImportError(
            "the local endpoint needs more than the SDK itself: pip install 'runpod_sdk[local]'"
        ) from error
    config = uvicorn.Config(
        app,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STRAGGLERS,
        timeout_keep_alive=_IDLE,
    )
    config.load()
    config.http_protocol_class = _cuttable(config.http_protocol_class)
    return uvicorn.Server(config)


def _cuttable(protocol: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
    """
    Let the application close a connection without an answer, which ASGI has no word for.

    It stands on what the protocols of uvicorn have in common, whoever parses the bytes: asyncio
    hands them a transport, and requests get a copy of `app_state` as their state.
    """

    class Connection(cast("type[Any]", protocol)):  # type: ignore[misc]
        def __init__(self, *args: Any, app_state: dict[str, Any], **kwargs: Any) -> None:
            super().__init__(*args, app_state={**app_state, CUT: self._cut}, **kwargs)
            self._connection: asyncio.Transport

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._connection = cast(asyncio.Transport, transport)
            super().connection_made(transport)

        def _cut(self) -> None:
            self._connection.abort()

    return Connection
