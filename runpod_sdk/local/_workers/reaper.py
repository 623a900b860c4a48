"""
End the worker processes of an endpoint that was killed before it could end them.

This module is run as a program by its path, and imports only the standard library. It reads
lines `+PID` and `-PID` for process groups that have started and ended. When its input ends, it
terminates all remaining groups, kills groups that do not end, and removes the folder that is its
argument, if any.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

GRACE = 2.0  # s


def watch() -> None:
    """Track process groups until the input ends, then end the remaining ones."""
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line.startswith("+") else groups.discard)(group)
    deadline = time.monotonic() + GRACE
    groups = {group for group in groups if send(group, signal.SIGTERM)}
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = {group for group in groups if send(group, 0)}
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Send a signal to a process group, and return whether the group exists."""
    try:
        os.killpg(group, number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    watch()
    for folder in sys.argv[1:]:
        shutil.rmtree(folder, ignore_errors=True)
