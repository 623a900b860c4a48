"""The handling of copied locks, files and threads in a forked process."""

from __future__ import annotations

import os
import weakref
from typing import Final, Protocol


class Forked(Protocol):
    """A value that holds a lock, a file or a thread."""

    def after_fork(self) -> None:
        """
        Release the parent's resources, in the new process and before any other code runs there.

        Do not acquire locks: threads that do not exist in this process may hold them.
        """
        ...


def watch(value: Forked) -> None:
    """Call the value's `after_fork` in each process that is forked later."""
    _watched.add(value)


def _after_fork() -> None:
    for value in list(_watched):
        value.after_fork()


_watched: Final[weakref.WeakSet[Forked]] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
