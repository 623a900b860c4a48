"""Output below a notebook's cell: HTML that is replaced in place, without widgets."""

from __future__ import annotations

import uuid
from importlib import import_module

from runpod_sdk._display import html_of_progress
from runpod_sdk._progress.counter import ProgressView


class CellOutput:
    """One output of the running cell."""

    def __init__(self) -> None:
        self._id: str | None = None

    def show(self, html: str, text: str) -> None:
        """Show the output, or replace it; *text* is for displays without HTML."""
        # Already loaded, as it runs the cell.
        display = import_module("IPython.display").display
        shown, self._id = self._id, self._id or uuid.uuid4().hex
        data = {"text/html": html, "text/plain": text}
        display(data, raw=True, display_id=self._id, update=shown is not None)


class NotebookDisplay:
    """A bar below the running cell."""

    def __init__(self) -> None:
        self._output = CellOutput()

    def show(self, bar: object, view: ProgressView) -> None:
        html = html_of_progress(view.words, view.finished, view.failed, view.total)
        self._output.show(html, view.text)

    end = show
