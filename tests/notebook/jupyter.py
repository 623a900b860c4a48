"""Notebooks: run by a real kernel, and made into pages that ask nothing of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from traitlets.config import Config

NOTEBOOK: Final = Path(__file__).parents[2] / "examples" / "notebook.ipynb"

# By files instead of ports, so that nobody else can connect to the kernel.
KERNEL: Final = Config({"KernelManager": {"transport": "ipc"}})

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; media-src data:"
)
"""What a browser may load for a page: nothing that is not in it."""


class Client(NotebookClient):  # type: ignore[misc]
    """Runs a notebook; keeps each cell's types of messages, and the texts that it showed."""

    def __init__(self, notebook: Any) -> None:
        super().__init__(notebook, config=KERNEL, kernel_name="python3", timeout=60)
        self.came: dict[str, list[str]] = {}
        self.texts: dict[str, list[str]] = {}

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.came.setdefault(cell.id, []).append(msg["msg_type"])
        if "data" in msg["content"]:
            self.texts.setdefault(cell.id, []).append(msg["content"]["data"]["text/plain"])
        return super().process_message(msg, cell, cell_index)


def executed(path: Path = NOTEBOOK) -> Any:
    """Run the notebook at *path*, all of it, and return it with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    Client(notebook).execute()
    return notebook


def page(notebook: Any, theme: str) -> str:
    """Return a notebook as HTML, in JupyterLab's theme of that name, `light` or `dark`."""
    exporter = HTMLExporter(theme=theme, mathjax_url="", require_js_url="")
    text: str = exporter.from_notebook_node(notebook)[0]
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return text.replace("<head>", f"<head>{policy}", 1)
