"""
The jobs that were submitted from here: their ids, endpoints and times, and nothing else.

One small file for each, in the directory where this platform keeps the state of programs,
so that any number of processes can add to it without a lock. The oldest go when there are
too many. What can't be written or read is done without: no command fails for it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

MOST: Final = 500
"""How many jobs are kept."""


class Entry(NamedTuple):
    """A job that was submitted."""

    id: str
    endpoint: str
    submitted: datetime


def directory() -> Path:
    """Return where the history of this user is, whether it is there or not."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "runpod-sdk" / "jobs"


def add(job_id: str, endpoint_id: str) -> None:
    """Keep a job that was submitted just now."""
    with suppress(OSError, RuntimeError, ValueError):  # no home, no room, a name that can't be
        where = directory()
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        now = time.time_ns()
        final = where / f"{now:020}-{os.getpid()}.json"
        partial = final.with_suffix(".new")
        partial.write_text(json.dumps({"id": job_id, "endpoint": endpoint_id}), "utf-8")
        partial.replace(final)  # whoever lists them sees all of it, or nothing
        for name in _names(where)[:-MOST]:
            (where / name).unlink(missing_ok=True)


def entries() -> Iterator[Entry]:
    """Go through the jobs, the latest first."""
    with suppress(OSError, RuntimeError):
        where = directory()
        for name in reversed(_names(where)):
            with suppress(OSError, ValueError, KeyError, TypeError, OverflowError):
                found = json.loads((where / name).read_text("utf-8"))
                submitted = datetime.fromtimestamp(int(name.partition("-")[0]) / 1e9, UTC)
                yield Entry(str(found["id"]), str(found["endpoint"]), submitted)


def clear() -> int:
    """Forget all of them; return how many there were."""
    count = 0
    with suppress(OSError, RuntimeError):
        where = directory()
        for name in _names(where):
            (where / name).unlink(missing_ok=True)
            count += 1
        for left_over in where.glob("*.new"):  # of a process that died between two calls
            left_over.unlink(missing_ok=True)
    return count


def complete_job(incomplete: str) -> Iterator[tuple[str, str]]:
    """Offer the jobs to the shell's completion."""
    for entry in entries():
        if entry.id.startswith(incomplete):
            yield entry.id, f"{entry.endpoint}, {entry.submitted.astimezone():%d %b %H:%M}"


def complete_endpoint(incomplete: str) -> Iterator[str]:
    """Offer the endpoints that jobs were sent to."""
    yield from dict.fromkeys(e.endpoint for e in entries() if e.endpoint.startswith(incomplete))


def _names(where: Path) -> list[str]:
    """List the files, the oldest first: their names begin with their time."""
    return sorted(name for name in os.listdir(where) if name.endswith(".json"))
