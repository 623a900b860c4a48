"""
Raise an exception by a signal handler, where the main thread waits.

A handler that rings after a fixed time would interrupt a busy machine anywhere: in a destructor or
a callback of the garbage collector, which nothing can be raised out of.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

SOCKET = "socket_deadline.is_ready"
CONNECTIONS = "selectors.select"
THREAD = "threading.wait"
WAITS = (SOCKET, CONNECTIONS, THREAD)
"""Functions that wait, with their modules: for a socket, for new connections, for a thread."""

_SAMPLES = 3
"""How often the main thread must be seen at the same instruction, some milliseconds apart."""

Place = tuple[str, int]


def place_of(frame: FrameType) -> Place:
    """Return the function that *frame* executes, and its instruction."""
    code = frame.f_code
    return f"{Path(code.co_filename).stem}.{code.co_name}", frame.f_lasti


@contextmanager
def handled(error: BaseException) -> Iterator[None]:
    """Let the handler of SIGALRM raise *error*."""

    def ring(*_: object) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


@contextmanager
def ringing(
    errors: Callable[[], BaseException],
    *,
    begun: Callable[[], object] = lambda: True,
    at: tuple[str, ...] = WAITS,
    times: int = 1,
) -> Iterator[None]:
    """
    Let the handler of SIGALRM raise an exception once the main thread waits.

    It is raised only if it interrupts the wait. A signal that comes just before the wait, or
    between two, does nothing, and is sent again.

    Args:
        errors: Makes the exception.
        begun: Whether the call has come so far; it is not interrupted before.
        at: The functions to interrupt.
        times: How often to raise one.
    """
    main, left = threading.main_thread().ident or 0, times
    entered, done = threading.Event(), threading.Event()
    waits: Place | None = None

    def ring(_: int, frame: FrameType | None) -> None:
        nonlocal left
        if frame is not None and place_of(frame) == waits and left:
            left -= 1
            raise errors()

    def watch() -> None:
        nonlocal waits
        last, samples = None, 0
        entered.wait()  # the main thread also waits until this one has started
        while not done.wait(0.01) and left:
            now = place_of(sys._current_frames()[main])
            samples = samples + 1 if now == last else 1
            last = now
            if samples >= _SAMPLES and now[0] in at and begun():
                waits = now
                signal.pthread_kill(main, signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, ring)
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        entered.set()
        yield
    finally:
        left = 0
        done.set()
        thread.join()
        signal.signal(signal.SIGALRM, before)
