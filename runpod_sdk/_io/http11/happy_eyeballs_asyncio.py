"""`happy_eyeballs` for asyncio, and for event loops that support its protocols."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import anyio

from runpod_sdk._io.http11.happy_eyeballs import HEAD_START, interleaved, new_socket


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
            for family, *_, address in interleaved(found):
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
    sock = new_socket(family)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
