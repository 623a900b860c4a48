"""The FastAPI recipe in a real server: the webhook arrives, and errors get the stated responses."""

from __future__ import annotations

import importlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runpod_sdk.local import LocalEndpoint, LostReply, RateLimited
from tests.recipes import write_files

pytest.importorskip("fastapi", reason="scripts/recipes has it")

import uvicorn


def handler(job: dict[str, Any]) -> Any:
    if job["input"]["prompt"] == "fail":
        raise ValueError("a detail of the worker")
    return job["input"]["prompt"].upper()


@pytest.fixture
def local(runpod_local: type[LocalEndpoint]) -> LocalEndpoint:
    return runpod_local(handler)


@pytest.fixture
def application(
    local: LocalEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Any, httpx.Client]]:
    """Serve the recipe's application; return its module and a client."""
    write_files("recipes/fastapi.md", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("WEBHOOK_URL", f"{url}/runpod/finished")
        monkeypatch.setenv("WEBHOOK_SECRET", "a secret of the tests")
        module = importlib.import_module("app")
        server = uvicorn.Server(uvicorn.Config(module.app, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        with httpx.Client(base_url=url, trust_env=False) as client:
            yield module, client
        server.should_exit = True
        thread.join()
    del sys.modules["app"]


def until(condition: Any) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_webhook_stores_the_result(
    application: tuple[Any, httpx.Client], local: LocalEndpoint
) -> None:
    """The service forgets the job, and the application still has its result."""
    module, http = application
    ids = [
        http.post("/jobs", json={"prompt": prompt}).raise_for_status().json()["id"]
        for prompt in ("hello", "fail")
    ]
    until(lambda: len(module.finished) == 2)
    local.close()
    assert [http.get(f"/jobs/{job_id}").json() for job_id in ids] == [
        {"status": "COMPLETED", "output": "HELLO"},
        {"status": "FAILED", "output": None},
    ]


def test_errors_get_responses_of_their_own(
    application: tuple[Any, httpx.Client], local: LocalEndpoint
) -> None:
    _, http = application
    with local.faults.active(LostReply("run")):
        response = http.post("/jobs", json={"prompt": "hello"})
    assert response.status_code == 502
    assert "may have been submitted" in response.json()["detail"]
    with local.faults.active(RateLimited("run", retry_after=0)):
        response = http.post("/jobs", json={"prompt": "hello"})
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert http.get("/jobs/no%20id").status_code == 404
    assert http.post("/runpod/finished", content=b"forged").status_code == 400
