"""
One body for three modes: the sync client, and the async one under asyncio and trio.

A `Driver` makes the client of its mode and calls its methods; in async modes, it awaits what they
return. Answers are scripted: a `Script` returns them in turn and records the requests.

Where answers come without a network no test waits for a pause: modes that are called
`jumping` have a clock that jumps over it. `test_real_time.py` tests pauses on a real clock.
"""

from __future__ import annotations

import inspect
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any, Self

import anyio
import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from runpod_sdk import AsyncRunpod, Runpod
from tests.facade.clocks import CLOCK, JumpingRunpod, jumping, let_trio_jump

MODES = ("sync", "asyncio", "trio")
JUMPING = ("sync jumping", "asyncio jumping", "trio jumping")
in_no_time = pytest.mark.parametrize("driver", JUMPING, indirect=True)
"""Runs a test of scripted answers in each mode, without waiting."""

KEY = "rpa_CANARY0123456789"
BASE_URL = "https://api.test/v2"
JOB = "60902e6c-08a1-426e-9cb9-9eaec90f5e2b-u1"

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def answer(
    body: Any = None, status: int = 200, headers: dict[str, str] | None = None
) -> Callable[[httpx.Request], httpx.Response]:
    """Make an answer of JSON, or of the text or bytes given as they are."""
    if isinstance(body, str | bytes):
        return lambda _: httpx.Response(status, content=body, headers=headers)
    content = json.dumps(body).encode()
    return lambda _: httpx.Response(
        status, content=content, headers={"content-type": "application/json", **(headers or {})}
    )


def job(status: str = "COMPLETED", **fields: Any) -> Callable[[httpx.Request], httpx.Response]:
    """Make the answer that shows the job `JOB`."""
    return answer({"id": JOB, "status": status, **fields})


def problem(status: int, detail: str = "no", **headers: str) -> Any:
    """Make a refusal as the API words it."""
    body = {"status": status, "title": "Refused", "detail": detail}
    return answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def chunks(status: str, *outputs: Any) -> Callable[[httpx.Request], httpx.Response]:
    """Make an answer of a stream."""
    return answer({"status": status, "stream": [{"output": output} for output in outputs]})


class Script:
    """Returns its answers in turn, and the last one from then on; records the requests."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        turn = min(len(self.requests), len(self._answers)) - 1
        given = self._answers[turn]
        if isinstance(given, Exception):
            # Else it has the frames of each time that it was raised before.
            raise given.with_traceback(None)
        return given if isinstance(given, httpx.Response) else given(request)

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]

    @property
    def asked(self) -> list[str]:
        """The requests, such as `POST /run`, without base URL, endpoint and query."""
        return [
            f"{request.method} /{request.url.path.split('/', 3)[-1]}" for request in self.requests
        ]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


class Routes(Script):
    """Answers by what is asked: the last segment but the id, such as `status`; else 404."""

    def __init__(self, **routes: Answer | list[Answer]) -> None:
        super().__init__(self._route)
        self._routes = {
            name.replace("_", "-"): Script(*(given if isinstance(given, list) else [given]))
            for name, given in routes.items()
        }

    def _route(self, request: httpx.Request) -> httpx.Response:
        operation = request.url.path.split("/")[3]
        if operation not in self._routes:
            return problem(404, "page not found")(request)  # type: ignore[no-any-return]
        return self._routes[operation](request)


class Driver:
    """Makes clients of one mode, and calls them."""

    def __init__(
        self, mode: str, portal: BlockingPortal | None, stack: ExitStack, *, jumps: bool = False
    ) -> None:
        self.mode = mode
        self._portal = portal
        self._stack = stack
        self._sync_client = JumpingRunpod if jumps else Runpod

    @property
    def is_async(self) -> bool:
        return self._portal is not None

    def call(self, ask: Callable[[], Any]) -> Any:
        """Return what *ask* returns; awaited, if it is awaitable."""
        if self._portal is None:
            return ask()

        async def awaited() -> Any:
            result = ask()
            return await result if inspect.isawaitable(result) else result

        return self._portal.call(awaited)

    def client(self, **options: Any) -> Any:
        """Make a client; it is closed at the end of the test."""
        cls: Any = AsyncRunpod if self.is_async else self._sync_client
        client = cls(**{"api_key": KEY, "base_url": BASE_URL, **options})
        self._stack.callback(self.call, lambda: self.close(client))
        return client

    def now(self) -> float:
        """Return the time in seconds, by the clock that jumps if there is one."""
        return CLOCK.now() if self._portal is None else self._portal.call(_now)

    def iter(self, iterable: Any) -> Any:
        """Begin a loop, without asking for a value."""
        return aiter(iterable) if self.is_async else iter(iterable)

    def close(self, client: Any) -> Any:
        return client.aclose() if self.is_async else client.close()

    def http_client(self, handler: Callable[[httpx.Request], httpx.Response]) -> Any:
        """Make an httpx client that asks *handler*."""
        cls: Any = httpx.AsyncClient if self.is_async else httpx.Client
        return cls(transport=httpx.MockTransport(handler))

    def endpoint(self, handler: Callable[[httpx.Request], httpx.Response], **options: Any) -> Any:
        """Make the endpoint `ep` of a client that asks *handler*."""
        return self.client(http_client=self.http_client(handler), **options).endpoint("ep")

    def take(self, stream: Any, most: int | None = None) -> list[Any]:
        """Take chunks to the end of *stream*, or *most* of them."""
        taken: list[Any] = []
        while most is None or len(taken) < most:
            try:
                taken.append(self.next(stream))
            except StopIteration:
                break
        return taken

    def next(self, stream: Any) -> Any:
        """Return the next chunk, or raise StopIteration."""
        if not self.is_async:
            return next(stream)
        chunk = self.call(lambda: _next_or(stream, _END))
        if chunk is _END:
            raise StopIteration
        return chunk


_END = object()


async def _now() -> float:
    return anyio.current_time()


async def _next_or(stream: Any, end: Any) -> Any:
    try:
        return await anext(stream)
    except StopAsyncIteration:
        return end


@contextmanager
def driver(mode: str, portal: BlockingPortal | None = None) -> Iterator[Driver]:
    """Drive one mode; an async one on the loop of *portal*, or on its own loop in a thread."""
    backend, _, jumps = mode.partition(" ")
    with ExitStack() as stack:
        if backend != "sync" and portal is None:
            portal = stack.enter_context(open_portal(mode))
        if portal is not None and mode == "trio jumping":
            portal.call(let_trio_jump, True)
            stack.callback(portal.call, let_trio_jump, False)
        yield Driver(backend, portal, stack, jumps=bool(jumps))


def open_portal(mode: str) -> AbstractContextManager[BlockingPortal]:
    """Run the event loop of an async mode, in a thread."""
    backend, _, jumps = mode.partition(" ")
    return start_blocking_portal(backend, jumping(backend) if jumps else None)


class SocketServer:
    """
    A server on 127.0.0.1 whose treatment of each connection is scripted.

    Each connection is given to *serve*, with the request read up to its end; then it
    is closed.
    """

    def __init__(self, serve: Callable[[socket.socket, bytes], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._closing = threading.Event()
        self.requests: list[bytes] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v2"

    @property
    def closing(self) -> threading.Event:
        """Set when the test is over: nothing needs to be waited for any more."""
        return self._closing

    def owns(self, thread: threading.Thread) -> bool:
        """Return whether *thread* belongs to this server."""
        return thread in self._threads

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._handle, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _handle(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(10)
            request = read_request(connection)
            if request:
                self.requests.append(request)
                self._serve(connection, request)


def read_request(connection: socket.socket) -> bytes:
    """Read one HTTP request; empty where the other side has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65_536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def http_answer(body: Any, status: str = "200 OK") -> bytes:
    """Write a whole HTTP answer, of JSON."""
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content
