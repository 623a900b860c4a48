"""The table of `docs/what-happens-when.md`: `python -m tests.faults.page` updates it."""

from __future__ import annotations

from pathlib import Path

from tests.faults.catalogue import table

PAGE = Path(__file__).parents[2] / "docs" / "what-happens-when.md"
BEGIN = "<!-- written by scripts/faults --page -->\n"
END = "\n<!-- end of what is written -->"


def written() -> str:
    """Return the page's table."""
    text = PAGE.read_text(encoding="utf-8")
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)]


def write() -> None:
    """Write the catalogue's table to the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    PAGE.write_text(before + table() + after, encoding="utf-8")


if __name__ == "__main__":
    write()
