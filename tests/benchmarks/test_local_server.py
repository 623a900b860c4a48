"""What the benchmark of the local endpoint counts; how fast it was, no test looks at."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it measures on Linux")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """Start the server that is measured."""
    from benchmarks import local_server

    local_server.allow_connections(1_000)
    core, _ = local_server.two_cores()
    with local_server.started(core) as server:
        yield server


def test_a_thousand_long_polls_at_once(server: Any) -> None:
    """All are held together, and each gets one answer, the result of its own job."""
    from benchmarks.local_server import held_polls

    polls = asyncio.run(held_polls(server, count=1_000))
    assert (polls.held, polls.answered) == (1_000, 1_000)
    assert 0 < polls.rss_held < 200


def test_jobs_that_are_measured(server: Any) -> None:
    """Each job's own result was awaited, and the server worked for it."""
    from benchmarks.clients.local import submit_and_wait

    before = server.busy
    taken = asyncio.run(submit_and_wait(server, 200))
    assert taken["wall"] > 0
    assert 0 <= taken["cpu"] <= (server.busy - before) / 200


def test_the_command(tmp_path: Path) -> None:
    """One command prints the figures, with the versions they are for, and writes them."""
    path = tmp_path / "figures.json"
    command = [sys.executable, "benchmarks/local_server.py", "--seconds", "0.2", "--polls", "10"]
    done = subprocess.run([*command, "--json", str(path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads(path.read_text())
    assert set(report) == {"runtime", "status_calls", "held_polls"}
    assert {"python", "uvicorn", "h11", "system", "cores"} <= set(report["runtime"])
    assert len(report["status_calls"]["per_second"]) == 3
    assert report["held_polls"]["answered"] == 10
