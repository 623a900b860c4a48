"""OpenAI's own client, unmodified, against the local endpoint; also with RunPod's own worker."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk.local import LocalEndpoint, WorkerCommand
from tests.local.processes import until
from tests.official.drivers.openai_worker import handler

DRIVERS = Path(__file__).parent / "drivers"
PATIENCE = 60.0
OFFICIAL = os.environ.get("RUNPOD_OFFICIAL_PYTHON", "")

pytestmark = pytest.mark.skipif(not OFFICIAL, reason="scripts/official runs these")

WORKER = WorkerCommand([OFFICIAL or "python", str(DRIVERS / "openai_worker.py")])


@pytest.mark.parametrize("worker", [handler, WORKER], ids=["function", "official worker"])
def test_the_openai_client(worker: Any) -> None:
    """Models, a completion, a stream, errors before and within one, and one that is left early."""
    with LocalEndpoint(worker, workers=2, min_workers=2) as local, local.client() as client:
        base_url = f"{local.base_url}/{local.endpoint_id}/openai/v1"
        ran = subprocess.run(
            [OFFICIAL, str(DRIVERS / "openai_client.py"), base_url],
            env={**os.environ, "OPENAI_KEY": local.api_key, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert ran.returncode == 0, ran.stderr
        endpoint = client.endpoint(local.endpoint_id)
        until(lambda: endpoint.health().jobs.in_progress == 0, PATIENCE)
        # What failed are the two of each client that say so; what was left early is cancelled.
        assert endpoint.health().jobs.failed == 4
    for seen in json.loads(ran.stdout):
        assert seen == {
            "models": ["tiny"],
            "completion": ["Hello.", 5],
            "stream": ["Hel", "lo", "."],
            "failed": ["NotFoundError", 404, seen["failed"][2]],
            "broken": ["Hel", "lo", ".", ["APIError", None, "out of memory"]],
            "left": "Hel",
        }
        assert "no such model" in seen["failed"][2]
