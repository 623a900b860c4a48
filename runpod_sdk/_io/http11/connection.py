"""
HTTP/1.1 over a network stream, one exchange at a time.

A codec implements the protocol; this module exchanges its bytes with the stream. It is written
once, as coroutines over a `NetworkStream`: the sync client's stream blocks and never suspends.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from runpod_sdk._flows.deadline import PROGRESS, TimeLimit
from runpod_sdk._io.body import ResponseBody
from runpod_sdk._io.http11.codec import Codec
from runpod_sdk._io.http_common import SendTrace
from runpod_sdk._io.identity import Identity
from runpod_sdk._io.transport_errors import (
    ReadTimeout,
    RemoteProtocolError,
    TransportError,
    WriteError,
)

IDLE_TIME: Final = 30.0
"""The longest idle time in seconds, well below the 60 after which servers close."""
SUBMISSION_IDLE_TIME: Final = 4.0
"""The longest idle time in seconds before a request that cannot be repeated."""
MIN_ACKNOWLEDGE_TIME: Final = 0.5
MAX_ACKNOWLEDGE_TIME: Final = 3.0
"""The range of the time in seconds in which a kept connection must acknowledge sent data."""
READ_SIZE: Final = 64 * 1024
"""The number of bytes that a stream reads at a time."""
_PIECES: Final = 256
"""The number of pieces of a body after which the time limit is checked."""


OnData = Callable[[bytes], bool]
"""Called with data that arrives during a write; returns whether to stop writing."""


class NetworkStream(Protocol):
    """A connection that transfers bytes; its errors are `TransportError`s."""

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

    def __init__(self, stream: NetworkStream, codec: Codec) -> None:
        self._stream = stream
        self._codec = codec
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
        request: Any,
        content: bytes | None,
        trace: SendTrace,
        limit: TimeLimit,
    ) -> ResponseBody:
        """
        Send a request, and read the response up to the maximum size.

        Args:
            request: The request's head, as the codec has encoded it.
        """
        head, body = self._codec.start(request, content)
        reader = _ResponseReader(self._codec, identity, trace, limit)
        try:
            if len(body) <= PROGRESS:
                await self._hand_over(head + body, trace)
            else:
                await self._stream.write(head)
                self._is_reusable = await self._upload(memoryview(body), trace, limit, reader.feed)
        except WriteError:  # the server may have responded before it closed the connection
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
        except TransportError:
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
        if not (self._is_reusable and self._codec.renew()):
            return False
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
    """Collects the response to one request as its data arrives."""

    body: ResponseBody

    def __init__(
        self, codec: Codec, identity: Identity, trace: SendTrace, limit: TimeLimit
    ) -> None:
        self._codec = codec
        self._identity = identity
        self._trace = trace
        self._limit = limit
        self._has_begun = False
        self._pieces = 0
        self.has_ended = False
        """Whether the response is complete, or the rest is not needed."""

    def feed(self, data: bytes) -> bool:
        """Add received data, or nothing at the end; return whether the response has begun."""
        if not data and not self._has_begun:
            raise RemoteProtocolError("the server closed the connection without a response")
        if self._has_begun:
            self._limit.add_progress(len(data))
        self._codec.receive(data, self)
        if not self.has_ended:
            self._check_time()  # reads never block while data arrives
        return self._has_begun

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.body = ResponseBody(self._identity, status, headers)
        self._has_begun = True
        self._trace.response_started(self.body)

    def content(self, data: bytes | bytearray) -> None:
        self.has_ended = not self.body.add(data)
        self._pieces += 1
        if self._pieces % _PIECES == 0:
            self._check_time()

    def end(self) -> None:
        self.has_ended = True

    def _check_time(self) -> None:
        if self._limit.left() <= 0:
            raise ReadTimeout("no time is left")


def _clock_that_counts_sleep() -> Callable[[], float]:
    """
    Return a clock in seconds that continues while the machine sleeps.

    `time.monotonic` does so on Windows, but not on Linux and macOS.
    """
    name = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC"}.get(sys.platform, "")
    clock = getattr(time, name, None)
    return time.monotonic if clock is None else partial(time.clock_gettime, clock)


idle_clock: Final = _clock_that_counts_sleep()
