"""
The terminal sessions of docs/command-line.md: run anew, and written or compared.

The page itself says what is typed: in each block of `console`, the lines that begin with
`$`, where JOB is the job that was named last. They are run one after the other, in the order
of the page, against one local endpoint, in a pseudo-terminal of 80 columns; all other lines
of the block are what came. A comment before the block can say more:

    <!-- live -->                 shows each new state of the line that says where a job is
    <!-- ^C at "some text" -->    presses Ctrl-C when that text is on the screen
    <!-- as it is -->             the block is not run

Ids, times and ports are made alike, or no two runs would be. What a job of the page waits
for is not time but the capture: the handler takes its next step when the last was seen.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from difflib import unified_diff
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import runpod_sdk
from runpod_sdk.cli.app import app

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "command-line.md"
HANDLER = ROOT / "scripts" / "captures_handler.py"
PATIENCE = 30.0

BLOCK = re.compile(
    r"(?:^<!-- (?P<remark>.*?) -->\n\n?)?^```console\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
JOB_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-[a-z]\d\b")
ENDPOINT, KEY, PORT = "abc123def456gh", "rpa_" + "0" * 40, "8000"
CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
DRAWN = re.compile("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] \\d:\\d\\d (.*)")
STEP = re.compile(r"running · step (\d+) of")


class Names:
    """What stands in the page for what was drawn by lot: the n-th job is always called alike."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.real: dict[str, str] = {}
        """By the name in the page."""
        self.jobs = 0
        self.last = ""
        """The job that the page calls JOB: the last that came up."""

    def shown(self, text: str) -> str:
        """Replace what differs from run to run."""
        for job in dict.fromkeys(JOB_ID.findall(text)):
            if job not in self.real.values():
                self.jobs, self.last = self.jobs + 1, job
                name = f"5e1f{self.jobs:04}-7c1d-4e2a-9b3f-2d5e8a604c17-u1"
                self.real[name] = job
                self.real[f"{name[:8]}-"] = f"{job[:8]}-"  # as files are named
        for name, real in self.real.items():
            text = text.replace(real, name)
        text = text.replace(str(self.directory.resolve()), "/home/me")
        for pattern, instead in (
            (r'("delayTime": )\d+', r"\g<1>83"),
            (r'("executionTime": )\d+', r"\g<1>2345"),
            (r'("workerId": )"\w+"', r'\1"k3v9x2m7q1z8t5"'),
            (r"(worker )\w{14}\b", r"\1k3v9x2m7q1z8t5"),
            (r"\d+(\.\d)? m?s( in all)?, waited \d+(\.\d)? m?s", "2.3 s, waited 83 ms"),
            (r"\b\d s {5}", "5 s     "),  # in a column, which is as wide
            (r"\b\d\d s {4}", "5 s     "),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "2026-01-31T12:00:00"),
            (r"(RUNPOD_ENDPOINT_ID=)\w+", rf"\g<1>{ENDPOINT}"),
            (r"127\.0\.0\.1:\d+", f"127.0.0.1:{PORT}"),
            (r"rpa_[0-9a-f]{40}", KEY),
        ):
            text = re.sub(pattern, instead, text)
        return text

    def typed(self, line: str) -> str:
        """Give a line of the page as it has to be typed in this run."""
        for name, real in self.real.items():
            line = line.replace(name, real)
        return re.sub(r"\bJOB\b", self.last, line)


def run(
    words: list[str], directory: Path, columns: int, watch: Callable[[str, int], object]
) -> str:
    """
    Run the command in a terminal of its own, and return all that it wrote there.

    Args:
        watch: Is given what was written so far, and the terminal.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        become(words, directory)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    written, end = b"", time.monotonic() + PATIENCE
    while True:
        ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            os.kill(pid, signal.SIGKILL)
            raise TimeoutError(f"{words} wrote {written!r} and does not end")
        piece = b""
        with suppress(OSError):  # EIO: nothing is left to read, and no process has it open
            piece = os.read(terminal, 65_536)
        if not piece:
            if os.waitpid(pid, os.WNOHANG)[0]:
                break
            time.sleep(0.01)  # it has closed it and ends; or the terminal was just flushed, by ^C
            continue
        written += piece
        watch(written.decode(errors="ignore"), terminal)
    os.close(terminal)
    return written.decode()


def prepare() -> None:
    """Import what the commands will: they are forks of this process, which has no threads."""
    for module in ("runpod_sdk.cli.serve", "uvicorn.main", "uvicorn.protocols.http.h11_impl"):
        import_module(module)
    with runpod_sdk.Runpod("a key"):
        pass


def become(words: list[str], directory: Path) -> NoReturn:
    """Be the command, in this process, which is a child: all that it needs is imported."""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(directory)
        time.sleep(0.01)  # the size of the terminal is set meanwhile
        app(words[1:], prog_name=words[0])
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException as error:
        os.write(2, f"{error!r}".encode())
    os._exit(1)


class Session:
    """One reader's terminal, from the first block of the page to the last."""

    def __init__(self, directory: Path, columns: int) -> None:
        self._directory = directory
        self._columns = columns
        self.names = Names(directory)

    def block(self, text: str, remark: str) -> str:
        """Run the commands of a block; return the block as it has to be."""
        if remark == "as it is":
            return text
        lines: list[str] = []
        for line in text.splitlines():
            if line.startswith("$ "):
                lines += [line, *self._command(line[2:], remark)]
        return "".join(f"{line}\n" for line in lines)

    def _command(self, line: str, remark: str) -> Iterator[str]:
        words = shlex.split(self.names.typed(line), comments=True)
        if words[0] != "runpod-sdk":
            raise ValueError(f"only runpod-sdk can be captured, not {line}")
        press = re.fullmatch(r'\^C at "(.*)"', remark)
        pressed: list[str] = []
        for gate in self._directory.glob("gate-*"):
            gate.unlink()

        def watch(written: str, terminal: int) -> None:
            for step in STEP.findall(written):
                (self._directory / f"gate-{step}").touch()
            if "all workers are busy" in written and remark == "live":
                (self._directory / "gate-slow").touch()
            if press and press[1] in written and not pressed:
                pressed.append(press[1])
                os.write(terminal, b"\x03")

        written = run(words, self._directory, self._columns, watch)
        return self._shown(written, live=remark == "live" or press is not None)

    def _shown(self, written: str, *, live: bool) -> Iterator[str]:
        """Give what was on the screen, line by line; of a line that was drawn again, each state."""
        for line in (
            self.names.shown(CODE.sub("", written))
            .replace("\r\n", "\n")
            .removesuffix("\n")
            .split("\n")
        ):
            states = [state.rstrip() for state in line.split("\r")]
            drawn = [found[1] for state in states if (found := DRAWN.fullmatch(state))]
            rest = [state for state in states if not DRAWN.fullmatch(state)]
            if live:
                wanted = [
                    state for state in drawn if not state.startswith(("waiting", "COMPLETED"))
                ]
                last = wanted[-1:]  # with the ^C behind it, if that was pressed
                others = dict.fromkeys(wanted[:-1])
                others.pop(last[0].removesuffix("^C") if last else "", None)
                for number, state in enumerate([*others, *last]):
                    yield f"⠹ 0:{2 * number + 1:02} {state}"
            yield from [state for state in rest if state] or ([] if drawn else [""])


@contextmanager
def endpoint(directory: Path) -> Iterator[None]:
    """Serve the handler of the page, by a process of its own."""
    shutil.copy(HANDLER, directory / "handler.py")
    words = ["runpod-sdk", "serve", "handler.py:handler", "--return-aggregate-stream"]
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        become(words, directory)
    os.close(writer)
    try:
        with os.fdopen(reader) as told:
            reached = json.loads(told.readline())
            os.environ["RUNPOD_ENDPOINT_BASE_URL"] = reached["base_url"]
            os.environ["RUNPOD_ENDPOINT_ID"] = reached["endpoint_id"]
            os.environ["RUNPOD_API_KEY"] = reached["api_key"]
            yield
    finally:
        os.kill(pid, signal.SIGINT)
        os.waitpid(pid, 0)


def captured(page: str, columns: int) -> str:
    """Return *page* with what its commands print now in a terminal of so many columns."""
    prepare()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.environ.update(TERM="xterm", NO_COLOR="1", HOME=name, XDG_STATE_HOME=name, CAPTURES=name)
        with endpoint(directory):
            session = Session(directory, columns)
            session.names.real[ENDPOINT] = os.environ["RUNPOD_ENDPOINT_ID"]

            def again(block: re.Match[str]) -> str:
                text = session.block(block["text"], block["remark"] or "")
                return block[0].replace(block["text"], text)

            return BLOCK.sub(again, page)


def main() -> int:
    before = PAGE.read_text(encoding="utf-8")
    if sys.argv[1:2] == ["--columns"]:
        for block in BLOCK.finditer(captured(before, int(sys.argv[2]))):
            print(block["text"])
        return 0
    after = captured(before, 80)
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(after, encoding="utf-8")
        return 0
    difference = list(
        unified_diff(
            before.splitlines(), after.splitlines(), PAGE.name, "what comes now", "", "", 2
        )
    )
    print(*itertools.islice(difference, 200), sep="\n")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
