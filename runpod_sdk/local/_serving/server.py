"""uvicorn on its own thread."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, cast

from .connections import connection_factory
from .http import Receive, Scope, Send

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from uvicorn import Config
    from uvicorn.server import ServerState

_HOST = "127.0.0.1"

# Long polls are answered before the server stops; this is for clients that do not finish sending.
_SHUTDOWN_TIMEOUT = 1  # s
_TURNS_TO_ACCEPT = 3
"""The turns of asyncio's loop until a connection that is being accepted has a protocol."""
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
        self._config, self._state = _make_server(app)
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
        self._stopping: asyncio.Event
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
        self._stopping = asyncio.Event()
        with self._socket:
            try:
                self._socket.listen(self._config.backlog)
                self._set_date()
                self._on_open()
                make_connection = connection_factory(self._config, self._state)
                server = await self._loop.create_server(make_connection, sock=self._socket)
            except BaseException as error:
                self._opened.set_exception(error)
                return
            self._opened.set_result(None)
            await self._stopping.wait()
            await self._stop_accepting()
            server.close()
            await self._end_connections()

    def _set_date(self) -> None:
        """Set the header that all responses have, each second."""
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        self._loop.call_later(1, self._set_date)

    async def _stop_accepting(self) -> None:
        """Accept no more connections; those that were just accepted get their protocols."""
        with suppress(NotImplementedError):  # on Windows
            self._loop.remove_reader(self._socket)
        for _ in range(_TURNS_TO_ACCEPT):
            await asyncio.sleep(0)

    async def _end_connections(self) -> None:
        """Close each connection when its response is sent; all of them after a timeout."""
        connections: list[Any] = list(self._state.connections)
        for connection in connections:
            connection.shutdown()
        ends = {*self._state.tasks, *(connection.lost() for connection in connections)}
        if ends:
            await asyncio.wait(ends, timeout=_SHUTDOWN_TIMEOUT)
        for connection in connections:
            connection.abort()

    def _stop(self) -> None:
        self._on_close()
        self._stopping.set()


def _make_server(
    app: Callable[[Scope, Receive, Send], Awaitable[None]],
) -> tuple[Config, ServerState]:
    try:
        import uvicorn
        from uvicorn.server import ServerState
    except ImportError as error:
        raise ImportError(
            "the local endpoint needs more than the SDK itself: pip install 'runpod_sdk[local]'"
        ) from error
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE,
    )
    config.load()
    return config, ServerState()
