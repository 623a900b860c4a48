"""The bar of a `map` in a terminal, a real one, and what is written where there is none."""

from __future__ import annotations

import logging
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import pytest

from runpod_sdk import ConfigurationError
from runpod_sdk.local import LocalEndpoint
from tests.facade.clients import Driver

STYLE = re.compile("\x1b\\[[0-9;]*m")
LONG = {"sleep": 30}


class Terminal:
    """A pseudo-terminal, and all that was written to it."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.stream: TextIO = os.fdopen(slave, "w", encoding="utf-8", buffering=1)
        self._written = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while piece := os.read(self._master, 65_536):
                self._written += piece
        except OSError:  # all of it was read, and nobody writes any more
            pass

    def close(self) -> None:
        self.stream.close()
        self._reader.join(20)
        os.close(self._master)

    @property
    def written(self) -> str:
        return self._written.decode()

    @property
    def lines(self) -> list[str]:
        """The lines that stay at the end, if there was never more than one bar."""
        lines = STYLE.sub("", self.written).replace("\x1b[?25l", "").replace("\x1b[?25h", "")
        return [line.rpartition("\r\x1b[2K")[2] for line in lines.split("\r\n")]

    @property
    def drawn(self) -> list[str]:
        """The bar's text, each time that it was drawn."""
        return re.findall(r"\d+(?:/\d+)? done[^\r]*", STYLE.sub("", self.written))


@contextmanager
def watched(
    monkeypatch: pytest.MonkeyPatch, columns: int = 80, *, piped: TextIO | None = None, **given: str
) -> Iterator[Terminal]:
    """Let standard error be a terminal, and standard output too, unless it is piped."""
    terminal = Terminal()
    with monkeypatch.context() as patch:
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
            patch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm", "COLUMNS": str(columns), **given}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "stdout", piped or terminal.stream)
        patch.setattr(sys, "stderr", terminal.stream)
        yield terminal
        terminal.close()


def counts(line: str) -> str:
    """Take from a line what does not depend on the time."""
    return re.sub(r", [\d.]+/\w+|, \d+:\d\d( left)?", "", line).strip("━╸╺ ")


def test_the_bar_ends_full(driver: Driver, endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins before there is a result, counts what failed, in red, and stays."""
    with watched(monkeypatch) as terminal:
        results = driver.take(endpoint.map([*range(20), -1, -2], concurrency=4, progress=True))
    assert len(results) == 22
    assert counts(terminal.drawn[0]) == "0/22 done"
    assert terminal.lines[0].startswith("━" * 20 + " 22/22 done, 2 failed, ")
    assert "\x1b[31m2 failed\x1b[0m" in terminal.written
    assert terminal.written.count("\x1b[?25l") == terminal.written.count("\x1b[?25h") == 1
    assert terminal.lines[1:] == [""]


def test_without_a_total_it_is_a_count(
    driver: Driver, endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched(monkeypatch) as terminal:
        driver.take(endpoint.map(iter(range(5)), progress=True))
    assert counts(terminal.lines[0]) == "5 done"
    assert "━" not in terminal.written


@pytest.mark.parametrize("how", ["closed", "raised", "timed out", "interrupted"])
@pytest.mark.usefixtures("no_jobs_left")
def test_the_bar_ends_with_the_map(
    driver: Driver, endpoint: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """However it ends: the line says how far it was, and the cursor is there again."""
    options: dict[str, Any] = {"raised": {"on_error": "raise"}, "timed out": {"timeout": 0.5}}
    with watched(monkeypatch) as terminal:
        results = endpoint.map(
            [1, -1, LONG], progress=True, on_leave="cancel", **options.get(how, {})
        )
        if how in ("raised", "timed out"):
            with pytest.raises(Exception, match=r"below zero|s were up|timed out|0\.5"):
                driver.take(results)
        else:
            driver.take(results, 2)
            if how == "closed":
                driver.call(lambda: driver.close(results))
            else:
                error = KeyboardInterrupt()
                leave: Callable[..., Any] = (
                    results.__aexit__ if driver.is_async else results.__exit__
                )
                driver.call(lambda: leave(KeyboardInterrupt, error, None))
        assert sys.stdout is terminal.stream
    assert counts(terminal.lines[0]) == "2/3 done, 1 failed, left early"
    assert terminal.written.endswith("\x1b[?25h")


def test_what_is_printed_and_logged_stands_above(
    driver: Driver, endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each record is a whole line, unchanged; also from loggers that existed before."""
    logger = logging.getLogger("of a test of bars")
    with watched(monkeypatch, 60) as terminal:
        handler = logging.StreamHandler(terminal.stream)
        monkeypatch.setattr(logger, "handlers", [handler])
        results = endpoint.map(range(9), progress=True)
        for number in range(9):
            driver.next(results)
            print(f"[red]printed[/red] {number} " + "x" * 100)
            logger.warning("logged :smile: %s", number)
            sys.stderr.write(f"complained {number}\n")
        assert driver.take(results) == []
        assert handler.stream is terminal.stream
        print("after it")
    expected = [
        line
        for number in range(9)
        for line in (
            f"[red]printed[/red] {number} " + "x" * 100,
            f"logged :smile: {number}",
            f"complained {number}",
        )
    ]
    assert terminal.lines[:27] == expected
    assert counts(terminal.lines[27]) == "9/9 done"
    assert terminal.lines[28:] == ["after it", ""]


def test_a_line_without_an_end_is_not_lost(
    driver: Driver, endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched(monkeypatch) as terminal:
        results = endpoint.map(range(5), progress=True)
        for _ in range(5):
            driver.next(results)
            print(".", end="")
        driver.take(results)
    assert terminal.lines[0] == "....."
    assert counts(terminal.lines[1]) == "5/5 done"


def test_what_is_piped_is_not_touched(
    driver: Driver, endpoint: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A program's output is not redirected, on a terminal or elsewhere."""
    with open(tmp_path / "out", "w+") as out, watched(monkeypatch, piped=out) as terminal:
        results = endpoint.map(range(3), progress=True)
        driver.next(results)
        print("for a file")
        assert sys.stdout is out
        driver.take(results)
    assert (tmp_path / "out").read_text() == "for a file\n"
    assert "for a file" not in terminal.written


def test_many_results_are_few_drawings(
    driver: Driver, endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched(monkeypatch) as terminal:
        driver.take(endpoint.map([0] * 200, concurrency=16, ordered=False, progress=True))
    assert counts(terminal.lines[0]) == "200/200 done"
    assert len(terminal.drawn) < 100


@pytest.mark.parametrize("columns", [200, 24, 5])
def test_any_width_is_enough(
    endpoint: Any, driver: Driver, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """The bar is longer or left out; nothing wraps."""
    with watched(monkeypatch, columns) as terminal:
        driver.take(endpoint.map([*range(9), -1], progress=True))
    assert len(terminal.lines) == 2
    assert len(terminal.lines[0]) <= columns
    assert terminal.lines[0].count("━") == {200: 40, 24: 0, 5: 0}[columns]


def test_no_colour(driver: Driver, endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(monkeypatch, NO_COLOR="1") as terminal:
        driver.take(endpoint.map([1, -1], progress=True))
    assert STYLE.findall(terminal.written) == []
    assert counts(terminal.lines[0]) == "2/2 done, 1 failed"


def test_a_map_inside_another(
    driver: Driver, endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a line; when the inner map ends, its line stays, above the outer map's line."""
    with watched(monkeypatch) as terminal:
        outer = endpoint.map([1, 2], progress=True)
        driver.next(outer)
        driver.take(endpoint.map(range(5), progress=True))
        driver.take(outer)
    shown = [counts(line.rpartition("\x1b[2K")[2]) for line in terminal.lines]
    assert "5/5 done" in shown
    assert shown[-2:] == ["2/2 done", ""]
    assert terminal.written.count("\x1b[?25l") == terminal.written.count("\x1b[?25h") == 1


class Broken(Exception):
    pass


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_terminal_that_breaks_loses_no_result(
    driver: Driver, endpoint: Any, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """The bar is given up, and standard output is what it was."""
    with watched(monkeypatch) as terminal:
        stream, writes = terminal.stream, 0

        class Breaking:
            def __getattr__(self, name: str) -> Any:
                return getattr(stream, name)

            def write(self, text: str) -> int:
                nonlocal writes
                writes += 1
                if writes > after:
                    raise OSError("the terminal is gone")
                return stream.write(text)

        breaking = Breaking()
        monkeypatch.setattr(sys, "stderr", breaking)
        results = driver.take(endpoint.map([*range(30), {"sleep": 0.3}], progress=True))
        assert sys.stderr is breaking
        assert sys.stdout is stream
        monkeypatch.setattr(sys, "stderr", stream)
    assert len(results) == 31


@pytest.mark.parametrize("term", [None, "dumb"])
def test_without_a_terminal_there_is_one_line(
    driver: Driver,
    endpoint: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    term: str | None,
) -> None:
    if term is None:
        driver.take(endpoint.map([1, -1], progress=True))
        said = capsys.readouterr().err
    else:
        with watched(monkeypatch, TERM=term) as terminal:
            driver.take(endpoint.map([1, -1], progress=True))
        said = terminal.written.replace("\r\n", "\n")
    assert counts(said) == "map: 2/2 done, 1 failed\n"


def test_rich_is_missing(driver: Driver, endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said before anything is sent, and only where rich would draw."""
    monkeypatch.setitem(sys.modules, "rich", None)
    with watched(monkeypatch), pytest.raises(ConfigurationError, match=r"runpod_sdk\[cli\]"):
        endpoint.map([1], progress=True)
    assert len(driver.take(endpoint.map([1], progress=True))) == 1


@pytest.mark.parametrize("wrong", [1, "yes", 0])
def test_progress_is_true_or_a_function(endpoint: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match="progress must be True, or a function"):
        endpoint.map([1], progress=wrong)
    assert endpoint.map([1], progress=False)


def test_a_program_that_dies_leaves_the_cursor(local: LocalEndpoint) -> None:
    """Although the results were not closed; without a bar, nothing is imported for one."""
    code = f"""
import sys
from runpod_sdk import Runpod
endpoint = Runpod({local.api_key!r}, base_url={local.base_url!r}).endpoint({local.endpoint_id!r})
list(endpoint.map([1], progress=print))
assert not [name for name in sys.modules if name.startswith("runpod_sdk._progress.")]
results = endpoint.map([1, 2], progress=True)
next(results)
cycle = [results]
cycle.append(cycle)
1 / 0
"""
    terminal = Terminal()
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=terminal.stream,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "TERM": "xterm"},
    )
    terminal.close()
    assert done.stdout == "MapProgress(submitted=1, finished=1, failed=0, total=1)\n"
    assert terminal.written.count("\x1b[?25l") == terminal.written.count("\x1b[?25h") == 1
    assert "ZeroDivisionError" in terminal.written
    assert "1/2 done, " in "".join(terminal.lines)
