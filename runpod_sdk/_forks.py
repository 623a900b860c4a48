"""The handling of copied locks, files and threads in a forked process."""

from __future__ import annotations

import os
import weakref
from typing import Final, Protocol


class Forked(Protocol):
    """A value that holds a lock, a file or a thread."""

    def after_fork(self) -> None:
        """
        Give up what belongs to the parent, in the new process and before anything else there.

        Locks may be held by threads that do not exist here, so none may be taken.
        """
        ...


def watch(value: Forked) -> None:
    """Call the value's `after_fork` in each process that is forked from now on."""
    _watched.add(value)


def _after_fork() -> None:
    for value in list(_watched):
        value.after_fork()


_watched: Final[weakref.WeakSet[Forked]] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
