"""The page on many machines shows what the examples do."""

from __future__ import annotations

from pathlib import Path

from tests.examples.test_docs import blocks

ROOT = Path(__file__).parents[2]


def test_the_page_shows_the_example() -> None:
    """Its code is that of partitions.py, without its docstring."""
    source = (ROOT / "examples/engines/partitions.py").read_text(encoding="utf-8")
    head, _, rest = source.partition('    """\n    Run a job')
    page = (ROOT / "docs/many-machines.md").read_text(encoding="utf-8")
    (shown,) = (block.code for block in blocks(page) if block.file == "partitions.py")
    assert shown.removeprefix("# partitions.py\n") in head + rest.partition('    """\n')[2]
