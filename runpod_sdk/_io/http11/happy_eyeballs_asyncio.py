"""`happy_eyeballs` for asyncio, and for event loops that support its protocols."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import anyio

from runpod_sdk._io.http11.happy_eyeballs import HEAD_START, interleaved, new_socket


async def connect(host: str, port: int) -> socket.socket:
    """
    Return a connected socket.

    Raises:
        OSError: No address answers, or there is none.
        UnicodeError: *host* is not a valid name.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
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
            for family, *_, address in interleaved(found):
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
