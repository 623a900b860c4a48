"""Workers made with older versions of RunPod's package, which scripts/official installs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runpod_sdk import Endpoint
from runpod_sdk.local import Limits, LocalEndpoint, WorkerCommand

from . import support
from .processes import until

PYTHONS = os.environ.get("RUNPOD_OFFICIAL_OLDER", "").split()
if not PYTHONS:
    pytest.skip("scripts/official has RunPod's package, and runs this", allow_module_level=True)

WORKER = Path(__file__).with_name("official_handler.py")
LIMITS = Limits(job_take_wait=1.0, stop_grace=1.0, process_grace=2.0, sweep_interval=0.2)
PATIENCE = 3 * support.PATIENCE


@pytest.fixture(scope="module", params=PYTHONS, ids=lambda python: Path(python).parts[-3])
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    worker = WorkerCommand([request.param, str(WORKER), "plain"])
    with LocalEndpoint(worker, limits=LIMITS) as local, local.client() as client:
        yield client.endpoint(local.endpoint_id)


def test_jobs_are_run(endpoint: Endpoint) -> None:
    assert endpoint.run_sync(input={"return": [1]}, timeout=PATIENCE).output == [1]
    assert endpoint.run(input={"raise": "it broke"}).wait(timeout=PATIENCE).status == "FAILED"


def test_a_worker_takes_jobs_after_one_was_cancelled(endpoint: Endpoint) -> None:
    """The file of versions 1.7.12 to 1.10.0 outlives their process."""
    job = endpoint.run(input={"block": 600})
    until(lambda: job.status().status == "IN_PROGRESS", PATIENCE)
    job.cancel()
    assert endpoint.run_sync(input={"return": 2}, timeout=PATIENCE).output == 2
