"""
Total deadlines for blocking sockets.

A socket's timeout applies to each operation, so a server that sends single bytes never times out.
Sockets therefore do not block here: a `poll` waits for at most the remaining time of the thread's
attempt. A timeout is a return value, so a signal handler's exception is never mistaken for one.
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from enum import Enum, auto
from typing import Any, Final, TypeVar

from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._signals import raised_by_signal_handler

T = TypeVar("T")

_limit: ContextVar[TimeLimit | None] = ContextVar("runpod_sdk_limit", default=None)
_LONGEST_POLL: Final = 86_400.0
"""Seconds that every platform's `poll` takes."""


@contextlib.contextmanager
def bounded_by(limit: TimeLimit) -> Iterator[None]:
    """Bound all that this thread does on sockets by *limit*."""
    token = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(token)


def time_left(late: type[Exception], timeout: float | None = None) -> float | None:
    """
    Return the seconds left to this thread, *timeout* at most; None is no limit.

    Raises:
        late: No time is left.
    """
    limit = _limit.get()
    if limit is None or (left := limit.left()) == math.inf:
        return timeout
    if left <= 0:
        raise late("no time is left")
    return left if timeout is None else min(timeout, left)


def woken_by(event: threading.Event) -> threading.Event:
    """Have *event* set if this thread's attempt is ended by another thread."""
    if (limit := _limit.get()) is not None:
        limit.waits_for = event
    return event


class Wants(Enum):
    """The event that an operation of a non-blocking socket waits for."""

    READ = auto()
    WRITE = auto()
    EITHER = auto()


class SocketErrors:
    """The exceptions that one phase of an exchange ends with."""

    def __init__(self, late: type[Exception], failed: type[Exception]) -> None:
        self.late = late
        self.failed = failed

    def carry_out(
        self, sock: socket.socket, operation: Callable[..., T], *args: Any, timeout: float | None
    ) -> T:
        """
        Carry out an operation of a socket that does not block, waiting until it can be done.

        Raises:
            late: It can't be done in the time that is left, or within *timeout*.
            failed: The socket has failed.
        """
        while isinstance(result := self.attempt(operation, *args), Wants):
            self.wait(sock, result, timeout=timeout)
        return result

    def attempt(self, operation: Callable[..., T], *args: Any) -> T | Wants:
        """
        Carry out an operation of a socket, or return what it waits for.

        Raises:
            failed: The socket has failed.
        """
        try:
            return operation(*args)
        except ssl.SSLWantWriteError:
            return Wants.WRITE
        except ssl.SSLWantReadError:
            return Wants.READ
        except BlockingIOError:
            return Wants.WRITE if operation.__name__ == "send" else Wants.READ
        except OSError as error:
            if raised_by_signal_handler(error):
                raise
            raise self.failed(str(error)) from error

    def wait(self, sock: socket.socket, wants: Wants, *, timeout: float | None) -> None:
        """
        Wait until *sock* is ready.

        Raises:
            late: It is not ready in time.
        """
        if (limit := _limit.get()) is not None:  # before the time is asked for, which may end now
            limit.waits_for = sock
        left = time_left(self.late, timeout)
        if not is_ready(sock, wants, timeout=left):
            raise self.late("no time is left")


def end(attempt: TimeLimit) -> None:
    """End an attempt that another thread carries out."""
    attempt.end()
    if isinstance(attempt.waits_for, threading.Event):
        attempt.waits_for.set()
    if isinstance(attempt.waits_for, socket.socket):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(attempt.waits_for, socket.SHUT_RDWR)  # also of TLS: no farewell


def is_ready(sock: socket.socket, wants: Wants = Wants.READ, *, timeout: float | None) -> bool:
    """Wait until there is something to read on *sock*, be it its end, or room to write."""
    if sock.fileno() < 0:
        return True
    if timeout is None or timeout > _LONGEST_POLL:
        timeout = _LONGEST_POLL
    try:
        poll = select.poll()
    except AttributeError:  # Windows has none, and eventlet takes it away
        reading = [] if wants is Wants.WRITE else [sock]
        writing = [] if wants is Wants.READ else [sock]
        return any(select.select(reading, writing, [], timeout))
    poll.register(
        sock,
        (0 if wants is Wants.WRITE else select.POLLIN)
        | (0 if wants is Wants.READ else select.POLLOUT),
    )
    return bool(poll.poll(timeout * 1000))
