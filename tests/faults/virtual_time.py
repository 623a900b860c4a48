"""
A clock that jumps although the network is real, for clients and the servers of their tests.

Threads take part: event loops, threads of the sync client, and threads of a server. The clock
stands still while one of them works. When all of them wait, for data or for an instant, and no
data is on its way, the clock jumps to the next instant that one of them waits for. So a pause, a
timeout and a server's silence take no time, their lengths are exact, and a busy machine makes
nobody late.

Waits are those of `select.poll` and `select.epoll`, which a running clock replaces, as gevent
does. For threads that do not take part both are the system's, and `now` is the machine's clock.
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import math
import os
import select
import selectors
import socket
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from unittest import mock

import sniffio
import trio

from runpod_sdk import Runpod
from tests.facade.clocks import JumpingIO

TICK = 2.0**-8
"""The clock jumps to multiples of this, in seconds: waits that end close together end at once."""
QUIET = 0.002
"""How long all must have waited before the clock jumps, in real seconds: data may be on its way."""
DELIVERY = 0.25
"""The same before it jumps by a second or more, while the system has data to deliver."""
HANGING = 120.0
"""After how many real seconds a wait fails that nothing ends."""
DAY = 86_400.0
"""A timeout in seconds from which event loops mean none."""


class Event:
    """An event that threads wait for in their time."""

    def __init__(self) -> None:
        self.file, self._sets = os.pipe()

    def __del__(self) -> None:
        os.close(self.file)
        os.close(self._sets)

    def set(self) -> None:
        os.write(self._sets, b"x")

    def clear(self) -> None:
        """Take back one `set`."""
        os.read(self.file, 1)

    def is_set(self) -> bool:
        return bool(_poll_of([(self.file, select.POLLIN)]).poll(0))

    def wait(self, seconds: float | None = None) -> bool:
        """Wait, at most for *seconds*; return whether the event is set."""
        return TIME.wait({self.file: select.POLLIN}, seconds)


class _Wait:
    """A wait of one thread: for events of files, or an instant."""

    def __init__(self, files: Mapping[int, int], ends_at: float, ended: Event) -> None:
        self.files = files
        self.ends_at = ends_at
        self.ended = ended
        """Set at its instant."""


class _Thread(threading.local):
    """Whether this thread takes part, and what ends its waits."""

    def __init__(self) -> None:
        self.takes_part = False
        self.ended = Event()


class VirtualTime:
    """A clock for threads that take part. It jumps while it runs; else all time is real."""

    def __init__(self) -> None:
        self._now = 2.0**20
        self._runs = False
        self._changed = threading.Condition()
        self._working = 0
        """The number of threads that take part and do not wait."""
        self._waits: set[_Wait] = set()
        self._changes = 0
        """How many waits have begun and ended."""
        self._this_thread = _Thread()

    @property
    def runs(self) -> bool:
        return self._runs

    def now(self) -> float:
        """Return the time in seconds."""
        return self._now if self._this_thread.takes_part else time.monotonic()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the clock jump."""
        assert not self._runs
        self._runs = True
        jumping = threading.Thread(target=self._jump_when_all_wait, name="virtual time")
        jumping.start()
        try:
            with (
                mock.patch.object(select, "poll", _Poll),
                mock.patch.object(select, "epoll", _Epoll),
            ):
                yield
        finally:
            with self._changed:
                self._runs = False
                self._changed.notify_all()
            jumping.join()

    @contextmanager
    def taking_part(self) -> Iterator[None]:
        """Let this thread take part, if the clock runs."""
        if not self._runs or self._this_thread.takes_part:
            yield
            return
        self._begin()
        with self._ended():
            yield

    def start(self, work: Callable[..., object], *args: object, name: str) -> threading.Thread:
        """Start a thread, which takes part from now on if the clock runs."""
        takes_part = self._runs
        if takes_part:
            self._begin()

        def run() -> None:
            if not takes_part:
                work(*args)
                return
            with self._ended():
                work(*args)

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def _begin(self) -> None:
        with self._changed:
            self._working += 1
            self._changes += 1

    @contextmanager
    def _ended(self) -> Iterator[None]:
        """Let this thread, which is counted, take part until the end of the block."""
        self._this_thread.takes_part = True
        try:
            yield
        finally:
            self._this_thread.takes_part = False
            with self._changed:
                self._working -= 1
                self._changes += 1
                self._changed.notify_all()

    def wait(self, files: Mapping[int, int], seconds: float | None = None) -> bool:
        """Wait until there are events of *files*, or for *seconds*; return whether there are."""
        waiting = _poll_of(files.items())
        if not self._this_thread.takes_part:
            return bool(waiting.poll(None if seconds is None else max(seconds, 0) * 1000))
        if waiting.poll(0):
            return True
        if seconds is not None and seconds <= 0:
            return False
        ended = self._this_thread.ended
        waiting.register(ended.file, select.POLLIN)
        ends_at = math.inf if seconds is None or seconds >= DAY else self._now + seconds
        wait = _Wait(files, ends_at, ended)
        with self._changed:
            self._waits.add(wait)
            self._working -= 1
            self._changes += 1
            if not self._working:
                self._changed.notify_all()
        try:
            happened = dict(waiting.poll(HANGING * 1000))
        finally:
            with self._changed:
                if wait in self._waits:
                    self._waits.remove(wait)
                    self._working += 1
                    self._changes += 1
                else:
                    ended.clear()
        if not happened:
            raise RuntimeError("all threads of a test wait for each other")
        return not happened.keys().isdisjoint(files)

    def sleep(self, seconds: float) -> None:
        """Wait for *seconds*."""
        self.wait({}, seconds)

    def _jump_when_all_wait(self) -> None:
        seen = -1
        while True:
            with self._changed:
                while self._runs and (self._working or not self._waits or self._changes == seen):
                    self._changed.wait()
                if not self._runs:
                    return
                seen = self._changes
                is_far = min(wait.ends_at for wait in self._waits) >= self._now + 1
                coming = _poll_of(each for wait in self._waits for each in wait.files.items())
            quiet = DELIVERY if is_far and _has_unsent() else QUIET
            if not coming.poll(quiet * 1000):
                self._jump(seen)

    def _jump(self, seen: int) -> None:
        with self._changed:
            if self._changes != seen:
                return
            soonest = min(wait.ends_at for wait in self._waits)
            if soonest == math.inf:
                return
            self._now = math.ceil(soonest / TICK) * TICK
            for wait in [one for one in self._waits if one.ends_at <= self._now]:
                self._waits.remove(wait)
                self._working += 1
                wait.ended.set()
            self._changes += 1


def _has_unsent() -> bool:
    """Return whether the system still delivers data of a socket of this process."""
    size = array.array("i", [0])
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # it is no socket, or was closed
            fcntl.ioctl(int(name), termios.TIOCOUTQ, size)
            if size[0]:
                return True
    return False


TIME = VirtualTime()
_system_poll, _system_epoll = select.poll, select.epoll


def _poll_of(files: Iterable[tuple[int, int]]) -> select.poll:
    """Return the system's poll for events of files, each given once or more."""
    events: Counter[int] = Counter()
    for file, wanted in files:
        events[file] |= wanted
    poll = _system_poll()
    for file, wanted in events.items():
        poll.register(file, wanted)
    return poll


class _Poll:
    """`select.poll`, in the time of its thread."""

    def __init__(self) -> None:
        self._files: dict[int, int] = {}

    def register(self, file: Any, events: int) -> None:
        self._files[file if isinstance(file, int) else file.fileno()] = events

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """Wait for *timeout* milliseconds."""
        TIME.wait(self._files, None if timeout is None else timeout / 1000)
        return _poll_of(self._files.items()).poll(0)


class _Epoll:
    """`select.epoll`, in the time of its thread."""

    def __init__(self) -> None:
        self._system = _system_epoll()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system, name)

    def poll(self, timeout: float | None = None, most: int = -1) -> list[tuple[int, int]]:
        """Wait for *timeout* seconds."""
        TIME.wait({self._system.fileno(): select.POLLIN}, timeout)
        return self._system.poll(0, most)


class _Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        TIME.wait({self.fileno(): select.POLLIN}, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop in virtual time; it looks up names without a thread, which would not wait."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        return TIME.now()

    async def getaddrinfo(self, *args: Any, **options: Any) -> Any:
        return socket.getaddrinfo(*args, **options)


class _Resolver(trio.abc.HostnameResolver):
    async def getaddrinfo(self, *args: Any) -> Any:
        return socket.getaddrinfo(*args)

    async def getnameinfo(self, *args: Any) -> Any:
        return socket.getnameinfo(*args)


class _Clock(trio.abc.Clock):
    def start_clock(self) -> None:
        """Start nothing: `TIME` runs."""

    def current_time(self) -> float:
        return TIME.now()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - TIME.now()


def loop_options(backend: str) -> dict[str, Any]:
    """Return the options of anyio's *backend* for virtual time."""
    return {"clock": _Clock()} if backend == "trio" else {"loop_factory": _Loop}


async def prepare_loop() -> None:
    """Let the running trio loop look up names without a thread, which would not wait."""
    if sniffio.current_async_library() == "trio":
        trio.socket.set_custom_hostname_resolver(_Resolver())


class _VirtualIO(JumpingIO):
    """A port of the sync client in the time of its thread."""

    clock = TIME


class VirtualRunpod(Runpod):
    """A sync client in the time of its threads."""

    _port = _VirtualIO
