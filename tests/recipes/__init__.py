"""Tests of docs/recipes beyond what each page runs itself: servers, and processes that crash."""

from __future__ import annotations

from pathlib import Path

from tests.examples.test_docs import PAGES, blocks


def write_files(page: str, folder: Path) -> None:
    """Write the files that a recipe shows into *folder*."""
    for block in blocks(PAGES[page].read_text(encoding="utf-8")):
        if block.file:
            (folder / block.file).write_text(block.code, encoding="utf-8")
