"""The port of the sync client: blocks, and never suspends."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, TypeVar
from weakref import WeakSet

from runpod_sdk import _forks
from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.io import Call, Level, Reply
from runpod_sdk._io import http_common, proxies
from runpod_sdk._io.http11.pool import Pool
from runpod_sdk._io.http11.socket_stream import BlockingLine
from runpod_sdk._io.log import follow_environment
from runpod_sdk._io.socket_deadline import bounded_by, end
from runpod_sdk._telemetry.telemetry import Sending, Telemetry
from runpod_sdk.settings import Config

if TYPE_CHECKING:
    from concurrent.futures import Future

    import httpx

    from runpod_sdk._files.time_left import TimeLeft
    from runpod_sdk._io.aio import AsyncIO
    from runpod_sdk._io.httpx_client import Through

T = TypeVar("T")

Transport = Literal["direct"]
"""How a client sends requests: over connections of its own."""


class SyncIO:
    """An `IO` that blocks: over connections of our own, or a caller's `httpx.Client`."""

    def __init__(
        self, config: Config, http_client: httpx.Client | None, transport: Transport | None = None
    ) -> None:
        if transport not in (None, "direct"):
            raise ValueError(f'transport must be "direct", not {transport!r}')
        if http_client is not None and transport is not None:
            raise ValueError("give transport=… or http_client=…, which has its own, not both")
        self.config = config
        follow_environment()
        self.telemetry = Telemetry(config.base_url, config.telemetry)
        self._callers: Through | None = None
        self._begin()
        _forks.watch(self)
        if http_client is not None:
            self._callers = _through(config, http_client)
        elif not config.revived:
            proxies.proxy_for(config)  # one that can't be used is an error from the start

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._own: Pool | Through | None = None
        self._closed = threading.Event()
        self._attempts: set[TimeLimit] = set()
        """Attempts in progress, in any thread."""
        self._turns: set[threading.Event] = set()
        """Threads that wait in the queue of a rate limit."""
        self.beside: WeakSet[AsyncIO] = WeakSet()
        """The ports of the client's maps, to be closed with it."""

    def after_fork(self) -> None:
        """Leave connections, locks and attempts to the parent process: closing ends none there."""
        was_closed = self._closed.is_set()
        self._begin()
        if was_closed:
            self._closed.set()
        if self._callers is not None:
            self._callers.drop_idle()

    def send(self, call: Call, limit: TimeLimit) -> Sending:  # one coroutine, if nobody is told
        return self.telemetry.attempt(self._send, call, limit)

    async def _send(self, call: Call, limit: TimeLimit) -> Reply:
        before, trace = sys.exception(), http_common.Trace(call.submission)
        way = self._way()
        self._attempts.add(limit)
        try:
            with bounded_by(limit):
                return http_common.noted(call, await way.send(call, limit, trace))
        except http_common.FAULTS as fault:
            http_common.raise_interruption(fault, before, trace)
            closed = self._closed.is_set()
            raise http_common.no_reply(self.config, call, fault, trace, closed=closed) from fault
        except BaseException:
            trace.interrupted()
            raise
        finally:
            self._attempts.discard(limit)

    async def sleep(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise http_common.closed_meanwhile()

    async def turn(self, turn: Future[None], limit: float | None) -> bool:
        come = threading.Event()  # `turn.result` raises what a signal handler may raise too
        turn.add_done_callback(lambda _: come.set())
        self._turns.add(come)
        try:
            if not self._closed.is_set():
                come.wait(limit)
        finally:
            self._turns.discard(come)
        if self._closed.is_set():
            raise http_common.closed_meanwhile()
        return turn.done()

    async def shielded(self, flow: Awaitable[T]) -> T:
        return await flow

    def note(self, level: Level, message: str, *args: object) -> None:
        http_common.log(level, message, *args)

    def now(self) -> float:
        return time.monotonic()

    def random(self) -> float:
        return random.random()

    def close(self) -> None:
        """Close the connections that are our own, and end what other threads do on any."""
        with self._lock:
            self._closed.set()
            for attempt in list(self._attempts):
                end(attempt)
            for come in list(self._turns):
                come.set()
            for other in list(self.beside):
                other.close_soon()
            if self._own is not None:
                drive(self._own.close())

    def check_open(self) -> None:
        """Raise, if the client was closed."""
        if self._closed.is_set():
            raise http_common.closed_before()

    def __del__(self) -> None:
        if getattr(self, "_own", None) is not None and not self._closed.is_set():
            http_common.warn_unclosed(self)
            self.close()

    def _way(self) -> Pool | Through:
        self.check_open()
        if self._callers is not None:
            return self._callers
        with self._lock:
            self.check_open()
            if self._own is None:
                proxied = proxies.proxy_for(self.config)
                self._own = (
                    _through(self.config) if proxied else Pool(self.config, BlockingLine.open)
                )
            return self._own


def _through(config: Config, http_client: httpx.Client | None = None) -> Through:
    from runpod_sdk._io.httpx_client import Through  # few go this way, and need httpcore

    return Through(config, http_client)


def drive(flow: Awaitable[T]) -> T:
    """Run a flow over a `SyncIO`: one step takes it to its end."""
    steps = flow.__await__()
    try:
        next(steps)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("a flow of the sync client has suspended")


def in_thread(work: Callable[[], T], time_left: TimeLeft) -> T:
    """Do *work*, which blocks and observes *time_left*: in the caller's own thread."""
    return work()


class Delivery(Iterator[T]):
    """
    An iterator over the values of a queue that a flow fills.

    An interruption loses none: a value is either still in the queue, or has reached the caller.

    Args:
        fill: Returns a queue with at least one value, or None at the end.
    """

    def __init__(self, fill: Callable[[], Awaitable[deque[T] | None]]) -> None:
        self._values = map(deque[T].popleft, iter(partial(_filled, fill), None))

    if TYPE_CHECKING:

        def __next__(self) -> T: ...

    else:
        # Not a function: between the one call that removes a value from the queue, and the
        # caller's having it, no bytecode must run, or Ctrl-C there would lose the value.
        __next__ = property(attrgetter("_values.__next__"))


def _filled(fill: Callable[[], Awaitable[deque[T] | None]]) -> deque[T] | None:
    return drive(fill())
