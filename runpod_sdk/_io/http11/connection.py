"""
HTTP/1.1 over a network stream, one exchange at a time.

h11 implements the protocol; this module exchanges its events with the stream. It is written once,
as coroutines over a `NetworkStream`: the sync client's stream blocks and never suspends.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

import h11
import httpx

from runpod_sdk._flows.deadline import PROGRESS, TimeLimit
from runpod_sdk._io.body import ResponseBody
from runpod_sdk._io.http_common import SendTrace
from runpod_sdk._io.identity import Identity

IDLE_TIME: Final = 30.0
"""Seconds that a connection is kept unused: well below the 60 after which servers close it."""
SUBMISSION_IDLE_TIME: Final = 4.0
"""Seconds that it may have been unused for a request that can't be sent twice."""
SHORTEST_DOUBT: Final = 0.5
LONGEST_DOUBT: Final = 3.0
"""Seconds within which a kept connection has to show that the server's machine gets our bytes."""
READ_SIZE: Final = 64 * 1024
"""Bytes that a line reads at a time."""
LONGEST_HEAD: Final = 100 * 1024
"""Bytes of a response's head that are read."""
_EVENTS: Final = 256
"""How many pieces of an answer are read between two looks at the clock."""


OnData = Callable[[bytes], bool]
"""Called with data that arrives during a write; returns whether to stop writing."""


class NetworkStream(Protocol):
    """A connection that carries bytes; what goes wrong on it is an `httpx.TransportError`."""

    async def read(self) -> bytes:
        """Return what has come, or wait for some; nothing, when the other side has ended."""
        ...

    async def write(self, data: bytes | memoryview, on_data: OnData | None = None) -> bool:
        """
        Hand *data* to the system; return whether all of it was handed over.

        Args:
            on_data: Called with data that arrives during the write; None does not read.
        """
        ...

    def limit_unacknowledged(self, seconds: float) -> None:
        """Fail if nothing acknowledges what is sent for so long; 0 is no limit."""
        ...

    def has_unsent(self) -> bool:
        """Return whether the system certainly did not get all written data."""
        ...

    async def close(self) -> None: ...

    def release(self) -> None:
        """Close an unused stream at once, also without an event loop."""
        ...

    def readable(self) -> bool:
        """Return whether there is data to read, or the end."""
        ...


class HTTP11Connection:
    """A connection that carries one exchange after another."""

    def __init__(self, stream: NetworkStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self._whole = True
        self._idle_since = 0.0
        self._unacknowledged = 0.0
        """The limit of the line for what is not acknowledged."""

    def doubt(self, limit: TimeLimit | None) -> None:
        """
        Let the next exchange fail soon on a broken connection, if that is safe.

        Args:
            limit: The time limit of a repeatable exchange; None for other exchanges.
        """
        seconds = 0.0
        if limit is not None:
            seconds = min(max(limit.left() / 3, SHORTEST_DOUBT), LONGEST_DOUBT)
        if seconds != self._unacknowledged:
            self._stream.limit_unacknowledged(seconds)
            self._unacknowledged = seconds

    async def exchange(
        self,
        identity: Identity,
        request: h11.Request,
        content: bytes | None,
        trace: SendTrace,
        limit: TimeLimit,
    ) -> ResponseBody:
        """Send a request, and read the response up to the maximum size."""
        head = self._http.send(request) or b""
        body = memoryview(b"" if content is None else self._http.send(h11.Data(content)) or b"")
        self._http.send(h11.EndOfMessage())
        answer = _ResponseReader(self._http, identity, trace, limit)
        try:
            if len(body) <= PROGRESS:
                await self._hand_over(head + body, trace)
            else:
                await self._stream.write(head)
                self._whole = await self._upload(body, trace, limit, answer.take)
        except httpx.WriteError:  # it may have answered before it hung up
            self._whole = False
        while not answer.has_ended:
            answer.take(await self._stream.read())
        return answer.body

    async def _upload(
        self, body: memoryview, trace: SendTrace, limit: TimeLimit, on_data: OnData
    ) -> bool:
        """Write a large body; tell whether that was done, or the server answered before."""
        last = (len(body) - 1) // PROGRESS * PROGRESS
        for start in range(0, last, PROGRESS):
            if not await self._stream.write(body[start : start + PROGRESS], on_data):
                return False
            limit.add_progress(PROGRESS)
        return await self._hand_over(body[last:], trace, on_data)

    async def _hand_over(
        self, data: bytes | memoryview, trace: SendTrace, on_data: OnData | None = None
    ) -> bool:
        """Write what is the end of a request: with its last byte, the server may take it."""
        trace.handing_over()
        try:
            is_done = await self._stream.write(data, on_data)
        except httpx.TransportError:
            trace.kept_back()
            raise
        except BaseException:
            if self._stream.has_unsent():
                trace.kept_back()
            raise
        if not is_done:
            trace.kept_back()
        return is_done

    def renew(self) -> bool:
        """Prepare the next exchange; return whether the connection can be used again."""
        too_much, _ = self._http.trailing_data  # it would pass for the next answer
        if not self._whole or too_much or self._http.states != _DONE:
            return False
        self._http.start_next_cycle()
        self._idle_since = idle_clock()
        return True

    def idle_time(self) -> float:
        """Return how long it has been unused, in seconds."""
        return idle_clock() - self._idle_since

    def is_closed(self) -> bool:
        """Return whether the server has closed the connection or sent unexpected data."""
        return self._stream.readable()

    async def close(self) -> None:
        await self._stream.close()

    def release(self) -> None:
        self._stream.release()


class _ResponseReader:
    """The answer to one request, as far as it has come."""

    body: ResponseBody

    def __init__(
        self, http: h11.Connection, identity: Identity, trace: SendTrace, limit: TimeLimit
    ) -> None:
        self._http = http
        self._identity = identity
        self._trace = trace
        self._limit = limit
        self._has_begun = False
        self.has_ended = False
        """Whether there is no more of it to be read."""

    def take(self, data: bytes) -> bool:
        """Add received data, or nothing at the end; return whether the response has begun."""
        http, limit = self._http, self._limit
        if not data and http.their_state is h11.SEND_RESPONSE:
            raise httpx.RemoteProtocolError("the server closed the connection without a response")
        http.receive_data(data)
        if self._has_begun:
            limit.add_progress(len(data))
        events = 0
        while not self.has_ended and (event := self._next()) is not h11.NEED_DATA:
            if isinstance(event, h11.Response):
                headers = httpx.Headers(event.headers.raw_items())
                self.body = ResponseBody(self._identity, event.status_code, headers)
                self._has_begun = True
                self._trace.answering(self.body)
            elif isinstance(event, h11.Data):
                self.has_ended = not self.body.add(event.data)
            elif not isinstance(event, h11.InformationalResponse):
                self.has_ended = self._has_begun
            events += 1
            if events % _EVENTS == 0 and limit.left() <= 0:
                raise httpx.ReadTimeout("no time is left")
        if self._has_begun and not self.has_ended and limit.left() <= 0:
            raise httpx.ReadTimeout("no time is left")  # where bytes keep coming, nobody waits
        return self._has_begun

    def _next(self) -> object:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error


def _clock_that_counts_sleep() -> Callable[[], float]:
    """
    Return a clock that goes on while the machine sleeps, in seconds.

    `time.monotonic` does so on Windows, but not on Linux and macOS.
    """
    name = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC"}.get(sys.platform, "")
    clock = getattr(time, name, None)
    return time.monotonic if clock is None else partial(time.clock_gettime, clock)


idle_clock: Final = _clock_that_counts_sleep()
_DONE: Final = {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}
