"""
Another process, which opens journals on request.

A fork would not do: SQLite keeps in memory what its process has locked, and a fork has that
too. Run as a script, it reads a line for each thing to do, and answers with one.
"""

from __future__ import annotations

import errno
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any


class Opener:
    """A process that opens journals, with `Journal` or with SQLite alone."""

    def __init__(self, platform: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, platform],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _do(self, what: str, path: object = "") -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([what, str(path)]) + "\n")
        self._process.stdin.flush()
        return str(json.loads(self._process.stdout.readline()))

    def open(self, path: object) -> str:
        """Open a journal and close it again; return its counts, or the error."""
        return self._do("open", path)

    def hold(self, path: object) -> str:
        """Open a journal, and keep it open."""
        return self._do("hold", path)

    def release(self) -> str:
        return self._do("release")

    def copy(self, path: object) -> str:
        """Copy the file of a journal, as backups do."""
        return self._do("copy", path)

    def read(self, path: object) -> str:
        """Read with SQLite, as its command line would."""
        return self._do("read", path)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


def pretend(platform: str) -> None:
    """Be a process on a platform that lacks some locks."""
    import fcntl

    def old_kernel(descriptor: int, command: int, argument: Any = 0) -> Any:
        raise OSError(errno.EINVAL, "Invalid argument")

    if platform == "old kernel":
        fcntl.fcntl = old_kernel
    elif platform:
        vars(fcntl).pop("F_OFD_SETLK", None)
        sys.platform = platform


def main() -> None:
    from runpod_sdk import Journal

    pretend(sys.argv[1])
    held: list[Journal] = []
    for line in sys.stdin:
        what, path = json.loads(line)
        try:
            if what == "read":
                with closing(sqlite3.connect(path, timeout=0)) as database:
                    answer = str(database.execute("SELECT count(*) FROM inputs").fetchone()[0])
            elif what == "copy":
                shutil.copy(path, f"{path}.copy")
                answer = "None"
            elif what == "release":
                answer = str(held.pop().close())
            else:
                held.append(Journal(path))
                answer = str({str(status): n for status, n in held[-1].counts.items()})
                if what == "open":
                    held.pop().close()
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
