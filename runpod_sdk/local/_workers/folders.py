"""
The working directories of worker processes.

On RunPod, each worker has its own file system. Versions 1.7.12 to 1.10.0 of RunPod's package
rely on that: they keep the ids of running jobs in a file in the working directory. A worker that
finds another worker's job there waits for its end, which it never sees, before it asks for jobs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .command import WorkerCommand

JOBS_FILE = ".runpod_jobs.pkl"
"""The file in which versions 1.7.12 to 1.10.0 of RunPod's package keep the ids of running jobs."""


class WorkerFolders:
    """
    Give each worker process of a command a working directory without another worker's files.

    Without `WorkerCommand.cwd`, each process runs in a temporary folder with links to the entries
    of this process's directory. With it, all processes run in that folder, and the jobs file of an
    ended process is removed before the next one starts.
    """

    def __init__(self, command: WorkerCommand) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._root: str | None = None

    @property
    def root(self) -> str | None:
        """The folder that contains the temporary folders; None if there are none."""
        return self._root

    @contextmanager
    def folder(self, worker: str) -> Iterator[Path]:
        """
        Yield the working directory of a worker until its process has ended.

        Raises:
            OSError: The folder cannot be created or read.
        """
        if self._command.cwd is not None:
            given = Path(self._command.cwd)
            (given / JOBS_FILE).unlink(missing_ok=True)
            yield given
            return
        with self._lock:
            if self._root is None:
                self._root = tempfile.mkdtemp(prefix="runpod-workers-")
        own = Path(self._root) / worker
        own.mkdir()
        try:
            for entry in Path.cwd().iterdir():
                if not entry.name.startswith(JOBS_FILE):  # its lock file too
                    (own / entry.name).symlink_to(entry)
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def close(self) -> None:
        """Remove all temporary folders."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)

    def words(self) -> list[str]:
        """Return the command, with paths that a worker's folder would change made absolute."""
        program, *arguments = self._command.command
        if self._command.cwd is not None:
            return [program, *arguments]
        if os.sep in program:
            program = os.path.abspath(program)
        return [program, *(os.path.abspath(w) if _leads_up(w) else w for w in arguments)]


def _leads_up(word: str) -> bool:
    return word.startswith(os.pardir) and os.path.exists(word)
