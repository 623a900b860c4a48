"""
The examples of maps inside an engine, on clusters of several processes, which crash.

What was run, and paid, is counted where the jobs are: in this process, by a local endpoint.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="scripts/engines has what these tests need")

from runpod_sdk import Journal
from runpod_sdk.local import LostReply
from tests.local.processes import until
from tests.redis_server import SERVER, RedisServer

from .batches import ENGINES, NUMBERS, PATIENCE, ROWS, Batch


@pytest.fixture(scope="module")
def rates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the location of a rate budget: in Redis, if it is installed, else a file."""
    if SERVER is None:
        print("NO REDIS HERE: the rate budget is a file", file=sys.stderr)
        yield str(tmp_path_factory.mktemp("budget") / "rates")
        return
    server = RedisServer()
    yield server.url
    server.stop()


@pytest.fixture(params=ENGINES)
def batch(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rates: str
) -> Iterator[Batch]:
    monkeypatch.setenv("RUNPOD_RATE_BUDGET", rates if find_spec("redis") else str(tmp_path / "b"))
    batch = Batch(tmp_path, request.param)
    with tempfile.TemporaryDirectory() as home, batch.local:
        # Where Ray leaves a token, and its sessions: paths of sockets have to be short.
        monkeypatch.setenv("HOME", home)
        monkeypatch.setenv("RAY_TMPDIR", home)
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        monkeypatch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "100")
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
    written = batch.results()
    for number in unknown:
        assert written[number][2] == "SubmissionUncertainError"
    skipped = {number for number in unknown if number in batch.runs}
    for number, (path, index) in unknown.items():
        with Journal(path) as journal:
            journal.resolve(index, "skip" if number in skipped else "resubmit")
    if unknown:
        batch.start(WORKERS="1")
        assert batch.end() == 0, batch.said()
    assert batch.runs == dict.fromkeys(NUMBERS, 1)
    results = batch.results()
    assert set(results) == set(NUMBERS)
    for number, (output, error, status) in results.items():
        if number in skipped or number % 10 == 9:
            assert output is None
            assert error is not None
            assert ("skipped" if number in skipped else "as asked") in error
            assert status == ("SKIPPED" if number in skipped else "FAILED")
        else:
            assert (output, error, status) == (str(number**2), None, "COMPLETED")
    key = batch.local.api_key.encode()
    for path in [*batch.target.iterdir(), *batch.target.parent.glob("log")]:
        assert key not in path.read_bytes(), f"the key is in {path}"


def test_a_worker_and_the_program_are_killed(batch: Batch) -> None:
    """The engine runs the partition once more, in another process; the next program goes on."""
    batch.let(len(NUMBERS) // 3)
    batch.start()
    assert batch.comes_to_hold(), batch.said()
    if batch.engine != "prefect":  # whose tasks are threads of the program
        until(lambda: len(batch.at_work()) == 2, PATIENCE)  # the other one may have begun later
        batch.at_work()[0].kill()
    batch.let(2 * len(NUMBERS) // 3)
    assert batch.comes_to_hold(), batch.said()
    batch.kill()
    batch.let(len(NUMBERS))
    batch.start()
    batch.end()
    assert "300 of 300 rows" in batch.said()
    check(batch)


def test_what_is_uncertain_or_in_use_is_told(batch: Batch) -> None:
    """Other partitions end; nothing is sent again, and a row that is uncertain says so."""
    batch.target.mkdir()
    taken = batch.target / "from-0.parquet.journal"
    with batch.local.faults.active(LostReply("run"), times=1), Journal(taken):
        batch.start()
        assert batch.end() == 1
    assert f"{taken} is in use" in batch.said()
    assert len(batch.uncertain()) == 1
    assert len(batch.results()) == len(NUMBERS) - ROWS
    batch.start(WORKERS="1")
    assert batch.end() == 1
    assert "1 inputs or partitions left" in batch.said()
    check(batch)


def test_without_a_key(batch: Batch) -> None:
    """The error says so, as it does without an engine."""
    batch.start(RUNPOD_API_KEY="", WORKERS="1")
    assert batch.end() != 0
    assert "ConfigurationError: no API key" in batch.said()
    assert "AttributeError" not in batch.said()
    assert batch.runs.total() == 0
