"""A bar below a notebook's cell: HTML that is replaced in place, without widgets."""

from __future__ import annotations

import uuid
from importlib import import_module

from runpod_sdk._display import html_of_progress
from runpod_sdk._progress.counter import ProgressView


class NotebookDisplay:
    """The output of the running cell."""

    def __init__(self) -> None:
        self._id: str | None = None

    def show(self, bar: object, view: ProgressView) -> None:
        # Already loaded, as it runs the cell.
        display = import_module("IPython.display").display
        shown, self._id = self._id, self._id or uuid.uuid4().hex
        data = {
            "text/html": html_of_progress(view.words, view.finished, view.failed, view.total),
            "text/plain": view.text,
        }
        display(data, raw=True, display_id=self._id, update=shown is not None)

    end = show
