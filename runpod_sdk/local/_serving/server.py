"""uvicorn on its own thread."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, cast

from .http import ABORT, Receive, Scope, Send

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from uvicorn import Server

_HOST = "127.0.0.1"

# Long polls are answered before the server stops; this is for clients that do not finish sending.
_SHUTDOWN_TIMEOUT = 1  # s
_KEEP_ALIVE = 90  # s
"""Longer than clients keep an idle connection: if the server closes a connection while a client
submits a job, the client cannot know whether the job was submitted."""


class ServerThread:
    """
    Serve an ASGI application until `stop`.

    The constructor binds the socket, so that the port is known and reserved before the server
    runs.

    Raises:
        ImportError: The extra `local` is not installed.
        OSError: The port is in use.
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
        # With an explicit protocol: otherwise asyncio does not disable Nagle's algorithm, and a
        # response whose header and body are two packets would be 40 ms late.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            # On Windows, SO_REUSEADDR would let two servers listen at one port.
            if sys.platform != "win32":
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
        """The URL of the root, without a trailing slash."""
        return f"http://{_HOST}:{self.port}"

    def start(self) -> None:
        """Start the thread. The server accepts connections when this method returns."""
        self._thread.start()
        self._opened.result()

    def stop(self) -> None:
        """End the running requests and the thread."""
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
        timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT,
        timeout_keep_alive=_KEEP_ALIVE,
    )
    config.load()
    config.http_protocol_class = _abortable(config.http_protocol_class)
    return uvicorn.Server(config)


def _abortable(protocol: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
    """
    Let the application close a connection without a response, which ASGI does not offer.

    This relies on what all of uvicorn's protocols have in common: asyncio hands them a transport,
    and each request gets a copy of `app_state` as its state.
    """

    class AbortableConnection(cast("type[Any]", protocol)):  # type: ignore[misc]
        def __init__(self, *args: Any, app_state: dict[str, Any], **kwargs: Any) -> None:
            super().__init__(*args, app_state={**app_state, ABORT: self._abort}, **kwargs)
            self._connection: asyncio.Transport

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._connection = cast(asyncio.Transport, transport)
            super().connection_made(transport)

        def _abort(self) -> None:
            self._connection.abort()

    return AbortableConnection
