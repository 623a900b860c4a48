"""
HTTP/1.1 over a line, one exchange at a time.

h11 knows the protocol; here its events become bytes that go and come. Written once, as
coroutines over a `Line`: that of the sync client blocks and never suspends.
"""

from __future__ import annotations

import time
from typing import Final, Protocol

import h11
import httpx

from runpod_sdk._io.http import Body, Trace
from runpod_sdk.settings import Config

IDLE_TIME: Final = 30.0
"""Seconds that a connection is kept unused: well below the 60 after which servers close it."""
MOST: Final = 64 * 1024
"""Bytes that a line reads at a time."""
_LONGEST_HEAD: Final = 100 * 1024
_ONE_PIECE: Final = 64 * 1024
"""Bytes of a body up to which it goes out together with its head."""


class Line(Protocol):
    """A connection that carries bytes; what goes wrong on it is an `httpx.TransportError`."""

    async def read(self) -> bytes:
        """Return what has come, or wait for some; nothing, when the other side has ended."""
        ...

    async def write(self, data: bytes) -> None: ...

    async def close(self) -> None: ...

    def readable(self) -> bool:
        """Tell whether there is something to read, be it the end."""
        ...


class Connection:
    """A connection that carries one exchange after another."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        self._whole = True
        self._fresh_until = 0.0

    async def exchange(
        self, config: Config, request: h11.Request, content: bytes | None, trace: Trace
    ) -> Body:
        """Send a request, and read the answer as far as it is believed."""
        head = self._http.send(request) or b""
        body = b"" if content is None else self._http.send(h11.Data(content)) or b""
        self._http.send(h11.EndOfMessage())
        trace.sending()
        try:
            if len(body) <= _ONE_PIECE:
                await self._line.write(head + body)
            else:
                await self._line.write(head)
                await self._line.write(body)
        except httpx.WriteError:  # it may have answered before it hung up
            self._whole = False
        return await self._answer(config, trace)

    async def _answer(self, config: Config, trace: Trace) -> Body:
        body: Body | None = None
        while True:
            data = await self._line.read()
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise httpx.RemoteProtocolError("the server hung up without an answer")
            self._http.receive_data(data)
            while (event := self._next()) is not h11.NEED_DATA:
                if isinstance(event, h11.Response):
                    headers = httpx.Headers(event.headers.raw_items())
                    body = Body(config, event.status_code, headers)
                    trace.answering(body)
                elif isinstance(event, h11.Data) and body is not None:
                    if not body.add(event.data):
                        return body
                elif not isinstance(event, h11.InformationalResponse) and body is not None:
                    return body

    def _next(self) -> object:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error

    def renew(self) -> bool:
        """Make ready for the next exchange; tell whether there can be one."""
        too_much, _ = self._http.trailing_data  # it would pass for the next answer
        if not self._whole or too_much or self._http.states != _DONE:
            return False
        self._http.start_next_cycle()
        self._fresh_until = time.monotonic() + IDLE_TIME
        return True

    def stale(self) -> bool:
        """Tell whether it was unused for too long, or the server has hung up meanwhile."""
        return time.monotonic() > self._fresh_until or self._line.readable()

    async def close(self) -> None:
        await self._line.close()


_DONE: Final = {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}
