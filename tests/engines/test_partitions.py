"""The partition of the examples of engines, without an engine."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk.local import LocalEndpoint

WHY = "scripts/engines has what these tests need"
pa = pytest.importorskip("pyarrow", reason=WHY)
pq = pytest.importorskip("pyarrow.parquet", reason=WHY)

PROGRAM = Path(__file__).parents[2] / "examples" / "engines" / "partitions.py"


@pytest.fixture
def run_partition() -> Any:
    spec = importlib.util.spec_from_file_location("partitions", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.run_partition


def test_two_stages(run_partition: Any, tmp_path: Path) -> None:
    """The second one names its columns, else it is refused before any job is submitted."""
    runs: list[Any] = []
    first, second, third = (tmp_path / f"{name}.parquet" for name in "abc")
    pq.write_table(pa.table({"number": [1, 2]}), first)
    with LocalEndpoint(lambda job: runs.append(job)) as local, local.client() as client:
        endpoint = client.endpoint(local.endpoint_id)
        assert run_partition(endpoint, first, second, 2) == []
        for columns in (("output", "error"), ("text", "error"), ("same", "same")):
            with pytest.raises(ValueError, match="columns="):
                run_partition(endpoint, second, third, 2, columns)
        assert len(runs) == 2
        assert run_partition(endpoint, second, third, 2, ("text", "problem")) == []
    assert pq.read_table(third).column_names == ["number", "output", "error", "text", "problem"]
