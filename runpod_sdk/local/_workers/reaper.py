"""
End worker processes whose endpoint has ended without ending them, however it came to that.

A program of its own, run by path: it stands alone, and imports nothing but what it needs. It
reads `+PID` and `-PID`, a line each, of process groups that have come and gone. When its input
ends, all that are left are told to end, and are killed if they don't.
"""

from __future__ import annotations

import os
import signal
import sys
import time

GRACE = 2.0  # s


def watch() -> None:
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
    """Signal a group, and tell whether there is one."""
    try:
        os.killpg(group, number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    watch()
