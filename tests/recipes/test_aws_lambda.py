"""The AWS Lambda recipe, called as Lambda calls it: by a gateway's request, and by a webhook."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk.local import LocalEndpoint
from tests.recipes import write_files


class Context:
    """A call's context, as far as the recipe reads it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return round(self._seconds * 1000)


class FunctionURL(HTTPServer):
    """Passes each request to a function, as the URL of a Lambda function does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FunctionCall)
        self.function: Callable[[dict[str, Any], Any], dict[str, Any]]
        self.called = threading.Event()


class FunctionCall(BaseHTTPRequestHandler):
    server: FunctionURL

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        path, _, query = self.path.partition("?")
        event = {"rawPath": path, "rawQueryString": query, "body": body}
        self.send_response(self.server.function(event, Context(10))["statusCode"])
        self.end_headers()
        self.server.called.set()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[FunctionURL]:
    with FunctionURL() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def local(runpod_local: type[LocalEndpoint]) -> LocalEndpoint:
    async def handler(job: dict[str, Any]) -> list[str]:
        prompt: str = job["input"]["prompt"]
        if prompt == "slow":
            await asyncio.sleep(60)
        return prompt.split()

    return runpod_local(handler)


@pytest.fixture
def load(
    local: LocalEndpoint, url: FunctionURL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Any]]:
    """Return a function that loads a file of the recipe, as the start of an environment does."""
    write_files("recipes/aws-lambda.md", tmp_path)
    monkeypatch.setenv("WEBHOOK_URL", f"http://127.0.0.1:{url.server_port}/")
    monkeypatch.setenv("WEBHOOK_SECRET", "a secret of the tests")
    loaded: list[Any] = []

    def load(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        loaded.append(module)
        return module

    yield load
    for module in loaded:
        module.client.close()


def request(**body: str) -> dict[str, Any]:
    return {"body": json.dumps(body)}


def test_a_short_job(load: Callable[[str], Any]) -> None:
    response = load("wait").lambda_handler(request(prompt="hello you"), Context(60))
    assert response == {"statusCode": 200, "body": '["hello", "you"]'}


def test_a_job_that_takes_too_long_is_cancelled(
    load: Callable[[str], Any], local: LocalEndpoint
) -> None:
    wait = load("wait")
    assert wait.lambda_handler(request(prompt="slow"), Context(wait.RESERVE + 0.3)) == {
        "statusCode": 504,
        "body": "not finished in time",
    }
    health = wait.endpoint.health()
    assert (health.jobs.in_queue, health.jobs.in_progress) == (0, 0)


def test_the_webhook_stores_the_result(load: Callable[[str], Any], url: FunctionURL) -> None:
    """By the submitter's own reference, so a second call changes nothing."""
    jobs = load("jobs")
    url.function = jobs.receive
    submitted = jobs.submit(request(id="order-17", prompt="hello again"), Context(10))
    assert submitted["statusCode"] == 202
    assert url.called.wait(30)
    assert jobs.results["order-17"]["output"] == ["hello", "again"]
    assert jobs.results["order-17"]["id"] == json.loads(submitted["body"])["job"]
    assert jobs.receive({"rawQueryString": "forged=1", "body": "{}"}, None) == {"statusCode": 400}
