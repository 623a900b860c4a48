"""Each line of the list of faults has a test of its number, or a reason why it needs none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LIST = HERE.parents[2] / "shared" / "peer-bugs.md"
NUMBER = re.compile(r"(?<![\w#])([PJGRFEO]\d+)(?= (?:\[[VS]\]|js-sdk|open))")


def listed() -> list[str]:
    """Give the numbers of the list, in its order."""
    return NUMBER.findall(LIST.read_text())


def named() -> set[str]:
    """Give the numbers that tests of this directory are named by."""
    sources = [path.read_text() for path in HERE.glob("test_*.py")]
    return {
        found.upper() for text in sources for found in re.findall(r"def test_([a-z]\d+)_", text)
    }


def excused() -> set[str]:
    """Give the numbers that the docstrings of this directory's modules have a reason for."""
    sources = [path.read_text().split('"""')[1] for path in HERE.glob("test_*.py")]
    return {found for text in sources for found in re.findall(r"^([A-Z]\d+)  \S", text, re.M)}


@pytest.mark.skipif(not LIST.exists(), reason="the list is not on this machine")
def test_every_line_is_named() -> None:
    """No line of the list is forgotten, and none is both tested and excused."""
    numbers = listed()
    assert len(numbers) == len(set(numbers)) == 25 + 14 + 15 + 6 + 5 + 7 + 10
    assert set(numbers) - named() - excused() == set()
    assert named() | excused() == set(numbers)
    assert named() & excused() == set()


def test_a_reason_is_given_for_few() -> None:
    """What can't concern a client in Python is little."""
    assert excused() == {"R1", "J13", "G4"}
