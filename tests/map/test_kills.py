"""A batch that is killed at any instant, and copies its journal, sends nothing twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.map.kills import soak


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_killed_at_any_instant(tmp_path: Path) -> None:
    """Each input is run at most once, no result is lost, and all but the uncertain end."""
    kills = 200 if settings.get_current_profile_name() == "full" else 15
    figures = soak(tmp_path, kills)
    print(figures)
    assert figures.kills >= kills
    assert figures.copies > 0
    assert figures.refused > 0
