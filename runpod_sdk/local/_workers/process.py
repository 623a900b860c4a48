"""Workers that are processes: started, listened to, and ended with all that they have started."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import IO, Any, Protocol

from runpod_sdk.local._rules.fleet import Worker
from runpod_sdk.local._rules.jobs import Run

from . import reaper
from .command import WorkerAddresses, WorkerCommand, environment
from .output import relay

logger = logging.getLogger("runpod_sdk.local")

_LAST_WORDS = 1.0
"""Seconds that what a dead worker has printed may take to come."""

_NO_WORKER = "worker %s %s before it asked for a job%s; it is started again, later each time"


class Reports(Protocol):
    """Who is told that a worker has ended, and tells what it was to the fleet."""

    def lose(self, worker: str) -> Future[Worker | None]: ...


class Processes:
    """
    The workers of an endpoint that are processes of one command.

    Each is the leader of a session of its own, so that it and what it starts are ended
    together, and not by the Ctrl-C that is meant for us. Should this process be killed,
    the guard ends them.
    """

    def __init__(
        self,
        command: WorkerCommand,
        *,
        addresses: Callable[[], WorkerAddresses],
        reports: Reports,
        grace: float,
    ) -> None:
        if os.name != "posix":
            raise RuntimeError("worker processes need the process groups of a POSIX system")
        command.find()
        self._command = command
        self._addresses = addresses
        self._reports = reports
        self._grace = grace
        self._guard = _Guard()
        self._processes: dict[str, _Process] = {}

    def launch(self, worker: str) -> None:
        self._processes[worker] = _Process(worker, self._run)

    def assign(self, run: Run, request: Mapping[str, Any]) -> None:
        raise AssertionError("processes ask for their jobs")

    def stop(self, run: Run) -> None:
        """Leave it: they ask for what to stop."""

    def retire(self, worker: str) -> None:
        process = self._processes.get(worker)
        if process is not None:
            process.end(self._grace)

    def close(self) -> None:
        for process in list(self._processes.values()):
            process.end(self._grace)

    def join(self) -> None:
        """Wait until all have ended that were told to, which is not long after their grace."""
        for process in list(self._processes.values()):
            process.join()
        self._guard.close()

    def _run(self, process: _Process) -> None:
        """Let a process live, on a thread of its own."""
        addresses = self._addresses()
        status = None
        try:
            status = process.live(
                self._command,
                environment(self._command, addresses, process.worker),
                told=self._guard.tell,
                secrets=(addresses.worker_key, addresses.api_key),
            )
            ended = "was not started" if status is None else _how(status)
        except OSError as error:
            ended = f"could not be started ({error})"
        del self._processes[process.worker]
        lost = self._reports.lose(process.worker)
        was = None
        with suppress(TimeoutError):  # nobody answers where the server ends at the same time
            was = lost.result(_LAST_WORDS)
        if process.ending:
            logger.info("worker %s %s", process.worker, ended)
        elif was is not None and not was.there:
            logger.error(_NO_WORKER, process.worker, ended, _clue(status, process.printed))
        else:
            logger.warning("worker %s %s; another takes its place", process.worker, ended)


class _Process:
    """One worker process, from its start to its end."""

    def __init__(self, worker: str, run: Callable[[_Process], None]) -> None:
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

    def live(
        self,
        command: WorkerCommand,
        env: Mapping[str, str],
        *,
        told: Callable[[str, int], None],
        secrets: tuple[str, ...],
    ) -> int | None:
        """Start it, pass on what it prints, wait for its end and return its status, if any."""
        with self._lock:
            if self.ending:
                return None
            popen = self._popen = subprocess.Popen(
                command.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=command.cwd,
                start_new_session=True,
            )
            told("+", popen.pid)
        logger.info("worker %s started, process %d", self.worker, popen.pid)
        reader = threading.Thread(
            target=self._pass_on,
            args=(popen.stdout, secrets),
            name=f"runpod output of {self.worker}",
            daemon=True,
        )
        reader.start()
        # Its children are ended while its id is still taken, so that no one else's are.
        os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            self._signal(signal.SIGKILL)
            status = popen.wait()
            self._popen = None
            told("-", popen.pid)
            if self._killer is not None:
                self._killer.cancel()
        reader.join(_LAST_WORDS)
        return status

    def _pass_on(self, stream: IO[bytes], secrets: tuple[str, ...]) -> None:
        self.printed = relay(stream, self.worker, secrets)

    def end(self, grace: float) -> None:
        """Tell it to end, and kill it if it has not after *grace* seconds; don't wait for it."""
        with self._lock:
            if self.ending:
                return
            self.ending = True
            self._signal(signal.SIGTERM)
            self._killer = threading.Timer(grace, self._kill)
            self._killer.daemon = True
            self._killer.start()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def _kill(self) -> None:
        with self._lock:
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._popen is not None:
            reaper.send(self._popen.pid, number)


class _Guard:
    """The program that ends what this process leaves behind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._popen: subprocess.Popen[bytes] | None = None

    def tell(self, sign: str, group: int) -> None:
        """Tell it of a process group that has come (`+`) or gone (`-`)."""
        with self._lock:
            if self._popen is None:
                self._popen = subprocess.Popen(
                    [sys.executable, "-I", "-S", reaper.__file__],
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
        """Let it end."""
        with self._lock:
            if self._popen is not None:
                self._popen.communicate()
                self._popen = None


def _clue(status: int | None, printed: bool) -> str:
    """Say where a program tells why it did not ask for a job; guess, where it does not."""
    if status is None:
        return ""
    said = "; what it printed stands above" if printed else ", and printed nothing"
    guess = status == 0 or (status > 0 and not printed)
    return said + (" (does it call runpod.serverless.start()?)" if guess else "")


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by signal {-status}"
