"""Shared parts of the local endpoint's tests: a plain client, a clock, a gate."""

from __future__ import annotations

import http.client
import json
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from runpod_sdk.local import LocalEndpoint

PATIENCE = 20.0
"""Seconds after which something that must happen is taken not to; no test waits for it to pass."""

# Keys of a job's answer in each state, as recorded.
IN_QUEUE = {"id", "status"}
IN_PROGRESS = {"delayTime", "id", "status", "workerId"}
COMPLETED = {"delayTime", "executionTime", "id", "output", "status", "workerId"}
FAILED = {"delayTime", "error", "executionTime", "id", "status", "workerId"}
CANCELLED_QUEUED = {"id", "status"}
CANCELLED_RUNNING = {"delayTime", "executionTime", "id", "status", "workerId"}


UNKNOWN = "00000000-0000-4000-8000-000000000000-u1"
"""The id of no job."""


def echo(job: dict[str, Any]) -> Any:
    """Handle a job by returning its input."""
    return job["input"]


class Clock:
    """A clock that stands still until a test advances it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Gate:
    """Where a handler waits to be let through; the test knows when it has come."""

    def __init__(self) -> None:
        self._reached = threading.Semaphore(0)
        self._open = threading.Semaphore(0)

    def wait(self) -> None:
        self._reached.release()
        assert self._open.acquire(timeout=PATIENCE)

    def reached(self) -> None:
        assert self._reached.acquire(timeout=PATIENCE)

    def open(self, times: int = 1) -> None:
        self._open.release(times)


class Api:
    """Requests to one endpoint, with nothing between the test and the wire."""

    def __init__(self, local: LocalEndpoint, *, key: str | None = None) -> None:
        self.local = local
        self.url = f"{local.base_url}/{local.endpoint_id}"
        self.headers = {"authorization": f"Bearer {key or local.api_key}"}
        self.http = httpx.Client(
            base_url=self.url,
            headers=self.headers,
            timeout=PATIENCE,
            trust_env=False,
            verify=False,  # to read the certificates takes longer than most tests
        )

    def ok(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """Send a request, and check that the status is 200."""
        response = self.http.request(method, path, **arguments)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        body: dict[str, Any] = response.json()
        assert response.text == json.dumps(body, separators=(",", ":"))
        assert list(body) == sorted(body)
        return body

    def refused(self, method: str, path: str, **arguments: Any) -> tuple[int, str]:
        """Send a request, and check that it is refused; return status and detail."""
        response = self.http.request(method, path, **arguments)
        problem = response.json()
        assert list(problem) == ["status", "title", "detail"]
        assert problem["status"] == response.status_code
        assert problem["title"] == response.reason_phrase
        return response.status_code, problem["detail"]

    def run(self, input: Any = None, **members: Any) -> str:
        answer = self.ok("POST", "/run", json={"input": input, **members})
        assert answer == {"id": answer["id"], "status": "IN_QUEUE"}
        return str(answer["id"])

    def run_sync(self, input: Any = None, **members: Any) -> dict[str, Any]:
        return self.ok("POST", "/runsync", json={"input": input, **members})

    def status(self, job_id: str) -> dict[str, Any]:
        return self.ok("GET", f"/status/{job_id}")

    def wait(self, job_id: str) -> dict[str, Any]:
        return self.ok("GET", f"/status-sync/{job_id}")

    def stream(self, job_id: str) -> dict[str, Any]:
        return self.ok("GET", f"/stream/{job_id}")

    def cancel(self, job_id: str) -> dict[str, Any]:
        return self.ok("POST", f"/cancel/{job_id}")

    def health(self) -> dict[str, Any]:
        return self.ok("GET", "/health")

    def settled(self) -> None:
        """Give the server the turns that it needs to see all that was sent before."""
        for _ in range(3):
            self.health()

    @contextmanager
    def held(self, method: str, path: str, body: Any = None) -> Iterator[Held]:
        """Send a request and see that the server holds it."""
        held = Held(self, method, path, body)
        try:
            self.settled()
            assert not held.answered()
            yield held
        finally:
            held.hang_up()


class Held:
    """A request that has been sent and not been answered."""

    def __init__(self, api: Api, method: str, path: str, body: Any) -> None:
        url = urlsplit(api.url)
        assert url.hostname is not None
        self._connection = http.client.HTTPConnection(url.hostname, url.port, timeout=PATIENCE)
        text = None if body is None else json.dumps(body)
        self._connection.request(method, url.path + path, text, api.headers)

    def answered(self) -> bool:
        return bool(select.select([self._connection.sock], [], [], 0)[0])

    def answer(self) -> dict[str, Any]:
        response = self._connection.getresponse()
        body: dict[str, Any] = json.loads(response.read())
        return {"http": response.status, **body} if response.status != 200 else body

    def hang_up(self) -> None:
        self._connection.close()


def raw_connection(api: Api) -> socket.socket:
    """Connect to the server of *api*, to send what no client would."""
    url = urlsplit(api.url)
    assert url.hostname is not None
    assert url.port is not None
    return socket.create_connection((url.hostname, url.port), timeout=PATIENCE)
