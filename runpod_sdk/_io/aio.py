"""
The port of the async client, under asyncio and trio.

The transport is imported with the first request, which determines the event loop. Creating a client
therefore imports neither asyncio nor h11.
"""

from __future__ import annotations

import contextlib
import inspect
import random
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar
from weakref import WeakSet

from runpod_sdk import _forks
from runpod_sdk._environment import key_from_function
from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.io import Request, Response
from runpod_sdk._importing import whole_imports
from runpod_sdk._io import certificates, event_loop, http_common, proxies
from runpod_sdk._io.identity import Identity
from runpod_sdk._io.log import follow_environment, log
from runpod_sdk._io.request_path import ASYNC_PATH
from runpod_sdk._io.transport_errors import HTTPError, TimeoutException
from runpod_sdk._secret import Secret
from runpod_sdk._signals import ignored
from runpod_sdk._telemetry.telemetry import Sending, Telemetry
from runpod_sdk.errors import ConfigurationError
from runpod_sdk.settings import Config, OnUpdate, checked_function

if TYPE_CHECKING:
    from concurrent.futures import Future

    from runpod_sdk._files.time_left import TimeLeft
    from runpod_sdk._flows.guard import JobGuard
    from runpod_sdk._flows.updates import Notify
    from runpod_sdk._io.http11.pool import Open
    from runpod_sdk._io.httpx_client import AsyncHttpxSender
    from runpod_sdk._types import AsyncHttpClient
    from runpod_sdk.models import JobState

T = TypeVar("T")

Transport = Literal["direct", "httpx", "aiohttp", "anyio"]
"""
Transports: the client's own connections, an httpx client over them, or aiohttp, under asyncio only.

`anyio` is an older name of `direct`.
"""


class AsyncIO:
    """The async port: over the client's own connections, or a caller's `httpx.AsyncClient`."""

    def __init__(
        self,
        config: Config,
        http_client: AsyncHttpClient | None,
        transport: Transport | None = None,
        *,
        telemetry: Telemetry | None = None,
        parent: AsyncIO | None = None,
    ) -> None:
        """
        Prepare to send; no connection is made yet.

        Args:
            parent: The port whose connections this one uses, and that closes it.
        """
        self.config = config
        follow_environment()
        self.telemetry = telemetry or Telemetry(config.base_url, config.telemetry)
        self._connect = _connector(transport)
        self._follows_mocks = transport != "aiohttp"
        self._per_thread = _PerThread()
        self._parent = parent
        self._children: WeakSet[AsyncIO] = WeakSet()
        self._identity: Identity | None = None
        """The identity, if the API key is constant; set by the first request."""
        self._given: AsyncHttpxSender | None = None
        self._closed = False
        self._call_soon: Callable[..., object] | None = None
        """Thread-safe `call_soon` of the first loop that used this port."""
        _forks.watch(self)
        if parent is not None:
            parent._children.add(self)
        elif http_client is not None:
            if transport is not None:
                raise ValueError("pass transport=… or http_client=…, not both")
            self._given = _httpx_sender(config, http_client)
        elif config.own_http and not config.revived:  # raise early if the proxy is invalid
            proxies.proxy_for(config, socks=transport != "aiohttp")

    def after_fork(self) -> None:
        """Leave connections, and calls in progress, to the parent process and its event loop."""
        self._per_thread, self._call_soon = _PerThread(), None
        if self._given is not None:
            self._given.drop_idle()

    def send(
        self, request: Request, limit: TimeLimit
    ) -> Sending:  # one coroutine, if there is no telemetry
        return self.telemetry.attempt(self._send, request, limit)

    async def _send(self, request: Request, limit: TimeLimit) -> Response:
        before, trace = sys.exception(), http_common.SendTrace(request.submission)
        sender, scopes = self._sender(), self._scopes()
        limit.scope = scope = event_loop.cancel_scope(limit.ends_at)
        scopes.add(scope)
        identity = self._identity
        try:
            with scope:
                if identity is None:
                    identity = await self._find_identity()
                return http_common.log_response(
                    request, await sender.send(request, limit, trace, identity)
                )
        except HTTPError as fault:
            http_common.raise_interruption(fault, before, trace)
            raise http_common.request_failed(
                self.config, request, fault, trace, closed=self._closed
            ) from fault.source
        except BaseException:
            trace.interrupted()
            raise
        finally:
            scopes.discard(scope)
        late = TimeoutException("")  # only reached if the scope was cancelled
        raise http_common.request_failed(
            self.config, request, late, trace, closed=self._closed
        ) from late

    async def sleep(self, seconds: float) -> None:
        with self._ended_by_close():
            await event_loop.sleep(seconds)

    async def wait_for(self, future: Future[None], limit: float | None) -> bool:
        with self._ended_by_close():
            return await event_loop.wait_for_future(future, limit)
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def _ended_by_close(self) -> Iterator[None]:
        """
        End a pause when the client is closed.

        Raises:
            ClientClosedError: The client was closed.
        """
        if self._closed:
            raise http_common.closed_while_waiting()
        scopes, scope = self._scopes(), event_loop.cancel_scope()
        scopes.add(scope)
        try:
            with scope:
                yield
        finally:
            scopes.discard(scope)
        if scope.cancelled_caught:
            raise http_common.closed_while_waiting()

    async def shielded(self, flow: Awaitable[T]) -> T:
        with whole_imports():
            import anyio  # the scopes of a caller may be its, also under asyncio

        with anyio.CancelScope(shield=True):
            return await flow
        raise AssertionError("unreachable")  # the scope is never cancelled

    log = staticmethod(log)

    now = staticmethod(event_loop.loop_time)

    def random(self) -> float:
        return random.random()

    async def aclose(self) -> None:
        """Close the client's own connections, and cancel the calls in progress on this loop."""
        self._closed = True
        per_thread = self._per_thread
        self._end_all()
        if per_thread.loop == event_loop.current_loop():
            for sender in per_thread.senders():
                await sender.close()
        else:  # the loop has ended
            per_thread.drop()

    def close_soon(self) -> None:
        """Cancel the calls on the first loop that used this port, from any thread."""
        self._closed = True
        if self._call_soon is not None:
            with ignored(RuntimeError):  # the loop has ended
                self._call_soon(self._end_all)

    def _scopes(self) -> set[event_loop.CancelScope]:
        """Return the cancel scopes of the calls in progress on this loop."""
        if self._call_soon is None:
            self._call_soon = event_loop.loop_scheduler()
        return self._per_thread.scopes

    def _end_all(self) -> None:
        for scope in list(self._per_thread.scopes):
            scope.cancel()
        for child in list(self._children):
            child._closed = True
            child._end_all()

    def check_open(self) -> None:
        """Raise `ClientClosedError` if the client was closed."""
        if self._closed:
            raise http_common.closed_before()

    def __del__(self) -> None:
        per_thread = getattr(self, "_per_thread", None)
        if per_thread is None or self._closed:
            return
        if per_thread.senders():
            http_common.warn_unclosed(self, self.config)
        per_thread.drop()

    async def _find_identity(self) -> Identity:
        """Return the identity with the constant API key, or with a key from the function."""
        function = self.config.key_function
        if function is None:
            self._identity = Identity(self.config, self.config.key())
            return self._identity
        returned: Any = Secret(function())
        if inspect.isawaitable(returned.reveal()):
            returned = Secret(await returned.reveal())
        return Identity(self.config, key_from_function(returned.reveal()))

    def _sender(self) -> _Sender:
        self.check_open()
        if self._parent is not None:
            return self._parent._sender()
        if self._given is not None:
            return self._given
        per_thread, loop = self._per_thread, event_loop.current_loop()
        if per_thread.loop != loop:
            per_thread.drop()
            per_thread.loop = loop
        if self._follows_mocks and ASYNC_PATH.is_replaced():
            per_thread.for_mocks = per_thread.for_mocks or _httpx_sender(self.config)
            return per_thread.for_mocks
        if per_thread.sender is None:
            per_thread.sender = self._connect(self.config)
        return per_thread.sender


class _PerThread(threading.local):
    """The connections of one thread, because an event loop runs in one thread."""

    sender: _Sender | None = None
    for_mocks: _Sender | None = None
    """Replaces the sender while functions of httpx are mocked."""
    loop: object = None

    def __init__(self) -> None:
        self.scopes: set[event_loop.CancelScope] = set()
        """The cancel scopes of requests in progress."""

    def senders(self) -> list[_Sender]:
        return [sender for sender in (self.sender, self.for_mocks) if sender is not None]

    def drop(self) -> None:
        """Close the idle connections, although their loop may have ended."""
        for sender in self.senders():
            sender.drop_idle()
        self.sender = self.for_mocks = None


class _Sender(Protocol):
    async def send(
        self,
        request: Request,
        limit: TimeLimit,
        trace: http_common.SendTrace,
        identity: Identity,
        /,
    ) -> Response: ...
    async def close(self) -> None: ...
    def drop_idle(self) -> None: ...


def _connector(transport: Transport | None) -> Callable[[Config], _Sender]:
    """Return the function that creates the transport's sender."""
    if transport in (None, "direct", "anyio"):
        return _direct_sender
    if transport == "httpx":
        return _pooled_httpx_sender
    if transport != "aiohttp":
        raise ValueError(f'transport must be "direct", "httpx" or "aiohttp", not {transport!r}')
    try:
        with whole_imports():
            from runpod_sdk._io.aiohttp_client import AiohttpSender
    except OSError as error:  # from the TLS contexts that aiohttp creates when it is imported
        fault = certificates.fault(error)
    except ImportError as missing:
        raise ConfigurationError(
            'transport="aiohttp" needs aiohttp: pip install "runpod_sdk[aiohttp]"'
        ) from missing
    else:
        return AiohttpSender
    raise ConfigurationError(fault)


def _direct_sender(config: Config) -> _Sender:
    if proxies.proxy_for(config):
        return _httpx_sender(config)
    from runpod_sdk._io.http11.pool import ConnectionPool

    return ConnectionPool(config, _open_stream())


def _pooled_httpx_sender(config: Config) -> _Sender:
    if proxies.proxy_for(config):
        return _httpx_sender(config)
    with whole_imports():
        from runpod_sdk._io.http11.pool import ConnectionPool
        from runpod_sdk._io.httpx_client import AsyncHttpxSender
        from runpod_sdk._io.httpx_over_pool import AsyncPooledTransport

    pool = ConnectionPool(config, _open_stream())
    return AsyncHttpxSender(config, transport=AsyncPooledTransport(pool))


def _open_stream() -> Open:
    if event_loop.under_asyncio():
        from runpod_sdk._io.http11.asyncio_stream import AsyncioStream
        from runpod_sdk._io.http11.happy_eyeballs_asyncio import Connector

        return partial(AsyncioStream.open, Connector())
    from runpod_sdk._io.http11.anyio_stream import AnyioStream

    return AnyioStream.open


def _httpx_sender(config: Config, http_client: AsyncHttpClient | None = None) -> AsyncHttpxSender:
    with whole_imports():
        from runpod_sdk._io.httpx_client import AsyncHttpxSender

    return AsyncHttpxSender(config, http_client)


def drive(flow: Awaitable[T]) -> Awaitable[T]:
    """Return a flow over an `AsyncIO`, for the caller to await."""
    return flow


async def in_thread(work: Callable[[], T], time_left: TimeLeft) -> T:
    """Run *work* in a thread; it blocks, and observes *time_left*."""
    from runpod_sdk._files import time_left as threads

    return await threads.in_thread(work, time_left)


def notifier(function: OnUpdate | None, guard: JobGuard) -> Notify | None:
    """
    Return a function that calls the caller's function for updates, if there is one.

    Args:
        guard: Records the function's exception, which is an interruption, of any class.
    """
    if function is None:
        return None
    checked_function(function, "on_update")

    async def notify(state: JobState) -> None:
        try:
            result: Any = function(state)
            if inspect.isawaitable(result):
                await result
        except BaseException as reason:
            guard.interruption = reason
            raise

    return notify


class AsyncQueueIterator(AsyncIterator[T]):
    """
    An async iterator over the values of a queue that a flow fills.

    An interruption loses no value: it is still in the queue, or the caller has received it.

    Args:
        fill: Returns a queue with at least one value, or None at the end.
    """

    def __init__(self, fill: Callable[[], Awaitable[deque[T] | None]]) -> None:
        self._fill = fill

    async def __anext__(self) -> T:
        values = await self._fill()
        if values is None:
            raise StopAsyncIteration
        value = values[0]
        try:
            del values[0]  # not a call: no signal handler runs from here to the return
            return value
        except BaseException:
            if not values or values[0] is not value:
                values.appendleft(value)
            raise
