"""
To the address of a host that answers first, under asyncio.

Addresses are tried one after another, each a quarter of a second after the one before, or
as soon as that has failed (RFC 8305). asyncio offers the same, but a connection that comes
about just when its time is up is not closed there; and loops other than its own don't have it.
"""

from __future__ import annotations

import asyncio
import socket
from itertools import zip_longest
from typing import Any, Final

import anyio

HEAD_START: Final = 0.25
"""Seconds that an address has before the next one is tried as well."""


async def connect(host: str, port: int) -> socket.socket:
    """
    Return a socket that is connected.

    Raises:
        OSError: No address answers, or there is none.
        UnicodeError: *host* can't be a name.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    made: list[socket.socket] = []
    faults: list[OSError] = []

    async def attempt(family: int, address: Any, failed: anyio.Event) -> None:
        try:
            made.append(await _connected(family, address))
        except OSError as fault:
            faults.append(fault)
            failed.set()
        else:
            attempts.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as attempts:
            for family, *_, address in _in_turn(found):
                failed = anyio.Event()
                attempts.start_soon(attempt, family, address, failed)
                with anyio.move_on_after(HEAD_START):
                    await failed.wait()
    except BaseException:
        for sock in made:
            sock.close()
        raise
    if not made:
        raise OSError("; ".join(dict.fromkeys(map(str, faults))))
    for second in made[1:]:
        second.close()
    return made[0]


async def _connected(family: int, address: Any) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _in_turn(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Order addresses so that IPv6 and IPv4 take turns, in the system's order otherwise."""
    first = [info for info in found if info[0] == found[0][0]]
    others = [info for info in found if info[0] != found[0][0]]
    return [info for pair in zip_longest(first, others) for info in pair if info is not None]
