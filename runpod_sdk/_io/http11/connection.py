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
"""The longest idle time in seconds, well below the 60 after which servers close."""
SUBMISSION_IDLE_TIME: Final = 4.0
"""The longest idle time in seconds before a request that cannot be repeated."""
MIN_ACKNOWLEDGE_TIME: Final = 0.5
MAX_ACKNOWLEDGE_TIME: Final = 3.0
"""The range of the time in seconds in which a kept connection must acknowledge sent data."""
READ_SIZE: Final = 64 * 1024
"""The number of bytes that a stream reads at a time."""
LONGEST_HEAD: Final = 100 * 1024
"""Bytes of a response's head that are read."""
_EVENTS: Final = 256
"""The number of h11 events after which the time limit is checked."""


OnData = Callable[[bytes], bool]
"""Called with data that arrives during a write; returns whether to stop writing."""


class NetworkStream(Protocol):
    """A connection that transfers bytes; its errors are `httpx.TransportError`s."""

    async def read(self) -> bytes:
        """Return received data, or wait for it; return b"" after the server has closed."""
        ...

    async def write(self, data: bytes | memoryview, on_data: OnData | None = None) -> bool:
        """
        Hand *data* to the system; return whether all of it was handed over.

        Args:
            on_data: Called with data that arrives during the write; None does not read.
        """
        ...

    def limit_unacknowledged(self, seconds: float) -> None:
        """Fail if sent data is not acknowledged within *seconds*; 0 is no limit."""
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
    """An HTTP/1.1 connection for one exchange after another."""

    def __init__(self, stream: NetworkStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self._is_reusable = True
        self._idle_since = 0.0
        self._unacknowledged = 0.0
        """The stream's limit for unacknowledged data, in seconds."""

    def limit_silence(self, limit: TimeLimit | None) -> None:
        """
        Let the next exchange fail soon on a broken connection, if that is safe.

        Args:
            limit: The time limit of a repeatable exchange; None for other exchanges.
        """
        seconds = 0.0
        if limit is not None:
            seconds = min(max(limit.left() / 3, MIN_ACKNOWLEDGE_TIME), MAX_ACKNOWLEDGE_TIME)
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
        reader = _ResponseReader(self._http, identity, trace, limit)
        try:
            if len(body) <= PROGRESS:
                await self._hand_over(head + body, trace)
            else:
                await self._stream.write(head)
                self._is_reusable = await self._upload(body, trace, limit, reader.feed)
        except httpx.WriteError:  # the server may have responded before it closed the connection
            self._is_reusable = False
        while not reader.has_ended:
            reader.feed(await self._stream.read())
        return reader.body

    async def _upload(
        self, body: memoryview, trace: SendTrace, limit: TimeLimit, on_data: OnData
    ) -> bool:
        """Write a large body; return whether all of it was written, before a response."""
        last = (len(body) - 1) // PROGRESS * PROGRESS
        for start in range(0, last, PROGRESS):
            if not await self._stream.write(body[start : start + PROGRESS], on_data):
                return False
            limit.add_progress(PROGRESS)
        return await self._hand_over(body[last:], trace, on_data)

    async def _hand_over(
        self, data: bytes | memoryview, trace: SendTrace, on_data: OnData | None = None
    ) -> bool:
        """Write the end of a request: with its last byte, the server may accept it."""
        trace.handing_over()
        try:
            is_done = await self._stream.write(data, on_data)
        except httpx.TransportError:
            trace.not_handed_over()
            raise
        except BaseException:
            if self._stream.has_unsent():
                trace.not_handed_over()
            raise
        if not is_done:
            trace.not_handed_over()
        return is_done

    def renew(self) -> bool:
        """Prepare the next exchange; return whether the connection can be used again."""
        extra_data, _ = self._http.trailing_data  # it could be mistaken for the next response
        if not self._is_reusable or extra_data or self._http.states != _DONE:
            return False
        self._http.start_next_cycle()
        self._idle_since = idle_clock()
        return True

    def idle_time(self) -> float:
        """Return the idle time in seconds."""
        return idle_clock() - self._idle_since

    def is_closed(self) -> bool:
        """Return whether the server has closed the connection or sent unexpected data."""
        return self._stream.readable()

    async def close(self) -> None:
        await self._stream.close()

    def release(self) -> None:
        self._stream.release()


class _ResponseReader:
    """Parses the response to one request as its data arrives."""

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
        """Whether the response is complete, or the rest is not needed."""

    def feed(self, data: bytes) -> bool:
        """Add received data, or nothing at the end; return whether the response has begun."""
        http, limit = self._http, self._limit
        if not data and http.their_state is h11.SEND_RESPONSE:
            raise httpx.RemoteProtocolError("the server closed the connection without a response")
        http.receive_data(data)
        if self._has_begun:
            limit.add_progress(len(data))
        events = 0
        while not self.has_ended and (event := self._next()) is not h11.NEED_DATA:
            if type(event) is h11.Response:  # isinstance is slow with h11's abstract classes
                headers = httpx.Headers(event.headers.raw_items())
                self.body = ResponseBody(self._identity, event.status_code, headers)
                self._has_begun = True
                self._trace.response_started(self.body)
            elif type(event) is h11.Data:
                self.has_ended = not self.body.add(event.data)
            elif type(event) is not h11.InformationalResponse:
                self.has_ended = self._has_begun
            events += 1
            if events % _EVENTS == 0 and limit.left() <= 0:
                raise httpx.ReadTimeout("no time is left")
        if self._has_begun and not self.has_ended and limit.left() <= 0:
            raise httpx.ReadTimeout("no time is left")  # reads never block while data arrives
        return self._has_begun

    def _next(self) -> object:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error


def _clock_that_counts_sleep() -> Callable[[], float]:
    """
    Return a clock in seconds that continues while the machine sleeps.

    `time.monotonic` does so on Windows, but not on Linux and macOS.
    """
    name = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC"}.get(sys.platform, "")
    clock = getattr(time, name, None)
    return time.monotonic if clock is None else partial(time.clock_gettime, clock)


idle_clock: Final = _clock_that_counts_sleep()
_DONE: Final = {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}
