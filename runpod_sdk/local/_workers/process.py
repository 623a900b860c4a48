"""Worker processes: start them, log their output, and end them with their child processes."""

from __future__ import annotations

import functools
import logging
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from runpod_sdk.local._rules.fleet import Worker
from runpod_sdk.local._rules.jobs import Run

from . import reaper
from .command import WorkerAddresses, WorkerCommand, environment
from .folders import WorkerFolders
from .output import relay

logger = logging.getLogger("runpod_sdk.local")

_OUTPUT_GRACE = 1.0
"""Seconds to wait for the rest of an ended worker's output."""

_NO_WORKER = "worker %s %s before it asked for a job%s; it is started again, later each time"


class ProcessReports(Protocol):
    """Receives the lines of workers, and the ids of ended ones, which it returns as they were."""

    def lose_worker(self, worker: str) -> Future[Worker | None]: ...
    def log(self, worker: str, job_id: str | None, source: str, text: str) -> object: ...


class ProcessWorkers:
    """
    The workers of an endpoint that are processes of one command.

    Each process leads its own session, so that it and its child processes are ended
    together, and a Ctrl-C in the terminal does not reach them. If this process is killed, the
    reaper ends them.
    """

    def __init__(
        self,
        command: WorkerCommand,
        *,
        addresses: Callable[[], WorkerAddresses],
        reports: ProcessReports,
        grace: float,
    ) -> None:
        if os.name != "posix" or not (hasattr(os, "waitid") or hasattr(select, "kqueue")):
            raise RuntimeError(
                "worker processes need a POSIX system with waitid or kqueue; serve a handler"
                " function instead, or start workers yourself with worker_environment()"
            )
        command.find()
        self._command = command
        self._addresses = addresses
        self._reports = reports
        self._grace = grace
        self._folders = WorkerFolders(command)
        self._reaper = _Reaper(self._folders)
        self._processes: dict[str, _WorkerProcess] = {}

    def launch(self, worker: str) -> None:
        self._processes[worker] = _WorkerProcess(worker, self._supervise)

    def assign(self, run: Run, request: Mapping[str, Any]) -> None:
        raise AssertionError("processes ask for their jobs")

    def stop(self, run: Run) -> None:
        """Do nothing: worker processes ask which jobs to stop."""

    def retire(self, worker: str) -> None:
        process = self._processes.get(worker)
        if process is not None:
            process.end(self._grace)

    def close(self) -> None:
        for process in list(self._processes.values()):
            process.end(self._grace)

    def join(self) -> None:
        """Wait until all processes have ended, which takes little longer than their grace."""
        for process in list(self._processes.values()):
            process.join()
        self._reaper.close()
        self._folders.close()

    def _supervise(self, process: _WorkerProcess) -> None:
        """Run a process on its own thread, and report its end."""
        addresses = self._addresses()
        status = None
        try:
            with self._folders.folder(process.worker) as folder:
                status = process.run(
                    self._folders.words(),
                    folder,
                    environment(self._command, addresses, process.worker),
                    notify=self._reaper.notify,
                    secrets=(addresses.worker_key, addresses.api_key),
                    report=functools.partial(self._reports.log, process.worker),
                )
            ended = "was not started" if status is None else _exit_text(status)
        except Exception as error:  # this thread has to report the worker's end in any case
            process.abandon()
            ended = f"could not be started ({error})"
        del self._processes[process.worker]
        lost = self._reports.lose_worker(process.worker)
        lost_worker = None
        with suppress(TimeoutError):  # there is no answer if the server ends at the same time
            lost_worker = lost.result(_OUTPUT_GRACE)
        if process.ending:
            logger.info("worker %s %s", process.worker, ended)
        elif lost_worker is not None and not lost_worker.joined:
            logger.error(_NO_WORKER, process.worker, ended, _hint(status, process.printed))
        else:
            logger.warning("worker %s %s; another takes its place", process.worker, ended)


class _WorkerProcess:
    """One worker process, from its start to its end."""

    def __init__(self, worker: str, run: Callable[[_WorkerProcess], None]) -> None:
        self.worker = worker
        self.ending = False
        self.printed = False
        self._lock = threading.Lock()
        self._popen: subprocess.Popen[bytes] | None = None  # while its id is its own
        self._killer: threading.Timer | None = None
        self._thread = threading.Thread(
            target=run, args=(self,), name=f"runpod worker {worker}", daemon=True
        )
        self._thread.start()

    def run(
        self,
        words: list[str],
        folder: Path,
        env: Mapping[str, str],
        *,
        notify: Callable[[str, int], None],
        secrets: tuple[str, ...],
        report: Callable[[str | None, str, str], object],
    ) -> int | None:
        """Start the process, log its output, wait for its end and return its exit status."""
        with self._lock:
            if self.ending:
                return None
            popen = self._popen = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=folder,
                start_new_session=True,
            )
            notify("+", popen.pid)
        logger.info("worker %s started, process %d", self.worker, popen.pid)
        reader = threading.Thread(
            target=self._pass_on,
            args=(popen.stdout, secrets, report),
            name=f"runpod output of {self.worker}",
            daemon=True,
        )
        reader.start()
        # Its children are killed while its process id is still in use, so that the id cannot
        # belong to another process by then.
        _wait_for_exit(popen.pid)
        with self._lock:
            self._signal(signal.SIGKILL)
            status = popen.wait()
            self._popen = None
            notify("-", popen.pid)
            if self._killer is not None:
                self._killer.cancel()
        reader.join(_OUTPUT_GRACE)
        return status

    def _pass_on(
        self,
        stream: IO[bytes],
        secrets: tuple[str, ...],
        report: Callable[[str | None, str, str], object],
    ) -> None:
        self.printed = relay(stream, self.worker, secrets, report)

    def end(self, grace: float) -> None:
        """Terminate the process, and kill it after *grace* seconds; do not wait for it."""
        with self._lock:
            if self.ending:
                return
            self.ending = True
            self._signal(signal.SIGTERM)
            self._killer = threading.Timer(grace, self._kill)
            self._killer.daemon = True
            self._killer.start()

    def abandon(self) -> None:
        """Kill the process, if there is one, without waiting for it."""
        self._kill()
        with self._lock:
            self._popen = None

    def join(self) -> None:
        """Wait for the end of the process."""
        self._thread.join()

    def _kill(self) -> None:
        with self._lock:
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._popen is not None:
            reaper.send(self._popen.pid, number)


class _Reaper:
    """The program that ends the worker processes if this process is killed."""

    def __init__(self, folders: WorkerFolders) -> None:
        self._folders = folders
        self._lock = threading.Lock()
        self._popen: subprocess.Popen[bytes] | None = None

    def notify(self, sign: str, group: int) -> None:
        """Notify the reaper that a process group has started (`+`) or ended (`-`)."""
        with self._lock:
            if self._popen is None:
                root = self._folders.root
                self._popen = subprocess.Popen(
                    [sys.executable, "-I", "-S", reaper.__file__, *([root] if root else [])],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            assert self._popen.stdin is not None
            with suppress(BrokenPipeError):
                self._popen.stdin.write(f"{sign}{group}\n".encode())
                self._popen.stdin.flush()

    def close(self) -> None:
        """Let the reaper end, and wait for it."""
        with self._lock:
            if self._popen is not None:
                self._popen.communicate()
                self._popen = None


def _wait_for_exit(pid: int) -> None:
    """Wait until a child process has exited, and leave its exit status for `Popen.wait`."""
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return
    bsd: Any = select  # on macOS, os.waitid exists only from CPython 3.13 on
    exited = bsd.kevent(
        pid, bsd.KQ_FILTER_PROC, bsd.KQ_EV_ADD | bsd.KQ_EV_ONESHOT, bsd.KQ_NOTE_EXIT
    )
    queue = bsd.kqueue()
    try:
        with suppress(ProcessLookupError):  # it has exited already
            queue.control([exited], 1)
    finally:
        queue.close()


def _hint(status: int | None, printed: bool) -> str:
    """Return a hint at why a program ended without asking for a job."""
    if status is None:
        return ""
    said = "; its output is above" if printed else ", and printed nothing"
    guess = status == 0 or (status > 0 and not printed)
    return said + (" (does it call runpod.serverless.start()?)" if guess else "")


def _exit_text(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by signal {-status}"
