"""A short `scripts/soak` with few inputs."""

from __future__ import annotations

import pytest

from tests.faults.soak import RUNS, soak


@pytest.mark.parametrize("name", RUNS)
def test_a_map_under_faults(name: str) -> None:
    """Each input has one result and at most one job, and nothing is left open."""
    figures = soak(name, 100, seed=7)
    figures.check()
    assert figures.faults > 10
    assert figures.jobs > 70
