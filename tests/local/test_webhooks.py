"""Webhooks at their receiver: when, what, how often; no job waits for a webhook."""

from __future__ import annotations

import base64
import json
import logging
import queue
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from runpod_sdk.local import Limits
from tests.faults.lines import CERTIFICATE
from tests.transport.server import Server, good

from . import support
from .conftest import Serve
from .processes import until
from .support import PATIENCE, Api, Clock, Gate, echo

QUICK = Limits(webhook_retry_delays=(0, 0))


class Receiver:
    """Receives webhooks; answers with *codes* in turn, and with the last one from then on."""

    def __init__(self, *codes: int) -> None:
        self.calls = queue.Queue[tuple[dict[str, str], dict[str, Any]]]()
        remaining = list(codes or (200,))
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                code = remaining.pop(0) if len(remaining) > 1 else remaining[0]
                self.send_response(code)
                self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()
                headers = {name.lower(): value for name, value in self.headers.items()}
                calls.put(({**headers, ":path": self.path}, json.loads(body)))

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=secret"

    def call(self) -> dict[str, Any]:
        return self.calls.get(timeout=PATIENCE)[1]


@pytest.fixture
def receive() -> Iterator[Any]:
    receivers: list[Receiver] = []

    def start(*codes: int) -> Receiver:
        receiver = Receiver(*codes)
        threading.Thread(target=receiver.server.serve_forever, args=(0.01,)).start()
        receivers.append(receiver)
        return receiver

    yield start
    for receiver in receivers:
        receiver.server.shutdown()
        receiver.server.server_close()


@pytest.mark.parametrize("operation", ["run", "runsync"])
def test_the_job_is_posted_as_recorded(serve: Serve, receive: Any, operation: str) -> None:
    """Headers and body equal the recording: the job, its input, and no worker."""
    receiver, api = receive(), serve(echo)
    request = {"input": {"n": 1}, "webhook": receiver.url, "s3Config": {"accessSecret": "s"}}
    job_id = api.ok("POST", f"/{operation}", json=request)["id"]
    headers, body = receiver.calls.get(timeout=PATIENCE)
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "Go-http-client/2.0"
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", headers["traceparent"])
    assert headers[":path"] == "/hook?token=secret"
    assert "authorization" not in headers
    job = api.status(job_id)
    assert body == {
        **{key: job[key] for key in job.keys() - {"workerId"}},
        "input": {"n": 1},
        "webhook": receiver.url,
    }
    assert set(body) == support.COMPLETED - {"workerId"} | {"input", "webhook"}


def test_every_end_of_a_job_is_told(serve: Serve, receive: Any) -> None:
    """Failed, cancelled while queued or running, and over its time; and again after a retry."""
    gate, clock = Gate(), Clock()

    def handler(job: dict[str, Any]) -> Any:
        gate.wait()
        return {"error": "no"}

    receiver, api = receive(), serve(handler, clock=clock, limits=QUICK)
    running, queued = (api.run(webhook=receiver.url) for _ in range(2))
    gate.reached()
    for job_id, keys in ((queued, {"id", "status"}), (running, support.CANCELLED_RUNNING)):
        api.cancel(job_id)
        body = receiver.call()
        assert (body["id"], body["status"]) == (job_id, "CANCELLED")
        assert set(body) == keys - {"workerId"} | {"input", "webhook"}
    gate.open()
    failed = api.run(webhook=receiver.url)
    for _ in range(2):
        gate.reached()
        gate.open()
        body = receiver.call()
        assert (body["id"], body["status"], body["error"]) == (failed, "FAILED", "no")
        api.ok("POST", f"/retry/{failed}")
    gate.reached()
    clock.advance(600)
    api.settled()
    assert receiver.call()["error"] == "executionTimeout exceeded"
    gate.open()


def test_the_end_that_is_told_is_the_one_that_was(serve: Serve, receive: Any) -> None:
    """A retry that follows at once does not change what the webhook says of the failure."""
    receiver = receive()
    api = serve(lambda job: {"error": "no"}, limits=QUICK)
    job_id = api.run(webhook=receiver.url)
    for _ in range(3):
        api.wait(job_id)
        api.ok("POST", f"/retry/{job_id}")
    api.wait(job_id)
    assert [receiver.call()["status"] for _ in range(4)] == ["FAILED"] * 4


@pytest.mark.parametrize("code", [200, 202, 204])
def test_any_2xx_takes_it(serve: Serve, receive: Any, code: int) -> None:
    """One attempt is enough."""
    receiver, other, api = receive(code), receive(), serve(echo, limits=QUICK)
    api.run_sync(1, webhook=receiver.url)
    assert receiver.call()["output"] == 1
    api.run_sync(2, webhook=other.url)
    assert other.call()["output"] == 2
    assert receiver.calls.empty()


@pytest.mark.parametrize("code", [302, 307, 400, 404, 500])
def test_anything_else_is_tried_three_times(
    serve: Serve, receive: Any, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    """The job is what it was, a redirect is not followed, and the log has no secret."""
    receiver, api = receive(code), serve(echo, limits=QUICK)
    with caplog.at_level(logging.WARNING):
        job = api.run_sync(1, webhook=receiver.url)
        calls = [receiver.calls.get(timeout=PATIENCE) for _ in range(3)]
        until(lambda: api.health() and caplog.records)
    assert {headers[":path"] for headers, _ in calls} == {"/hook?token=secret"}
    assert calls[0][1] == calls[1][1] == calls[2][1]
    assert receiver.calls.empty()
    assert api.status(job["id"]) == job
    assert caplog.messages == [f"the webhook of job {job['id']} was not accepted: HTTP {code}"]


def test_the_third_attempt_may_succeed(serve: Serve, receive: Any) -> None:
    """A receiver that comes back gets the webhook."""
    receiver, api = receive(503, 500, 200), serve(echo, limits=QUICK)
    api.run_sync(1, webhook=receiver.url)
    assert [receiver.call()["output"] for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "nonsense", "http://", "http://127.0.0.1:0/"])
def test_a_webhook_that_leads_nowhere(
    serve: Serve, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    """The job runs; the log says that no URL was called."""
    api = serve(echo, limits=QUICK)
    with caplog.at_level(logging.WARNING):
        job = api.run_sync(1, webhook=url)
        until(lambda: api.health() and caplog.records)
    assert job["status"] == "COMPLETED"
    assert f"job {job['id']}" in caplog.messages[0]


def test_a_receiver_that_never_answers_holds_up_nobody(serve: Serve) -> None:
    """Neither this job nor the next waits for it, and closing drops what was not taken."""
    listening = socket.create_server(("127.0.0.1", 0))
    with listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        api = serve(echo, limits=Limits(webhook_timeout=3600))
        for n in range(100):
            assert api.run_sync(n, webhook=url)["output"] == n


def test_a_receiver_has_a_time_limit(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that does not come is an attempt that failed."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        limits = Limits(webhook_timeout=0.01, webhook_retry_delays=())
        api = serve(echo, limits=limits)
        with caplog.at_level(logging.WARNING):
            api.run_sync(1, webhook=url)
            until(lambda: api.health() and caplog.records)
    assert caplog.messages[0].endswith(": no answer within 0.01 s")


def test_a_receiver_whose_certificate_nobody_trusts(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """It gets nothing."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    with Server(good, tls) as receiver, caplog.at_level(logging.WARNING):
        api = serve(echo, limits=Limits(webhook_retry_delays=()))
        api.run_sync(1, webhook=receiver.base_url.replace("http:", "https:"))
        until(lambda: api.health() and caplog.records)
    assert caplog.messages[0].endswith("was not accepted: ConnectError")
    assert receiver.visits == []


def test_no_logger_is_told_the_url(
    serve: Serve, receive: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The log of httpx does not show it either: anyone with the URL could call it."""
    receiver, api = receive(500), serve(echo, limits=QUICK)
    with caplog.at_level(logging.DEBUG):
        api.ok("POST", "/run", json={"input": {}, "webhook": receiver.url})
        until(lambda: "was not accepted" in caplog.text)
    assert "secret" not in caplog.text


def test_a_name_and_a_password_in_the_url(serve: Serve, receive: Any) -> None:
    """They are sent as Go's client sends them, and not in the address."""
    receiver = receive()
    url = receiver.url.replace("//", "//me:word@")
    serve(echo).ok("POST", "/run", json={"input": {}, "webhook": url})
    headers, _ = receiver.calls.get(timeout=PATIENCE)
    assert headers["authorization"] == f"Basic {base64.b64encode(b'me:word').decode()}"
    assert headers[":path"] == "/hook?token=secret"


def test_proxies_of_the_environment_are_not_used(
    serve: Serve, receive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver on this machine is called directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    receiver, api = receive(), serve(echo, limits=QUICK)
    api.run_sync(1, webhook=receiver.url)
    assert receiver.call()["output"] == 1


def test_a_purged_job_calls_nobody(serve: Serve, receive: Any) -> None:
    """A removed job has not ended."""
    gate = Gate()
    receiver = receive()

    def handler(job: dict[str, Any]) -> Any:
        gate.wait()
        return job["input"]

    api: Api = serve(handler)
    api.run("first", webhook=receiver.url)
    gate.reached()
    api.run("purged", webhook=receiver.url)
    assert api.ok("POST", "/purge-queue")["removed"] == 1
    gate.open()
    assert receiver.call()["output"] == "first"
    assert receiver.calls.empty()


@pytest.mark.parametrize("delays", [(-1,), (float("nan"),)])
def test_delays_must_not_be_negative(delays: tuple[float, ...]) -> None:
    """A wrong length raises at once."""
    with pytest.raises(ValueError, match="webhook_retry_delays must not be negative"):
        Limits(webhook_retry_delays=delays)
