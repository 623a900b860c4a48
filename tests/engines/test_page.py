"""The page on many machines shows what the examples do."""

from __future__ import annotations

from pathlib import Path

from tests.examples.test_readme import blocks

ROOT = Path(__file__).parents[2]


def test_the_page_shows_the_example() -> None:
    """Its code is that of partitions.py, without its docstring."""
    source = (ROOT / "examples/engines/partitions.py").read_text(encoding="utf-8")
    head, _, rest = source.partition('    """\n    Run a job')
    (shown,) = blocks((ROOT / "docs/many-machines.md").read_text(encoding="utf-8"))
    assert shown[1].removeprefix("# partitions.py\n") in head + rest.partition('    """\n')[2]
