"""Batches on two machines that share a database only, killed at any instant."""

from __future__ import annotations

from pathlib import Path

from tests.forking import needs_fork
from tests.journals.kills import soak
from tests.journals.server import Server


@needs_fork
def test_killed_on_either_machine(tmp_path: Path, server: Server) -> None:
    """Each input is run at most once, no result is lost, and all but the uncertain end."""
    figures = soak(tmp_path, server.dsn(), 8, pauses=False)
    print(figures)
    assert figures.kills >= 8
