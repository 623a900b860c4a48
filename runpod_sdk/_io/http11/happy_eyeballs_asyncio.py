"""`happy_eyeballs` for asyncio, and for event loops that support its protocols."""

from __future__ import annotations

import asyncio
import copy
import socket
from typing import Any, TypeAlias

import anyio

from runpod_sdk._io.http11.happy_eyeballs import (
    HEAD_START,
    SHARED_FOR,
    Address,
    interleaved,
    is_numeric,
    new_socket,
)

_Found: TypeAlias = list[Address] | OSError | UnicodeError


class Connector:
    """Connects to hosts, on one event loop; look-ups of a host at the same time are one."""

    def __init__(self) -> None:
        self._look_ups: dict[tuple[str, int], _LookUp] = {}
        """Look-ups that have not ended."""

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
        if is_numeric(host):
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        key, now = (host, port), asyncio.get_running_loop().time()
        look_up = self._look_ups.get(key)
        if look_up is None or now - look_up.began > SHARED_FOR:
            look_up = self._look_ups[key] = _LookUp(host, port, now)
            look_up.task.add_done_callback(lambda _: self._forget(key, look_up))
        # If a connection is cancelled, the task continues for the others.
        found = await asyncio.shield(look_up.task)
        if isinstance(found, list):
            return found
        raise copy.copy(found)  # an exception of its own, because each connection changes it

    def _forget(self, key: tuple[str, int], look_up: _LookUp) -> None:
        if self._look_ups.get(key) is look_up:
            del self._look_ups[key]


class _LookUp:
    def __init__(self, host: str, port: int, now: float) -> None:
        self.began = now
        self.task = asyncio.ensure_future(_found(host, port))


async def _found(host: str, port: int) -> _Found:
    try:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return error


async def _connected_first(addresses: list[Address]) -> socket.socket:
    """Return a socket that is connected to the address that answers first."""
    connected: list[socket.socket] = []
    errors: list[OSError] = []

    async def attempt(family: int, address: Any, failed: anyio.Event) -> None:
        try:
            connected.append(await _connected(family, address))
        except OSError as error:
            errors.append(error)
            failed.set()
        else:
            attempts.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as attempts:
            for family, *_, address in addresses:
                failed = anyio.Event()
                attempts.start_soon(attempt, family, address, failed)
                with anyio.move_on_after(HEAD_START):
                    await failed.wait()
    except BaseException:
        for sock in connected:
            sock.close()
        raise
    if not connected:
        raise OSError("; ".join(dict.fromkeys(map(str, errors))))
    for second in connected[1:]:
        second.close()
    return connected[0]


async def _connected(family: int, address: Any) -> socket.socket:
    sock = new_socket(family)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
