"""The bars of all maps of this process in its terminal, drawn by rich."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final, TextIO

from attrs import frozen
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.text import Text

from runpod_sdk import _forks
from runpod_sdk._progress import is_terminal
from runpod_sdk._progress.counter import ProgressView

_WIDE, _BAR, _SHORT_BAR, _SHORTEST_BAR = 100, 40, 20, 5
"""Columns of a wide terminal, of its bar, and of the bars of narrower terminals."""


@frozen
class _Row:
    """A line of any width: the bar, if the total is known, and the text."""

    view: ProgressView

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        done, failed, rest = self.view.words
        parts = [Text(done), *([Text(failed, "red")] if failed else []), Text(rest)]
        words = Text(", ").join(parts)
        room = options.max_width - words.cell_len - 1
        width = min(_BAR if options.max_width >= _WIDE else _SHORT_BAR, room)
        if self.view.total and width >= _SHORTEST_BAR:
            bar = ProgressBar(
                self.view.total,
                self.view.finished,
                width,
                complete_style="green",
                finished_style="green",
            )
            yield from console.render(bar, options)
            yield Segment(" ")
        words.truncate(options.max_width)
        yield words


class TerminalDisplay:
    """The last lines of a terminal: one for each running map."""

    def __init__(self) -> None:
        self._rows: dict[object, _Row] = {}
        self._live: Live | None = None
        self._streams: list[tuple[str, TextIO, TextIO]] = []
        """Replaced streams: the name in `sys`, the original, and the replacement."""
        self._moved: list[tuple[logging.StreamHandler[Any], TextIO, TextIO]] = []
        self._lock = threading.RLock()
        _forks.watch(self)

    def after_fork(self) -> None:
        """Leave the bars to the parent process, and print without waiting for its threads."""
        self._lock = threading.RLock()
        self._live = None
        for name, old, new in self._streams:
            if getattr(sys, name) is new:
                setattr(sys, name, old)
        self._forget()

    def show(self, bar: object, view: ProgressView) -> None:
        with self._lock:
            self._rows[bar] = _Row(view)
            if self._live is None:
                self._start()
            else:
                self._live.refresh()

    def end(self, bar: object, view: ProgressView) -> None:
        """Leave the map's line above the lines of running maps."""
        with self._lock:
            if self._rows.pop(bar, None) is None or self._live is None:
                return
            if self._rows:
                self._live.console.print(_Row(view))
                return
            self._rows[bar] = _Row(view)
            live, self._live = self._live, None
            with ExitStack() as last:  # each of them, even if the terminal raises
                last.callback(self._forget)
                last.callback(live.stop)
                for _, _, stream in self._streams:
                    stream.flush()  # an unfinished line would be lost

    def _start(self) -> None:
        console = Console(
            file=sys.stderr,
            force_jupyter=False,
            soft_wrap=True,  # printed lines are not wrapped
            markup=False,
            emoji=False,
            highlight=False,
        )
        out, err = sys.stdout, sys.stderr
        self._live = Live(
            console=console,
            auto_refresh=False,
            redirect_stdout=is_terminal(out),  # a pipe receives printed lines unchanged
            get_renderable=lambda: Group(*self._rows.values()),
        )
        self._live.start(refresh=True)
        for name, old, new in (("stdout", out, sys.stdout), ("stderr", err, sys.stderr)):
            if old is not new:
                self._streams.append((name, old, new))
                self._move(old, new)

    def _move(self, old: TextIO, new: TextIO) -> None:
        """Let loggers that write to the terminal write above the bars, as `print` does."""
        for handler in _handlers():
            if handler.stream is old:
                handler.setStream(new)
                self._moved.append((handler, old, new))

    def _forget(self) -> None:
        """Restore loggers and streams."""
        for handler, old, new in self._moved:
            if handler.stream is new:
                handler.setStream(old)
        self._moved.clear()
        self._streams.clear()
        self._rows.clear()


def _handlers() -> Iterator[logging.StreamHandler[Any]]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", []):
            if isinstance(handler, logging.StreamHandler):
                yield handler


terminal: Final = TerminalDisplay()
