"""A program that has not imported OpenTelemetry does not get it from here."""

from __future__ import annotations

import pytest

from tests.facade.test_exports import in_a_new_process

WHOLE = """
import json, sys
{first}
import httpx
from runpod_sdk import Runpod

done = {{"id": "j", "status": "COMPLETED", "output": 1, "delayTime": 1, "executionTime": 1}}
answer = httpx.MockTransport(lambda _: httpx.Response(200, json=done))
with httpx.Client(transport=answer) as http, Runpod("key", http_client=http) as client:
    job = client.endpoint("ep").run(input=1)
    assert job.output() == 1
    assert client.endpoint("ep").run_sync(input=1).succeeded
ours = "runpod_sdk._telemetry."
found = [name for name in sys.modules if "opentelemetry" in name or name.startswith(ours)]
found.remove(ours + "telemetry")
print(json.dumps(found))
"""

MISSING = """
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nowhere())
"""

TOO_OLD = (
    MISSING
    + """
import types
sys.modules["opentelemetry"] = types.ModuleType("opentelemetry")
sys.modules["opentelemetry.trace"] = types.ModuleType("opentelemetry.trace")
"""
)


@pytest.mark.parametrize("first", ["", MISSING], ids=["not imported", "not installed"])
def test_nothing_is_imported(first: str) -> None:
    """Installed or not: a job imports neither OpenTelemetry nor the modules that use it."""
    assert in_a_new_process(WHOLE.format(first=first)) == []


def test_one_that_is_too_old_is_none() -> None:
    """A broken installation is ignored, and the job succeeds."""
    loaded = in_a_new_process(WHOLE.format(first=TOO_OLD))
    assert "runpod_sdk._telemetry.tracing" not in loaded


def test_one_without_a_provider_changes_nothing() -> None:
    """A program that imported the API without a provider has no spans."""
    loaded = in_a_new_process(WHOLE.format(first="import opentelemetry.trace"))
    assert "runpod_sdk._telemetry.tracing" in loaded
    assert not [name for name in loaded if name.startswith("opentelemetry.sdk")]
