"""
A progress bar, for any display.

A separate thread reads the counts several times a second, so that a result costs almost nothing,
and the clock continues between results. If drawing fails, the error is logged at DEBUG, and the map
continues without a bar.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Final, Protocol

from runpod_sdk._progress import ProgressCallback
from runpod_sdk._progress.counter import ProgressCounter, ProgressView
from runpod_sdk._progress.drawing import attempt

_TICK: Final = 0.1
_JOIN_TIMEOUT: Final = 1.0
"""Seconds between two drawings, and the longest wait for the last one."""


class ProgressDisplay(Protocol):
    """A display for bars."""

    def show(self, bar: object, view: ProgressView) -> None:
        """Draw *bar*, for the first time or again."""
        ...

    def end(self, bar: object, view: ProgressView) -> None:
        """Draw *bar* for the last time, and leave it there."""
        ...


class Bar:
    """A bar: a context manager whose value is called with each result's progress."""

    def __init__(self, display: ProgressDisplay, total: int | None) -> None:
        self._display = display
        self._counter = ProgressCounter(total)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def __enter__(self) -> ProgressCallback:
        try:
            self._begin()
        except BaseException:  # Ctrl-C: `__exit__` would not be called
            self.__exit__()
            raise
        return self._counter.update

    def _begin(self) -> None:
        self._counter.begin()
        atexit.register(self.__exit__)
        # First in this thread: a notebook then shows the bar below the running cell.
        if attempt(self._display.show, self, self._counter.view()):
            work = copy_context().run
            thread = threading.Thread(
                target=work, args=[self._tick], name="runpod_sdk progress", daemon=True
            )
            if attempt(thread.start):
                self._thread = thread

    def __exit__(self, *_: object) -> None:
        if (
            self._ended.is_set() or self._pid != os.getpid()
        ):  # the bar belongs to the parent process
            return
        self._ended.set()
        atexit.unregister(self.__exit__)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_TIMEOUT)
        attempt(self._display.end, self, self._counter.view(over=True))

    def _tick(self) -> None:
        shown = ""
        while not self._ended.wait(_TICK):
            view = self._counter.view()
            if view.text == shown:
                continue
            if not attempt(self._display.show, self, view):
                return
            shown = view.text


@contextmanager
def summary_line(total: int | None) -> Iterator[ProgressCallback]:
    """Print a line at the end of a map, if standard error is not a terminal."""
    counter = ProgressCounter(total)
    counter.begin()
    try:
        yield counter.update
    finally:
        if sys.stderr is not None:
            attempt(sys.stderr.write, f"map: {counter.view(over=True).text}\n")
