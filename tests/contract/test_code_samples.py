"""The code samples of the API document run, against the local endpoint."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk import Runpod
from runpod_sdk.local import LocalEndpoint
from tests.yaml_files import read_yaml

DOCUMENT: dict[str, Any] = read_yaml(Path(__file__).parents[2] / "openapi/runpod-serverless.yaml")
SERVER: str = DOCUMENT["servers"][0]["url"]
SAMPLES: dict[str, dict[str, str]] = {
    operation["operationId"]: {
        sample["label"]: sample["source"] for sample in operation["x-codeSamples"]
    }
    for item in DOCUMENT["paths"].values()
    for operation in item.values()
    if "x-codeSamples" in operation
}


def handler(job: dict[str, Any]) -> Any:
    if job["input"].get("fail"):
        return {"error": "asked to fail"}
    return ({"word": word} for word in ("Hello,", "World!"))


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEndpoint]:
    with LocalEndpoint(handler) as endpoint:
        yield endpoint


@pytest.fixture
def environment(local: LocalEndpoint) -> dict[str, str]:
    """What a sample reads; the job is a failed one, which every operation accepts."""
    with Runpod(local.api_key, base_url=local.base_url) as client:
        job = client.endpoint(local.endpoint_id).run(input={"fail": True})
        job.wait(timeout=20)
    return {
        "RUNPOD_API_KEY": local.api_key,
        "RUNPOD_ENDPOINT_BASE_URL": local.base_url,
        "ENDPOINT_ID": local.endpoint_id,
        "JOB_ID": job.id,
    }


def test_jobs_and_endpoints_have_samples() -> None:
    assert len(SAMPLES) >= 9
    assert all(list(each) == ["curl", "Python", "JavaScript"] for each in SAMPLES.values())


@pytest.mark.parametrize("operation", SAMPLES)
def test_python(
    operation: str,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code = compile(SAMPLES[operation]["Python"], operation, "exec")
    if operation == "stream_job":  # the job failed: its stream ends with that
        with pytest.raises(Exception, match="asked to fail"):
            exec(code, {})
    else:
        exec(code, {})
        assert capsys.readouterr().out.strip()


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("operation", SAMPLES)
def test_curl(operation: str, environment: dict[str, str]) -> None:
    said = run(["sh", "-c", SAMPLES[operation]["curl"]], environment, SERVER)
    assert said.startswith("{")


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_javascript(environment: dict[str, str]) -> None:
    """All of them in one process, in the order of the document."""
    blocks = [f"{{\n{each['JavaScript']}}}\n" for each in SAMPLES.values()]
    script = "\n".join(blocks)
    said = run(["node", "--input-type=module", "--eval", script], environment, SERVER)
    assert said.count("status:") >= 8


def run(command: list[str], environment: dict[str, str], server: str) -> str:
    """Run a command with the local endpoint in the place of the server; return its output."""
    local = environment["RUNPOD_ENDPOINT_BASE_URL"]
    done = subprocess.run(
        [part.replace(server, local) for part in command],
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*", **environment},
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
