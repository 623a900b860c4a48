"""The command in this process, on a pseudo-terminal."""

from __future__ import annotations

import os
import re
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from runpod_sdk.cli.app import command

if sys.platform != "win32":
    import fcntl
    import pty
    import termios

_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Shown:
    """What a command wrote to its terminal."""

    status: int
    raw: str

    @property
    def text(self) -> str:
        """Without colours and other codes."""
        return _CODES.sub("", self.raw).replace("\r\n", "\n")


def on_terminal(
    *arguments: str,
    typed: str = "",
    columns: int = 80,
    colours: bool = False,
    watch: Callable[[bytes], object] = lambda _: None,
) -> Shown:
    """
    Run the command with standard input, output and error on one terminal.

    Args:
        typed: What is typed from the beginning.
        watch: Is called with what was written so far, whenever more is.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    written = bytearray()

    def add(piece: bytes) -> None:
        written.extend(piece)
        watch(bytes(written))

    reader = threading.Thread(target=_read, args=(master, add), daemon=True)
    reader.start()
    os.write(master, typed.encode())
    status = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        for name in ("COLUMNS", "LINES", "FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
            patch.delenv(name, raising=False)
        if not colours:
            patch.setenv("NO_COLOR", "1")
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            stream = os.fdopen(os.dup(slave), mode, encoding="utf-8")
            patch.setattr(sys, name, stream)
        try:
            command()(arguments, prog_name="runpod-sdk")
        except SystemExit as end:
            status = int(end.code or 0)
        finally:
            for stream in (sys.stdin, sys.stdout, sys.stderr):
                stream.close()
    os.close(slave)
    reader.join(20)
    os.close(master)
    return Shown(status, written.decode())


def _read(master: int, add: Callable[[bytes], object]) -> None:
    try:
        while piece := os.read(master, 65_536):
            add(piece)
    except OSError:  # nothing is left, and no process has the terminal open
        pass
