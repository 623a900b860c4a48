"""
The local endpoint beside what was recorded: the same members in the same state.

A raw recording has exactly the members of our answer. Bodies in the documentation and in tests of
clients may have fewer members, because they were trimmed or are old; additional members are listed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runpod_sdk.local import Limits, LocalEndpoint

from .conftest import Serve
from .processes import until
from .support import PATIENCE, UNKNOWN, Api, Clock, Gate

FIXTURES = Path(__file__).parents[3] / "shared/fixtures"

OPERATIONS = frozenset(
    {
        "batch-create",
        "batch-get",
        "cancel",
        "health",
        "metrics",
        "openai-chat-completions",
        "purge-queue",
        "retry",
        "run",
        "runsync",
        "status",
        "stream",
    }
)
RAW = ("recorded HTTP exchange", "recorded 2026", "live capture", "live)")
LEFT_OUT = frozenset({"id", "delayTime", "executionTime", "workerId"})
"""Members that older answers lack, and members that were trimmed before publication."""
ADDED = {
    "input": "older answers of status and runsync had it",
    "started": "made by RunPod's JavaScript client",
    "completed": "made by RunPod's JavaScript client",
    "succeeded": "made by RunPod's JavaScript client",
    "cost": "of public endpoints",
    "error": "of a mock, beside the output of a job that has completed",
}
IN_SECONDS = {"runsync-25": "one page has executionTime as a float; not trusted"}
NOT_OURS = {
    "run-30": "a mock with a status that a new job never has",
    "stream-8": "the oldest documentation has the job around the chunks; recordings do not",
    "stream-7": "the documentation shows the chunks alone; recordings have them in an object",
}


def _payloads() -> dict[str, dict[str, Any]]:
    read = {path.stem: json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))}
    return {
        name: payload
        for name, payload in read.items()
        if payload["direction"] == "response"
        and payload["operation"] in OPERATIONS
        and name not in NOT_OURS
    }


PAYLOADS = _payloads()


class Answers:
    """The local endpoint's answers in each state, requested once."""

    def __init__(self, local: LocalEndpoint, gate: Gate) -> None:
        self.api = Api(local)
        self._gate = gate
        self._made: dict[tuple[str, str], Any] = {}

    def like(self, operation: str, body: Any) -> Any:
        status = str(body.get("status"))
        key = (
            operation,
            f"{status}{'' if status != 'COMPLETED' or 'output' in body else ' empty'}",
        )
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def _make(self, operation: str, status: str) -> Any:
        api = self.api
        match operation, status:
            case _, "401":
                return api.http.get("/health", headers={"authorization": "Bearer no"}).json()
            case "runsync" | "status", "COMPLETED":
                return api.run_sync({"chunks": [], "output": {"a": 1}})
            case "runsync" | "status", "COMPLETED empty":
                return api.run_sync({"chunks": [], "output": {}})
            case "runsync" | "status", "FAILED":
                return api.run_sync({"chunks": [], "output": {"error": "no"}})
            case "stream", "COMPLETED" | "COMPLETED empty":
                return api.stream(api.run_sync({"chunks": [1, 2]})["id"])
            case "batch-create", _:
                return api.ok("POST", "/batch", json=[])
            case "batch-get", _:
                return api.ok("GET", f"/batch/{self.like('batch-create', {})['id']}")
            case "openai-chat-completions", _:
                return api.http.post("/openai/v1/chat/completions", json={}).json()
            case "purge-queue", _:
                return api.ok("POST", "/purge-queue")
            case "health" | "metrics", _:
                return api.ok("GET", f"/{operation}")
            case "retry", _:
                return api.ok("POST", f"/retry/{self.like('status', {'status': 'FAILED'})['id']}")
            case _:
                return self._in_time(operation, status)

    def _in_time(self, operation: str, status: str) -> Any:
        """Look at a job that runs, and at one behind it."""
        api, operation = self.api, "status" if operation == "run" else operation
        running = api.run({"hold": True, "chunks": [1]})
        self._gate.reached()
        waiting = api.run({"chunks": []})
        try:
            if operation == "stream" and status == "IN_QUEUE":
                return api.ok("GET", f"/stream/{waiting}?wait=1000")
            asked = waiting if status in ("IN_QUEUE", "CANCELLED") else running
            verb = "POST" if operation == "cancel" else "GET"
            return api.ok(verb, f"/{operation}/{asked}")
        finally:
            self._gate.open()
            api.wait(running)


@pytest.fixture(scope="module")
def answers() -> Iterator[Answers]:
    gate = Gate()

    def handler(job: dict[str, Any]) -> Any:
        asked = job["input"]
        if "openai_route" in asked:
            return {"object": "chat.completion", "model": "m", "choices": [], "usage": {}}
        return yielding(asked) if asked["chunks"] else asked["output"]

    def yielding(asked: dict[str, Any]) -> Iterator[Any]:
        yield from asked["chunks"]
        if asked.get("hold"):
            gate.wait()

    with LocalEndpoint(handler) as local:
        answers = Answers(local, gate)
        yield answers
        answers.api.http.close()


@pytest.mark.skipif(not PAYLOADS, reason="no recorded payloads on this machine")
@pytest.mark.parametrize("name", PAYLOADS)
def test_members_are_those_recorded(answers: Answers, name: str) -> None:
    """Beside a body that was recorded or published, ours in the same state."""
    payload = PAYLOADS[name]
    recorded = payload["body"]
    ours = answers.like(payload["operation"], recorded)
    raw = any(mark in payload["source"] for mark in RAW) and "trimmed" not in payload["source"]
    more = recorded.keys() - ours.keys()
    assert more <= (set() if raw else ADDED.keys())
    fewer = ours.keys() - recorded.keys()
    assert fewer <= (LEFT_OUT if not raw or "id" not in recorded else set())
    for key in recorded.keys() & ours.keys() - {"output", "error"}:
        assert type(ours[key]) is type(recorded[key]) or name in IN_SECONDS
    if payload["operation"] == "health" and raw:
        for part in ("jobs", "workers"):
            assert recorded[part].keys() == ours[part].keys()


def test_recordings_are_among_them() -> None:
    """The comparison means something: raw recordings of most operations are there."""
    if not PAYLOADS:
        pytest.skip("no recorded payloads on this machine")
    raw = {
        payload["operation"]
        for payload in PAYLOADS.values()
        if any(mark in payload["source"] for mark in RAW)
    }
    assert {"run", "status", "stream", "health"} <= raw


# -- what nobody has documented


def test_the_list_of_requests(serve: Serve) -> None:
    """Jobs as /status shows them, the newest first, a page at a time."""
    api = serve(lambda job: job["input"])
    done = [api.run_sync(n) for n in range(3)]
    assert api.ok("GET", "/requests") == {
        "requests": done[::-1],
        "total": 3,
        "offset": 0,
        "limit": 50,
        "hasMore": False,
    }
    page = api.ok("GET", "/requests?offset=1&limit=1")
    assert (page["requests"], page["hasMore"]) == ([done[1]], True)
    assert api.refused("GET", "/requests?limit=0")[0] == 400


def test_requests_that_have_expired_are_not_listed(serve: Serve) -> None:
    """Nor is anything else that the service has forgotten."""
    clock = Clock()
    api = serve(lambda job: 1, clock=clock)
    api.run_sync(1)
    clock.advance(61)
    assert api.ok("GET", "/requests")["total"] == 0


def test_metrics(serve: Serve) -> None:
    """The counters of /health, and who is ready by name."""
    gate = Gate()
    api = serve(lambda job: gate.wait(), workers=2)
    until(lambda: api.health()["workers"]["ready"] == 2)
    ready = api.ok("GET", "/metrics")["readyWorkers"]
    job_id = api.run()
    gate.reached()
    metrics = api.ok("GET", "/metrics")
    assert metrics["workers"] == api.health()["workers"]
    worker = api.status(job_id)["workerId"]
    assert {worker, *metrics["readyWorkers"]} == set(ready)
    assert worker not in metrics["readyWorkers"]
    gate.open()


# -- texts of refusals, word for word


@pytest.mark.parametrize(
    ("ask", "code", "text"),
    [
        (
            lambda api: api.http.post("/run", content=b"x" * (10 * 2**20 + 1)),
            400,
            '{"status":400,"title":"Bad Request",'
            '"detail":"bad request: body: exceeded max body size of 10MiB"}',
        ),
        (
            lambda api: api.http.get("/health", headers={"authorization": "Bearer no"}),
            401,
            '{"status":401,"title":"Unauthorized","detail":"invalid api key"}',
        ),
        (
            lambda api: httpx.get(f"{api.url}/health", trust_env=False),
            401,
            '{"status":401,"title":"Unauthorized","detail":"no token provided"}',
        ),
        (
            lambda api: api.http.get(f"/status/{UNKNOWN}"),
            404,
            '{"status":404,"title":"Not Found","detail":"job not found"}',
        ),
        (
            lambda api: api.http.get(f"{api.url}x/health"),
            404,
            '{"status":404,"title":"Not Found","detail":"endpoint not found"}',
        ),
        (
            lambda api: api.http.get(
                str(httpx.URL(api.url).copy_with(path="/ping")),
                headers={"host": f"{api.url.rpartition('/')[2]}.api.runpod.ai"},
            ),
            400,
            '{"error":"not allowed for QB API"}',
        ),
    ],
)
def test_refusals_have_the_recorded_texts(
    answers: Answers, ask: Callable[[Api], httpx.Response], code: int, text: str
) -> None:
    """Order of the members included."""
    response = ask(answers.api)
    assert (response.status_code, response.text) == (code, text)
    assert response.headers["content-type"] == "application/json"


def test_a_load_balancing_host_asks_for_a_key_first(answers: Answers) -> None:
    """The recorded answer does the same."""
    url = httpx.URL(answers.api.url)
    host = f"{url.path.rpartition('/')[2]}.api.runpod.ai"
    response = httpx.get(
        url.copy_with(path="/ping"), headers={"host": host}, trust_env=False, timeout=PATIENCE
    )
    assert response.status_code == 401


def test_webhook_v2_is_taken_and_has_no_effect(serve: Serve) -> None:
    """Its effect is unknown; the handler does not see it."""
    api = serve(dict, limits=Limits(webhook_retry_delays=()))
    done = api.run_sync(1, webhookV2="http://127.0.0.1:9/")
    assert done["output"] == {"id": done["id"], "input": 1}
