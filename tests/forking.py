"""Do something in a forked process, and say what came of it."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
no_warning = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

LONGEST = 20.0
"""Seconds after which a child hangs, and is killed."""


class Child:
    """A forked process that calls *work*; what that returns or raises is its answer."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._answer, answer = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(answer)
            return
        try:
            told = str(work())
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
        os.write(answer, told.encode()[:4_000])
        os._exit(0)

    def answer(self) -> str:
        """Wait for its answer and its end."""
        try:
            ready, _, _ = select.select([self._answer], [], [], LONGEST)
            if not ready:
                os.kill(self.pid, signal.SIGKILL)
                return "it hangs"
            return os.read(self._answer, 4_000).decode()
        finally:
            os.close(self._answer)
            os.waitpid(self.pid, 0)


def in_child(work: Callable[[], object]) -> str:
    """Return what *work* returned in a forked process, as text, or what it raised."""
    return Child(work).answer()
