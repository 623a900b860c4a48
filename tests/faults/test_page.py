"""The page for users matches the tests."""

from __future__ import annotations

import builtins
import re
from pathlib import Path

import pytest

import runpod_sdk
from tests.faults.catalogue import table
from tests.faults.page import PAGE, written

ROOT = Path(__file__).parents[2]


def test_the_page_agrees_with_the_catalogue() -> None:
    """The page's table is the matrix's: `scripts/faults --page` writes it."""
    assert written() == table()


@pytest.mark.parametrize("page", [PAGE, ROOT / "SECURITY.md"], ids=lambda page: page.name)
def test_names_are_real(page: Path) -> None:
    """Each error that a page names is an error of this package or of Python."""
    named = set(re.findall(r"`([A-Z]\w+Error)`", page.read_text(encoding="utf-8")))
    assert not {name for name in named if not hasattr(runpod_sdk, name)} - set(dir(builtins))
