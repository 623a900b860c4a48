"""
Run the terminal sessions of docs/command-line.md, and write or compare their output.

The page contains the commands: in each `console` block, the lines that begin with `$`, where JOB
is the job that was named last. They run one after another, in the order of the page, against one
local endpoint, in a pseudo-terminal of 80 columns. All other lines of the block are output. A
comment before the block has options:

    <!-- live -->                 shows each new state of the status line
    <!-- ^C at "some text" -->    presses Ctrl-C when that text is on the screen
    <!-- as it is -->             the block is not run

Ids, times and ports are replaced by constants, because they differ between runs. The page's jobs
do not wait for time: the handler takes its next step when the capture has seen the last one.
"""

from __future__ import annotations

import fcntl
import io
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
from contextlib import contextmanager, redirect_stdout, suppress
from difflib import unified_diff
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import httpx

import runpod_sdk
from runpod_sdk.cli.app import command

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
    """Constants for random values: the n-th job always has the same id in the page."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.real: dict[str, str] = {}
        """The real ids, by the ids in the page."""
        self.jobs = 0
        self.last = ""
        """The job that the page calls JOB: the last one in the output."""

    def shown(self, text: str) -> str:
        """Replace values that differ between runs."""
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
        """Return a command of the page with this run's values."""
        for name, real in self.real.items():
            line = line.replace(name, real)
        return re.sub(r"\bJOB\b", self.last, line)


def run(
    words: list[str], directory: Path, columns: int, watch: Callable[[str, int], object]
) -> str:
    """
    Run the command in its own terminal, and return its output.

    Args:
        watch: Called with the output so far, and the terminal.
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
        with suppress(OSError):  # EIO: all is read, and no process has the terminal open
            piece = os.read(terminal, 65_536)
        if not piece:
            if os.waitpid(pid, os.WNOHANG)[0]:
                break
            time.sleep(0.01)  # the command has closed it and ends, or ^C has just flushed it
            continue
        written += piece
        watch(written.decode(errors="ignore"), terminal)
    os.close(terminal)
    return written.decode()


def prepare() -> None:
    """Make what the commands need: they are forks of this process, which has no threads."""
    for module in ("runpod_sdk.cli.serve", "uvicorn.main", "uvicorn.protocols.http.auto"):
        import_module(module)
    with suppress(SystemExit), redirect_stdout(io.StringIO()):  # typer imports pydantic for options
        command()(["run", "--help"])
    with runpod_sdk.Runpod("a key"):
        pass


def become(words: list[str], directory: Path) -> NoReturn:
    """Run the command in this child process, which has imported all that it needs."""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(directory)
        time.sleep(0.01)  # the parent sets the terminal's size first
        command()(words[1:], prog_name=words[0])
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException as error:
        os.write(2, f"{error!r}".encode())
    os._exit(1)


class Session:
    """The terminal session of the page, from the first block to the last."""

    def __init__(self, directory: Path, columns: int) -> None:
        self._directory = directory
        self._columns = columns
        self.names = Names(directory)

    def block(self, text: str, remark: str) -> str:
        """Run the commands of a block; return the block with their output."""
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
        """Return the lines on the screen, with each state of a line that was redrawn."""
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
                last = wanted[-1:]  # with ^C after it, if that was pressed
                others = dict.fromkeys(wanted[:-1])
                others.pop(last[0].removesuffix("^C") if last else "", None)
                for number, state in enumerate([*others, *last]):
                    yield f"⠹ 0:{2 * number + 1:02} {state}"
            yield from [state for state in rest if state] or ([] if drawn else [""])


@contextmanager
def endpoint(directory: Path) -> Iterator[None]:
    """Serve the page's handler in a separate process."""
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


def batch(directory: Path) -> None:
    """Make the journal of the page, in a separate process, as a map starts threads."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/run"):
            prompt = json.loads(request.content)["input"]["prompt"]
            body = {"id": f"job-{prompt}", "status": "IN_QUEUE"}
            return httpx.Response(200 if prompt != "bear" else 502, json=body)
        prompt = request.url.path.rpartition("-")[2]
        body = {"id": f"job-{prompt}", "status": "COMPLETED", "output": {"seed": 7}}
        if prompt == "cat":
            body |= {"status": "FAILED", "output": None, "error": "CUDA out of memory"}
        return httpx.Response(200, json=body)

    pid = os.fork()
    if pid == 0:
        http = httpx.Client(transport=httpx.MockTransport(answer))
        with runpod_sdk.Runpod("a key", http_client=http, max_retries=0) as client:
            inputs = [{"prompt": prompt} for prompt in ("ant", "bear", "cat")]
            path, endpoint = directory / "animals.sqlite", client.endpoint(ENDPOINT)
            list(endpoint.map(inputs, concurrency=1, key=lambda row: row["prompt"], journal=path))
        os._exit(0)
    os.waitpid(pid, 0)


def captured(page: str, columns: int) -> str:
    """Return *page* with the current output of its commands in a terminal of *columns*."""
    prepare()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.environ.update(TERM="xterm", NO_COLOR="1", HOME=name, XDG_STATE_HOME=name, CAPTURES=name)
        with endpoint(directory):
            batch(directory)
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
