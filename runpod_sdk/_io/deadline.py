"""
Total deadlines for blocking sockets.

A timeout of a socket is for each operation, so a server that sends a byte now and then
outlives them all. So each operation gets at most the time that is left of the deadline of
the thread that carries it out. Not bounded: name look-up.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("runpod_sdk_deadline", default=None)


@contextlib.contextmanager
def deadline(limit: float | None) -> Iterator[None]:
    """Bound all that this thread does on wrapped connections to *limit* seconds from now."""
    token = _deadline.set(None if limit is None else time.monotonic() + limit)
    try:
        yield
    finally:
        _deadline.reset(token)


def time_left(late: type[Exception], timeout: float | None = None) -> float | None:
    """Return the seconds left to this thread, *timeout* at most; None is no limit."""
    at = _deadline.get()
    if at is None:
        return timeout
    left = at - time.monotonic()
    if left <= 0:
        raise late("the deadline has passed")
    return left if timeout is None else min(timeout, left)


def look_up(host: str, port: int, failed: type[Exception]) -> list[str]:
    """Return the addresses of *host*."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise failed(str(error)) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
