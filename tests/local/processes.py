"""Looking at processes, and waiting for what they do."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from . import support


def until(what: Callable[[], object], patience: float = support.PATIENCE) -> None:
    """Wait until *what* holds, which is seen by asking again."""
    deadline = time.monotonic() + patience
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def group(leader: int) -> list[int]:
    """List the processes of a group, without processes that have ended (zombies)."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    )
    processes = [line.split() for line in listed.stdout.splitlines()]
    return [
        int(pid) for pid, of, state in processes if int(of) == leader and not state.startswith("Z")
    ]
