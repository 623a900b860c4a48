"""The partition of the examples of engines, without an engine, on each kind of storage."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk import JournalError, MapResult
from runpod_sdk.local import LocalEndpoint, LostReply

WHY = "scripts/engines has what these tests need"
pa = pytest.importorskip("pyarrow", reason=WHY)
pq = pytest.importorskip("pyarrow.parquet", reason=WHY)
fsspec = pytest.importorskip("fsspec", reason=WHY)

PROGRAMS = Path(__file__).parents[2] / "examples" / "engines"


@pytest.fixture
def partitions(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PROGRAMS))
    import partitions

    return partitions


@pytest.fixture
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Any]]:
    """Make a folder of a kind of storage; give its URL, and how to reach it."""
    if request.param == "file":
        yield str(tmp_path), fsspec.filesystem("file")
    elif request.param == "memory":
        yield "memory://folder", fsspec.filesystem("memory")
    else:
        pytest.importorskip("s3fs", reason="scripts/engines --prefect installs s3fs and moto")
        server = pytest.importorskip("moto.server").ThreadedMotoServer(
            "127.0.0.1", 0, verbose=False
        )
        server.start()
        host, port = server.get_host_and_port()
        options = {"endpoint_url": f"http://{host}:{port}", "key": "AKIA0123", "secret": "0123"}
        fsspec.config.conf["s3"] = options
        files = fsspec.filesystem("s3")
        files.mkdir("bucket")
        yield "s3://bucket/folder", files
        del fsspec.config.conf["s3"]
        server.stop()


def write(files: Any, url: str, numbers: range) -> None:
    with files.open(url, "wb") as file:
        pq.write_table(pa.table({"number": numbers}), file)


@pytest.mark.parametrize("storage", ["file", "memory", "s3"], indirect=True)
def test_storage(
    storage: tuple[str, Any], partitions: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sources are found, and a target is there as a whole or not at all."""
    folder, files = storage
    monkeypatch.setattr(partitions, "GROUP", 3)
    monkeypatch.setattr(
        partitions, "journal_of", lambda _: partitions.Journal(tmp_path / "partition.journal")
    )
    source, target = f"{folder}/source", f"{folder}/target"
    files.makedirs(source, exist_ok=True)
    write(files, f"{source}/a.parquet", range(10))
    sources, targets, rows = partitions.partitions_of(source, target)
    assert rows == 10
    runs: list[int] = []
    seen: list[Any] = []

    def handler(job: Any) -> int:
        runs.append(job["input"]["number"])
        assert not [path for path in files.find(target) if path.endswith("a.parquet")]
        if runs[-1] == 3:
            raise ValueError("no")
        return -runs[-1]

    with LocalEndpoint(handler) as local, local.client() as client:
        endpoint = client.endpoint(local.endpoint_id)
        with local.faults.active(LostReply("run"), times=1):
            (left,) = partitions.run_partition(
                endpoint, sources[0], targets[0], 2, key="number", report=seen.append
            )
        assert "may have been enqueued" in left
        assert seen[-1].left == 1
        (again,) = partitions.run_partition(endpoint, sources[0], targets[0], 2, key="number")
        assert "Journal.resolve()" in again
    assert len(runs) == len(set(runs)) >= 9
    with files.open(f"{target}/a.parquet", "rb") as file:
        rows = pq.read_table(file).to_pylist()
    assert [row["number"] for row in rows] == list(range(10))
    status = {row["number"]: row["status"] for row in rows}
    uncertain = [number for number in status if status[number] == "SubmissionUncertainError"]
    assert len(uncertain) == 1
    for row in rows:
        if row["number"] not in (3, *uncertain):
            assert (row["output"], row["status"]) == (str(-row["number"]), "COMPLETED")


def test_two_stages(partitions: Any, tmp_path: Path) -> None:
    """The second one names its columns, else it is refused before any job is submitted."""
    runs: list[Any] = []
    first, second, third = (str(tmp_path / f"{name}.parquet") for name in "abc")
    pq.write_table(pa.table({"number": [1, 2]}), first)
    with LocalEndpoint(lambda job: runs.append(job)) as local, local.client() as client:
        endpoint = client.endpoint(local.endpoint_id)
        assert partitions.run_partition(endpoint, first, second, 2) == []
        names = ["output", "error", "status"]
        for columns in (names, ("text", "error", "state"), ("same", "same", "state")):
            with pytest.raises(ValueError, match="columns="):
                partitions.run_partition(endpoint, second, third, 2, columns=tuple(columns))
        assert len(runs) == 2
        others = ("text", "problem", "state")
        assert partitions.run_partition(endpoint, second, third, 2, columns=others) == []
    assert pq.read_table(third).column_names == ["number", *names, *others]


class SkippedRows:
    """An endpoint that has a result for each row at once."""

    def map(self, rows: Iterator[Any], **options: Any) -> Any:
        error = JournalError("skipped")
        return nullcontext(
            MapResult(index=index, input=row, error=error) for index, row in enumerate(rows)
        )


def test_memory(partitions: Any, tmp_path: Path) -> None:
    """It holds a part of the rows at a time, not 10 MB of them."""
    source, target = str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")
    texts = [f"{number:02000}" for number in range(5_000)]
    pq.write_table(pa.table({"text": texts}), source, row_group_size=500)
    del texts
    tracemalloc.start()
    try:
        assert partitions.run_partition(SkippedRows(), source, target, 2) == []
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5_000_000
    assert pq.read_metadata(target).num_rows == 5_000


def test_two_tasks_of_one_partition(partitions: Any, tmp_path: Path) -> None:
    """The second one fails, and does not touch what the first one writes."""
    source, target = str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")
    pq.write_table(pa.table({"number": [1, 2]}), source)
    with partitions.journal_of(target), pytest.raises(JournalError, match="in use"):
        partitions.run_partition(SkippedRows(), source, target, 2)
    assert not Path(target).exists()


def test_totals(partitions: Any) -> None:
    """The line about a batch sums what workers report, whichever comes last of each."""
    import progress

    totals = progress.Totals(1_000)
    totals.update(progress.Progress("a", 500, done=10, failed=1, seconds=100.0))
    totals.update(progress.Progress("a", 500, done=100, failed=2, seconds=1_000.0))
    line = totals.update(progress.Progress("b", 500, done=300, failed=1, seconds=9_000.0))
    assert line.startswith("400 of 1,000 rows, ")
    assert line.endswith(" min left, 3 failed, $3.10")
