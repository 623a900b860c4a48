"""A real Redis or Valkey server on this machine, which listens on 127.0.0.1 only."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time

PASSWORD = "CANARY-of-redis"
SERVER = shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """A real server, without persistence, on a port of its own."""

    def __init__(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port: int = taken.getsockname()[1]
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert SERVER is not None
        options = {"port": self.port, "bind": "127.0.0.1", "save": "", "requirepass": PASSWORD}
        command = [
            SERVER,
            *(part for name, value in options.items() for part in (f"--{name}", str(value))),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError("the server does not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
