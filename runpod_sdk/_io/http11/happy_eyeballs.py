"""
Connect to the first address of a host that answers (RFC 8305).

Addresses are tried one after another, each a quarter of a second after the previous one, or as soon
as that has failed. asyncio has a similar function, but it does not close a connection that is made
just at the timeout, and other event loops lack it.
"""

from __future__ import annotations

import copy
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Final, TypeAlias

from runpod_sdk._io.socket_deadline import SocketErrors, time_left, woken_by
from runpod_sdk._signals import ignored, raised_by_signal_handler

HEAD_START: Final = 0.25
"""The time in seconds after which the next address is tried, too."""
SHARED_FOR: Final = 1.0
"""The time in seconds in which further connections share a look-up that has not ended."""
_UNSENT: Final = 16 * 1024
"""The number of unsent bytes that the system may buffer, so that progress is visible."""
_USER_TIMEOUT: Final = getattr(socket, "TCP_USER_TIMEOUT", None)

Address: TypeAlias = tuple[Any, ...]
"""One address from `getaddrinfo`."""
SocketOptions: TypeAlias = Iterable[tuple[Any, ...]]


def interleaved(found: list[Address]) -> list[Address]:
    """Order addresses so that IPv6 and IPv4 alternate, in the system's order otherwise."""
    first = [info for info in found if info[0] == found[0][0]]
    others = [info for info in found if info[0] != found[0][0]]
    return [info for pair in zip_longest(first, others) for info in pair if info is not None]


def new_socket(family: int) -> socket.socket:
    """Return a non-blocking socket, with the options of all connections."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        limit_unsent(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def limit_unsent(sock: socket.socket) -> None:
    """Limit the unsent data that the system buffers, if the system supports that."""
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if option is not None:
        with ignored(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, option, _UNSENT)


def limit_unacknowledged(sock: socket.socket, seconds: float) -> None:
    """
    Let the connection fail if sent data is not acknowledged within *seconds*; 0 is no limit.

    A slow server acknowledges at once; a server that is gone never does. Linux only.
    """
    if _USER_TIMEOUT is not None:
        with ignored(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, round(seconds * 1000))


class LookUps:
    """
    Looks up hosts, in threads, because a look-up cannot be interrupted.

    Connections that ask for a host at the same time share a look-up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], _ThreadedLookUp] = {}
        """Look-ups that have not ended."""

    def find(
        self, host: str, port: int, errors: SocketErrors, left: Callable[[], float | None]
    ) -> list[Address]:
        """
        Return the addresses of *host*.

        Raises:
            errors.late: They were not found in time.
            errors.failed: There are none.
        """
        if numeric := numeric_addresses(host, port):
            return numeric
        answer = self._ask(host, port)
        if not woken_by(answer.arrived).wait(left()) or answer.found is None:
            raise errors.late(f"the name {host} was not resolved in time")
        if isinstance(answer.found, list):
            return answer.found
        raise errors.failed(str(answer.found)) from answer.found

    def _ask(self, host: str, port: int) -> _Answer:
        key, now, answer = (host, port), time.monotonic(), _Answer()
        with self._lock:
            look_up = self._running.get(key)
            if look_up is None or now - look_up.began > SHARED_FOR:
                look_up = _ThreadedLookUp(now)
                name = "runpod_sdk look-up"
                threading.Thread(
                    target=self._run, args=(key, look_up), name=name, daemon=True
                ).start()
                self._running[key] = look_up
            look_up.answers.append(answer)
        return answer

    def _run(self, key: tuple[str, int], look_up: _ThreadedLookUp) -> None:
        found: list[Address] | OSError | UnicodeError | None = None
        try:
            found = socket.getaddrinfo(*key, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            found = error
        finally:
            with self._lock:
                if self._running.get(key) is look_up:
                    del self._running[key]
            for answer in look_up.answers:  # an exception of its own for each connection
                answer.found = found if isinstance(found, list) else copy.copy(found)
                answer.arrived.set()


class _ThreadedLookUp:
    def __init__(self, began: float) -> None:
        self.began = began
        self.answers: list[_Answer] = []


class _Answer:
    """The answer to one connection, which another thread may end without it."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.found: list[Address] | OSError | UnicodeError | None = None


def connect(
    host: str,
    port: int,
    errors: SocketErrors,
    *,
    look_ups: LookUps | None = None,
    timeout: float | None = None,
    local_address: str | None = None,
    options: SocketOptions = (),
) -> socket.socket:
    """
    Return a connected, non-blocking socket.

    Args:
        look_ups: Shares look-ups with other connections.
        timeout: The longest time in seconds, in addition to the attempt's time limit.

    Raises:
        errors.late: No address answers in time.
        errors.failed: No address answers, or there is none.
    """
    ends_at = None if timeout is None else time.monotonic() + timeout

    def left() -> float | None:
        return time_left(errors.late, None if ends_at is None else ends_at - time.monotonic())

    waiting = interleaved((look_ups or LookUps()).find(host, port, errors, left))
    race = _Race(waiting, local_address, options)
    try:
        while (sock := race.step(left())) is None:
            if race.is_lost:
                raise errors.failed("; ".join(dict.fromkeys(race.failures)))
            if (over := left()) is not None and over <= 0:
                raise errors.late("no time is left")
        race.close(winner=sock)
    except BaseException:  # perhaps of a signal handler, after a connection was made
        race.close()
        raise
    return sock


class _Race:
    """Attempts to connect to several addresses, each with one socket each."""

    def __init__(
        self, addresses: list[Address], local_address: str | None, options: SocketOptions
    ) -> None:
        self._waiting = addresses
        self._local_address = local_address
        self._options = tuple(options)
        self._selector = selectors.DefaultSelector()
        self._sockets: set[socket.socket] = set()
        self._next_at = 0.0
        """When to try the next address, if no other has failed by then."""
        self.failures: list[str] = []

    @property
    def is_lost(self) -> bool:
        return not self._waiting and not self._sockets

    def step(self, left: float | None) -> socket.socket | None:
        """Start an attempt if it is time for one, then wait; return a connected socket, if any."""
        now = time.monotonic()
        if self._waiting and now >= self._next_at:
            self._next_at = now + HEAD_START
            self._begin(*self._waiting.pop(0))
        if not self._sockets:
            self._next_at = 0.0
            return None
        pause = max(0.0, self._next_at - now) if self._waiting else HEAD_START
        if left is not None:  # another thread may end the attempt at any time
            pause = min(pause, left)
        for key, _ in self._selector.select(pause):
            sock: Any = key.fileobj
            self._selector.unregister(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                return sock  # type: ignore[no-any-return]
            self._fail(sock, OSError(code, os.strerror(code)))
        return None

    def close(self, winner: socket.socket | None = None) -> None:
        """Close all sockets but the *winner*'s."""
        for sock in self._sockets:
            if sock is not winner:
                sock.close()
        self._selector.close()

    def _begin(self, family: int, _type: int, _proto: int, _name: str, address: Any) -> None:
        sock = None
        try:
            sock = new_socket(family)
            self._sockets.add(sock)
            for option in self._options:
                sock.setsockopt(*option)
            if self._local_address is not None:
                sock.bind((self._local_address, 0))
            with ignored(BlockingIOError):
                sock.connect(address)
            self._selector.register(sock, selectors.EVENT_WRITE)
        except OSError as error:
            if raised_by_signal_handler(error):
                raise
            self._fail(sock, error)

    def _fail(self, sock: socket.socket | None, error: OSError) -> None:
        if sock is not None:
            sock.close()
            self._sockets.discard(sock)
        self.failures.append(str(error))
        self._next_at = 0.0


@lru_cache(maxsize=16)
def numeric_addresses(host: str, port: int) -> list[Address]:
    """Return the address that *host* is; nothing if it is a name."""
    if not _is_numeric(host):
        return []
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _is_numeric(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with ignored(OSError, ValueError):
            socket.inet_pton(family, host)
            return True
    return False
