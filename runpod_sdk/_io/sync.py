"""The port of the sync client: blocks, and never suspends."""

from __future__ import annotations

import inspect
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from weakref import WeakSet

from runpod_sdk import _forks
from runpod_sdk._environment import key_from_function
from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.io import Request, Response
from runpod_sdk._importing import whole_imports
from runpod_sdk._io import http_common, proxies
from runpod_sdk._io.http11.happy_eyeballs import LookUps
from runpod_sdk._io.http11.pool import ConnectionPool
from runpod_sdk._io.http11.socket_stream import SocketStream
from runpod_sdk._io.identity import Identity
from runpod_sdk._io.log import follow_environment, log
from runpod_sdk._io.request_path import SYNC_PATH
from runpod_sdk._io.socket_deadline import bounded_by, end
from runpod_sdk._io.transport_errors import HTTPError
from runpod_sdk._secret import Secret
from runpod_sdk._telemetry.telemetry import Sending, Telemetry
from runpod_sdk.settings import Config, OnUpdate, checked_function

if TYPE_CHECKING:
    from concurrent.futures import Future

    from runpod_sdk._files.time_left import TimeLeft
    from runpod_sdk._flows.guard import JobGuard
    from runpod_sdk._flows.updates import Notify
    from runpod_sdk._io.aio import AsyncIO
    from runpod_sdk._io.httpx_client import HttpxSender
    from runpod_sdk._types import HttpClient
    from runpod_sdk.models import JobState

T = TypeVar("T")

Transport = Literal["direct", "httpx"]
"""Transports: the client's own connections, or an httpx client over them."""


class SyncIO:
    """The blocking port: over the client's own connections, or a caller's `httpx.Client`."""

    def __init__(
        self,
        config: Config,
        http_client: HttpClient | None,
        transport: Transport | None = None,
        *,
        parent: SyncIO | None = None,
    ) -> None:
        """
        Prepare to send; no connection is made yet.

        Args:
            parent: The port whose connections this one uses, and that closes it.
        """
        if transport not in (None, "direct", "httpx"):
            raise ValueError(f'transport must be "direct" or "httpx", not {transport!r}')
        if http_client is not None and transport is not None:
            raise ValueError("pass transport=… or http_client=…, not both")
        self.config = config
        follow_environment()
        self.telemetry = Telemetry(config.base_url, config.telemetry)
        self._parent = parent
        self.transport: Transport | None = transport if parent is None else parent.transport
        self._identity: Identity | None = None
        """The identity, if the API key is constant; set by the first request."""
        self._given: HttpxSender | None = None
        self._children: WeakSet[SyncIO] = WeakSet()
        self._begin()
        _forks.watch(self)
        if parent is not None:
            parent._children.add(self)
        elif http_client is not None:
            self._given = _httpx_sender(config, http_client)
        elif not config.revived:
            proxies.proxy_for(config)  # raise early if the proxy is invalid

    def _begin(self) -> None:
        self._lock = threading.RLock()  # a signal handler may close the client in its owner
        self._default: ConnectionPool | HttpxSender | None = None
        self._for_mocks: HttpxSender | None = None
        """Replaces the default while functions of httpx are mocked."""
        self._closing = False
        self._closed = threading.Event()
        self._attempts: set[TimeLimit] = set()
        """Attempts in progress, in any thread."""
        self._waiting: set[threading.Event] = set()
        """Threads that wait in the queue of a rate limit."""
        self.loop_ios: WeakSet[AsyncIO] = WeakSet()
        """The ports of the client's maps, to be closed with it."""

    def after_fork(self) -> None:
        """
        Leave connections, locks and attempts to the parent process.

        The copies of idle connections are closed, which the parent's connections survive.
        """
        for sender in (self._default, self._for_mocks, self._given):
            if sender is not None:
                sender.drop_idle()
        was_closed = self._closed.is_set()
        self._begin()
        if was_closed:
            self._closed.set()

    def send(
        self, request: Request, limit: TimeLimit
    ) -> Sending:  # one coroutine, if there is no telemetry
        return self.telemetry.attempt(self._send, request, limit)

    async def _send(self, request: Request, limit: TimeLimit) -> Response:
        before, trace = sys.exception(), http_common.SendTrace(request.submission)
        sender, identity = self._sender(), self._identity
        self._attempts.add(limit)
        try:
            if identity is None:
                identity = self._find_identity()
            with bounded_by(limit):
                return http_common.log_response(
                    request, await sender.send(request, limit, trace, identity)
                )
        except HTTPError as fault:
            http_common.raise_interruption(fault, before, trace)
            closed = self._closed.is_set()
            raise http_common.request_failed(
                self.config, request, fault, trace, closed=closed
            ) from fault.source
        except BaseException:
            trace.interrupted()
            raise
        finally:
            self._attempts.discard(limit)

    async def sleep(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise http_common.closed_while_waiting()

    async def wait_for(self, future: Future[None], limit: float | None) -> bool:
        # Not `future.result`, which raises a TimeoutError as a signal handler may.
        settled = threading.Event()
        future.add_done_callback(lambda _: settled.set())
        self._waiting.add(settled)
        try:
            if not self._closed.is_set():
                settled.wait(limit)
        finally:
            self._waiting.discard(settled)
        if self._closed.is_set():
            raise http_common.closed_while_waiting()
        return future.done()

    async def shielded(self, flow: Awaitable[T]) -> T:
        return await flow

    log = staticmethod(log)

    now = staticmethod(time.monotonic)

    def random(self) -> float:
        return random.random()

    def close(self) -> None:
        """Close the client's own connections, and end the attempts of other threads."""
        with self._lock:
            if self._closing:  # in a signal handler, which has interrupted this method
                return
            self._closing = True
            try:
                self._close()
            finally:
                self._closing = False

    def _close(self) -> None:
        self._closed.set()
        for attempt in list(self._attempts):
            end(attempt)
        for settled in list(self._waiting):
            settled.set()
        for other in list(self.loop_ios):
            other.close_soon()
        for child in list(self._children):
            child.close()
        for sender in (self._default, self._for_mocks):
            if sender is not None:
                drive(sender.close())

    def check_open(self) -> None:
        """Raise `ClientClosedError` if the client was closed."""
        if self._closed.is_set():
            raise http_common.closed_before()

    def __del__(self) -> None:
        if getattr(self, "_default", None) is None and getattr(self, "_for_mocks", None) is None:
            return
        if not self._closed.is_set():
            http_common.warn_unclosed(self, self.config)
            self.close()

    def _sender(self) -> ConnectionPool | HttpxSender:
        self.check_open()
        if self._parent is not None:
            return self._parent._sender()
        if self._given is not None:
            return self._given
        is_replaced = SYNC_PATH.is_replaced()
        with self._lock:
            self.check_open()
            if is_replaced:
                self._for_mocks = self._for_mocks or _httpx_sender(self.config)
                sender: ConnectionPool | HttpxSender = self._for_mocks
            else:
                self._default = self._default or _default_sender(self.config, self.transport)
                sender = self._default
            self.check_open()  # a signal handler may have closed the client in the meantime
            return sender

    def _find_identity(self) -> Identity:
        """Return the identity with the constant API key, or with a key from the function."""
        function = self.config.key_function
        if function is None:
            self._identity = Identity(self.config, self.config.key())
            return self._identity
        returned: Any = Secret(function())
        if inspect.iscoroutine(returned.reveal()):
            returned.reveal().close()
        return Identity(self.config, key_from_function(returned.reveal()))


def _default_sender(config: Config, transport: Transport | None) -> ConnectionPool | HttpxSender:
    if proxies.proxy_for(config):
        return _httpx_sender(config)
    pool = ConnectionPool(config, partial(SocketStream.open, LookUps()))
    if transport != "httpx":
        return pool
    with whole_imports():
        from runpod_sdk._io.httpx_client import HttpxSender
        from runpod_sdk._io.httpx_over_pool import PooledTransport

    return HttpxSender(config, transport=PooledTransport(pool, drive))


def _httpx_sender(config: Config, http_client: HttpClient | None = None) -> HttpxSender:
    with whole_imports():
        from runpod_sdk._io.httpx_client import HttpxSender

    return HttpxSender(config, http_client)


def drive(flow: Awaitable[T]) -> T:
    """Run a flow over a `SyncIO` to its end, in one step."""
    steps = flow.__await__()
    try:
        next(steps)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("a flow of the sync client has suspended")


def in_thread(work: Callable[[], T], time_left: TimeLeft) -> T:
    """Run *work* in the caller's thread; it blocks, and observes *time_left*."""
    return work()


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
            if inspect.iscoroutine(result):
                result.close()
                raise TypeError("on_update is an async function: use AsyncRunpod")
        except BaseException as reason:
            guard.interruption = reason
            raise

    return notify


class QueueIterator(Iterator[T]):
    """
    An iterator over the values of a queue that a flow fills.

    An interruption loses no value: it is still in the queue, or the caller has received it.

    Args:
        fill: Returns a queue with at least one value, or None at the end.
    """

    def __init__(self, fill: Callable[[], Awaitable[deque[T] | None]]) -> None:
        self._values = map(deque[T].popleft, iter(partial(_filled, fill), None))

    if TYPE_CHECKING:

        def __next__(self) -> T: ...

    else:
        # Not a function: no bytecode may run between the call that removes a value from the queue
        # and the caller's assignment, because Ctrl-C there would lose the value.
        __next__ = property(attrgetter("_values.__next__"))


def _filled(fill: Callable[[], Awaitable[deque[T] | None]]) -> deque[T] | None:
    return drive(fill())
