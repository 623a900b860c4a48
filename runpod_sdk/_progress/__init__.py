"""The progress of a `map`, reported to a function or shown as a bar."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO

from runpod_sdk.errors import ConfigurationError
from runpod_sdk.results import MapProgress

ProgressCallback = Callable[[MapProgress], object]


def progress_reporter(
    progress: bool | ProgressCallback | None, total: int | None
) -> AbstractContextManager[ProgressCallback] | None:
    """
    Return a context manager for a `map`, whose value is called with each result's progress.

    Raises:
        ConfigurationError: A bar in a terminal needs rich, which is not installed.
        TypeError: *progress* is neither a boolean nor a function.
    """
    if progress is None or progress is False:
        return None
    if progress is True:
        return _bar(total)
    if not callable(progress):
        raise TypeError(
            f"progress must be True, or a function that takes a MapProgress, not {progress!r:.60}"
        )
    return nullcontext(progress)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether *stream* is a terminal that can move its cursor."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _bar(total: int | None) -> AbstractContextManager[ProgressCallback]:
    from runpod_sdk._progress.bar import Bar, summary_line

    if in_notebook():
        from runpod_sdk._progress.notebook import NotebookDisplay

        return Bar(NotebookDisplay(), total)
    if not is_terminal(sys.stderr):
        return summary_line(total)
    if importlib.util.find_spec("rich") is None:
        raise ConfigurationError(
            'progress=True needs rich in a terminal: pip install "runpod_sdk[cli]"; '
            "or pass a function that takes a MapProgress"
        )
    from runpod_sdk._progress.terminal import terminal

    return Bar(terminal, total)


def in_notebook() -> bool:
    """Return whether the code runs in IPython, and not in its terminal."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    kinds = [kind.__name__ for kind in type(shell).__mro__]
    return shell is not None and "TerminalInteractiveShell" not in kinds
