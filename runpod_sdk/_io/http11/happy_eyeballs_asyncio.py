"""`happy_eyeballs` for asyncio, and for event loops that support its protocols."""

from __future__ import annotations

import asyncio
import copy
import socket
from collections import deque
from typing import Any, Final, TypeAlias

from runpod_sdk._io.http11.happy_eyeballs import (
    HEAD_START,
    SHARED_FOR,
    Address,
    interleaved,
    new_socket,
    numeric_addresses,
)
from runpod_sdk._signals import raised_by_signal_handler

_BUFFER_SIZE: Final = 256 * 1024

_Found: TypeAlias = list[Address] | OSError | UnicodeError


class Connector:
    """Connects to hosts, on one event loop; look-ups of a host at the same time are one."""

    def __init__(self) -> None:
        self._look_ups: dict[tuple[str, int], _LookUp] = {}
        """Look-ups that connections wait for."""
        self.buffer = memoryview(bytearray(_BUFFER_SIZE))
        """The buffer into which all connections receive."""

    async def connect(self, host: str, port: int) -> socket.socket:
        """
        Return a connected socket.

        Raises:
            OSError: No address answers, or there is none.
            UnicodeError: *host* is not a valid name.
        """
        addresses = interleaved(await self._look_up(host, port))
        if len(addresses) == 1:
            family, *_, address = addresses[0]
            return await _connected(family, address)
        return await _connected_first(addresses)

    async def _look_up(self, host: str, port: int) -> list[Address]:
        if numeric := numeric_addresses(host, port):
            return numeric
        key, now = (host, port), asyncio.get_running_loop().time()
        look_up = self._look_ups.get(key)
        if look_up is None or now - look_up.began > SHARED_FOR:
            look_up = self._look_ups[key] = _LookUp(host, port, now)
        look_up.waiting += 1
        try:
            # If a connection is cancelled, the task continues for the others.
            found = await asyncio.shield(look_up.task)
        finally:
            look_up.waiting -= 1
            if not look_up.waiting:
                look_up.task.cancel()  # else it could still be pending when the loop is closed
                if self._look_ups.get(key) is look_up:
                    del self._look_ups[key]
        if isinstance(found, list):
            return found
        raise copy.copy(found)  # an exception of its own, because each connection changes it


class _LookUp:
    def __init__(self, host: str, port: int, now: float) -> None:
        self.began = now
        self.waiting = 0
        """The number of connections that wait for it."""
        self.task = asyncio.ensure_future(_found(host, port))


async def _found(host: str, port: int) -> _Found:
    try:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        if raised_by_signal_handler(error):
            raise
        return error


async def _connected_first(addresses: list[Address]) -> socket.socket:
    """Return a socket that is connected to the address that answers first."""
    waiting, errors = deque(addresses), list[OSError]()
    attempts = set[asyncio.Task[socket.socket]]()
    try:
        while waiting or attempts:
            if waiting:
                family, *_, address = waiting.popleft()
                attempts.add(asyncio.ensure_future(_connected(family, address)))
            done, _ = await asyncio.wait(
                attempts,
                timeout=HEAD_START if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                attempts.remove(attempt)
                error = attempt.exception()
                if not isinstance(error, OSError) or raised_by_signal_handler(error):
                    return attempt.result()
                errors.append(error)
        raise OSError("; ".join(dict.fromkeys(map(str, errors))))
    finally:
        for attempt in attempts:
            attempt.add_done_callback(_close)
            attempt.cancel()


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    """Close the socket of an attempt that is not needed, if it was made all the same."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _connected(family: int, address: Any) -> socket.socket:
    sock = new_socket(family)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
