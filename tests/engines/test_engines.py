"""
The examples of maps inside an engine, on clusters of several processes, which crash.

What was run, and paid, is counted where the jobs are: in this process, by a local endpoint.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="scripts/engines has what these tests need")

from runpod_sdk import Journal
from runpod_sdk.local import LostReply

from .batches import ENGINES, NUMBERS, ROWS, Batch


@pytest.fixture(params=ENGINES)
def batch(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Batch]:
    batch = Batch(tmp_path, request.param)
    with tempfile.TemporaryDirectory() as home, batch.local:
        # Where Ray leaves a token, and its sessions: paths of sockets have to be short.
        monkeypatch.setenv("HOME", home)
        monkeypatch.setenv("RAY_TMPDIR", home)
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        try:
            yield batch
        finally:
            batch.let(len(NUMBERS))
            batch.kill()


def check(batch: Batch) -> None:
    """Decide on what is uncertain, go on, and compare all results with what was run."""
    unknown = batch.uncertain()
    assert set(batch.runs.values()) == {1}, "a row was run twice"
    assert batch.end() == (1 if unknown else 0), batch.said()
    for path, index in unknown.values():
        assert f"{path}: input {index}: " in batch.said()
    skipped = {number for number in unknown if number in batch.runs}
    for number, (path, index) in unknown.items():
        with Journal(path) as journal:
            journal.resolve(index, "skip" if number in skipped else "resubmit")
    if unknown:
        batch.start()
        assert batch.end() == 0, batch.said()
    assert batch.runs == dict.fromkeys(NUMBERS, 1)
    results = batch.results()
    assert set(results) == set(NUMBERS)
    for number, (output, error) in results.items():
        if number in skipped or number % 10 == 9:
            assert output is None
            assert error is not None
            assert ("skipped" if number in skipped else "as asked") in error
        else:
            assert (output, error) == (str(number**2), None)
    key = batch.local.api_key.encode()
    for path in [*batch.target.iterdir(), *batch.target.parent.glob("log")]:
        assert key not in path.read_bytes(), f"the key is in {path}"


def test_a_worker_is_killed(batch: Batch) -> None:
    """The engine runs its partition once more, in another process; that goes on."""
    batch.let(len(NUMBERS) // 2)
    batch.start()
    assert batch.comes_to_hold(), batch.said()
    batch.kill_worker()
    batch.let(len(NUMBERS))
    batch.end()
    check(batch)


def test_the_program_is_killed(batch: Batch) -> None:
    """Started again, and killed again, and started again, it goes on each time."""
    kills = 0
    for ended in (len(NUMBERS) // 3, len(NUMBERS) - ROWS // 4):
        batch.let(ended)
        batch.start()
        if batch.comes_to_hold():
            batch.kill()
            kills += 1
    assert kills > 0
    batch.let(len(NUMBERS))
    batch.start()
    batch.end()
    check(batch)


def test_what_is_uncertain_or_in_use_is_told(batch: Batch) -> None:
    """Other partitions end; nothing is sent again, and what was written can be made again."""
    batch.target.mkdir()
    taken = batch.target / "from-0.journal"
    with batch.local.faults.active(LostReply("run"), times=1), Journal(taken):
        batch.start()
        assert batch.end() == 1
    assert f"{taken} is in use" in batch.said()
    assert len(batch.uncertain()) == 1
    (written,) = batch.target.glob("*.parquet")
    before = written.read_bytes()
    written.unlink()
    batch.start()
    assert batch.end() == 1
    assert "1 inputs or partitions left" in batch.said()
    assert written.read_bytes() == before
    assert len(batch.results()) == len(NUMBERS) - ROWS
    check(batch)
