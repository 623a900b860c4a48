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
from runpod_sdk._signals import ignored, raised_by_signal_handler

T = TypeVar("T")

_limit: ContextVar[TimeLimit | None] = ContextVar("runpod_sdk_limit", default=None)
_LONGEST_POLL: Final = 86_400.0
"""The longest timeout that every platform's `poll` accepts, in seconds."""


@contextlib.contextmanager
def bounded_by(limit: TimeLimit) -> Iterator[None]:
    """Limit all socket operations of this thread to *limit*."""
    token = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(token)


def time_left(late: type[Exception], timeout: float | None = None) -> float | None:
    """
    Return the seconds left for this thread, at most *timeout*; None is no limit.

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
    """Return *event*, which `end` sets if another thread ends this thread's attempt."""
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

    def run(
        self, sock: socket.socket, operation: Callable[..., T], *args: Any, timeout: float | None
    ) -> T:
        """
        Perform an operation of a non-blocking socket; wait until it is possible.

        Raises:
            late: The attempt's time limit, or *timeout*, has passed.
            failed: The socket has failed.
        """
        while isinstance(result := self.attempt(operation, *args), Wants):
            # After a write that failed, TLS refuses to read, and always says that it must write.
            if result is Wants.WRITE and _has_hung_up(sock):
                raise self.failed("the connection was closed")
            self.wait(sock, result, timeout=timeout)
        return result

    def attempt(self, operation: Callable[..., T], *args: Any) -> T | Wants:
        """
        Try an operation of a socket; return the event that it must wait for, if any.

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
            late: The socket is not ready in time.
        """
        # Set before the time left is read, because another thread may call `end` in between.
        if (limit := _limit.get()) is not None:
            limit.waits_for = sock
        left = time_left(self.late, timeout)
        if not is_ready(sock, wants, timeout=left):
            raise self.late("no time is left")


def end(attempt: TimeLimit) -> None:
    """End another thread's attempt."""
    attempt.end()
    if isinstance(attempt.waits_for, threading.Event):
        attempt.waits_for.set()
    if isinstance(attempt.waits_for, socket.socket):
        with ignored(OSError):
            # Also for TLS, without its closing alert.
            socket.socket.shutdown(attempt.waits_for, socket.SHUT_RDWR)


def _has_hung_up(sock: socket.socket) -> bool:
    """Return whether neither side can send any more, as after a reset, if the system tells it."""
    try:
        poll = select.poll()
    except AttributeError:  # as in `is_ready`
        return False
    poll.register(sock, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def is_ready(sock: socket.socket, wants: Wants = Wants.READ, *, timeout: float | None) -> bool:
    """Wait until *sock* has data, has ended, or can be written to, as *wants* says."""
    if sock.fileno() < 0:
        return True
    if timeout is None or timeout > _LONGEST_POLL:
        timeout = _LONGEST_POLL
    try:
        poll = select.poll()
    except AttributeError:  # missing on Windows, and removed by eventlet
        reading = [] if wants is Wants.WRITE else [sock]
        writing = [] if wants is Wants.READ else [sock]
        return any(select.select(reading, writing, [], timeout))
    poll.register(
        sock,
        (0 if wants is Wants.WRITE else select.POLLIN)
        | (0 if wants is Wants.READ else select.POLLOUT),
    )
    return bool(poll.poll(timeout * 1000))
