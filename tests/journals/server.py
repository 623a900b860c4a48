"""A real PostgreSQL server on this machine, which listens on 127.0.0.1 only."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import Any

PASSWORD = "CANARY-pass'w\"ord"
QUOTED = "CANARY-pass%27w%22ord"


def program(name: str) -> str | None:
    """Return the path of one of PostgreSQL's programs, if it is installed."""
    places = sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)
    return shutil.which(name) or next(iter(places), None)


# Stops the server at the end of the process that started it, even if that process is killed.
WATCH = """
import json, signal, subprocess, sys
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, **json.loads(sys.argv[1]))
sys.stdin.read()
server.send_signal(signal.SIGINT)
server.wait()
"""
MISSING = program("initdb") is None or program("postgres") is None


class Server:
    """A server that can be stopped and started again."""

    def __init__(self, folder: Path, user: dict[str, Any]) -> None:
        self._folder = folder
        self._user = user
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        given = ["-A", "scram-sha-256", "--pwfile", str(password), "-E", "UTF8", "--locale", "C"]
        self._run("initdb", "-D", "data", "-U", "runpod", "-N", "--no-instructions", *given)

    def start(self) -> None:
        settings = [
            *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=8MB"),
            *("-c", "max_connections=80", "-c", "logging_collector=off"),
        ]
        with (self._folder / "log").open("ab") as log:
            watch = [sys.executable, "-I", "-S", "-c", WATCH, json.dumps(self._user)]
            server = [str(program("postgres")), "-D", "data", "-k", str(self._folder)]
            self._process = subprocess.Popen(
                [*watch, *server, "-p", str(self.port), *settings],
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        for _ in range(400):
            if "ready to accept connections" in self.log().rpartition("starting PostgreSQL")[2]:
                return
            assert self._process.poll() is None, self.log()
            time.sleep(0.05)
        raise AssertionError(self.log())

    def stop(self) -> None:
        """End all connections, and the server."""
        if self._process is not None:
            self._process.communicate(timeout=30)

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://runpod:{QUOTED}@127.0.0.1:{self.port}/{database}"

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(program(name)), *arguments],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            **self._user,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def running() -> Iterator[Server]:
    """Start a new server, and remove it at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"postgres-{secrets.token_hex(3)}-"))
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # as which the server refuses to run
        import pwd

        names = {entry.pw_name for entry in pwd.getpwall()}
        name = "postgres" if "postgres" in names else "nobody"
        account = pwd.getpwnam(name)
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        os.chown(folder, account.pw_uid, account.pw_gid)
    server = Server(folder, user)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
