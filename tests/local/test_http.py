"""The HTTP surface: who is let in, which paths and verbs there are, what is refused and how."""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from . import support
from .conftest import Serve
from .support import UNKNOWN, Api, Gate, echo, raw_connection

JOB_ID = re.compile(r"(sync-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-u1")


def test_a_job_from_submission_to_result(serve: Serve) -> None:
    """Each state has exactly the keys that were recorded, with times as integers."""
    gate = Gate()

    def handler(job: dict[str, Any]) -> Any:
        gate.wait()
        return {"ok": True}

    api = serve(handler)
    job_id, queued = api.run(), api.run()
    assert JOB_ID.fullmatch(job_id)
    gate.reached()
    assert api.status(queued) == {"id": queued, "status": "IN_QUEUE"}
    state = api.status(job_id)
    assert set(state) == support.IN_PROGRESS
    gate.open(2)
    done = api.wait(job_id)
    assert set(done) == support.COMPLETED
    assert (done["status"], done["output"]) == ("COMPLETED", {"ok": True})
    assert done["workerId"] == state["workerId"]
    assert done["delayTime"] == state["delayTime"]
    assert {type(done["delayTime"]), type(done["executionTime"])} == {int}
    assert api.status(job_id) == done


def test_run_sync_answers_with_the_result(api: Api) -> None:
    """The answer is the finished job; its id begins with `sync-`."""
    done = api.run_sync({"n": 1})
    assert set(done) == support.COMPLETED
    assert JOB_ID.fullmatch(done["id"])
    assert done["id"].startswith("sync-")
    assert api.status(done["id"]) == done


@pytest.mark.parametrize("value", [{}, {"a": [1, None]}, None, "text", [], 0, False, "\ud800 é"])
def test_any_json_is_taken_as_input(api: Api, value: Any) -> None:
    """The handler gets the input as sent, also an empty object and null."""
    content = json.dumps({"input": [value]})
    answer = api.ok("POST", "/runsync", content=content)
    assert answer["output"] == [value]


@pytest.mark.parametrize("value", [None, "text", 0])
def test_input_need_not_be_an_object(api: Api, value: Any) -> None:
    """Scalars and null reach the handler as they are."""
    assert api.run_sync(value)["output"] == value


def test_the_handler_gets_webhook_and_s3_config_and_nothing_unknown(serve: Serve) -> None:
    """Policy and unknown members are not in the job that the handler gets."""
    api = serve(dict)
    s3 = {"accessId": "a", "accessSecret": "s", "bucketName": "b", "endpointUrl": "https://s3"}
    done = api.run_sync(
        {"a": 1}, webhook="http://127.0.0.1:9/", s3Config=s3, policy={"ttl": 60000}, other=[1]
    )
    assert done["output"] == {
        "id": done["id"],
        "input": {"a": 1},
        "s3Config": s3,
        "webhook": "http://127.0.0.1:9/",
    }
    assert set(api.run_sync(1)["output"]) == {"id", "input"}


def test_the_handler_cannot_change_the_input_of_a_retry(serve: Serve) -> None:
    """Each attempt gets the input as it was sent."""

    def handler(job: dict[str, Any]) -> Any:
        job["input"]["seen"] = job["input"].get("seen", 0) + 1
        return {"error": f"seen {job['input']['seen']}"}

    api = serve(handler)
    job_id = api.run({})
    assert api.wait(job_id)["error"] == "seen 1"
    api.ok("POST", f"/retry/{job_id}")
    assert api.wait(job_id)["error"] == "seen 1"


# -- the key


@pytest.mark.parametrize("form", ["Bearer {}", "bearer  {}", "{}"])
def test_the_key_is_taken_with_and_without_bearer(api: Api, form: str) -> None:
    """Both forms are in official use."""
    key = api.headers["authorization"].split()[1]
    assert api.http.get("/health", headers={"authorization": form.format(key)}).is_success


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("Bearer wrong", "invalid api key"),
        ("wrong", "invalid api key"),
        ("Basic abc", "invalid api key"),
        ("Bearer é", "invalid api key"),
        ("Bearer", "no token provided"),
        ("", "no token provided"),
    ],
)
def test_a_wrong_key_is_refused(api: Api, value: str, detail: str) -> None:
    """A wrong key and a missing one get different errors, before any other check."""
    headers = {"authorization": value.encode()}
    for path in ("/health", f"/status/{UNKNOWN}", "/nowhere"):
        assert api.refused("GET", path, headers=headers) == (401, detail)


def test_no_header_is_no_token(api: Api) -> None:
    """The body of a 401 is JSON in the recorded order."""
    response = httpx.get(f"{api.url}/health", trust_env=False)
    assert response.text == ('{"status":401,"title":"Unauthorized","detail":"no token provided"}')


# -- paths and verbs


def test_an_unknown_endpoint(api: Api) -> None:
    """Only the endpoint's own id is known."""
    other = api.url.rpartition("/")[0] + "/other"
    for path in ("/health", "/run", "/nowhere"):
        assert api.refused("GET", other + path) == (404, "endpoint not found")


@pytest.mark.parametrize(
    ("method", "operation"),
    [
        ("GET", "status"),
        ("GET", "status-sync"),
        ("GET", "stream"),
        ("POST", "cancel"),
        ("POST", "retry"),
    ],
)
def test_an_unknown_job(api: Api, method: str, operation: str) -> None:
    """Every operation on a job that is not there is 404, at once."""
    assert api.refused(method, f"/{operation}/{UNKNOWN}") == (404, "job not found")


def test_jobs_belong_to_their_endpoint(serve: Serve) -> None:
    """A job of one endpoint is unknown at another."""
    here, there = serve(echo), serve(echo)
    assert there.refused("GET", f"/status/{here.run()}") == (404, "job not found")


@pytest.mark.parametrize(
    "path", ["", "/", "/nowhere", "/run/x", "/status", "/status/", "/status/a/b", "/health/"]
)
def test_unknown_paths(api: Api, path: str) -> None:
    """An unknown path is 404, with a problem body."""
    assert api.refused("GET", api.url + path) == (404, "not found")


def test_paths_outside_of_the_api(api: Api) -> None:
    """Outside of the API no key is asked for."""
    root = httpx.URL(api.url).copy_with(path="/v1")
    assert api.refused("GET", str(root), headers={"authorization": ""}) == (404, "not found")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/run", {"POST"}),
        ("/runsync", {"POST"}),
        ("/purge-queue", {"POST"}),
        ("/health", {"GET"}),
        (f"/cancel/{UNKNOWN}", {"POST"}),
        (f"/retry/{UNKNOWN}", {"POST"}),
        (f"/status/{UNKNOWN}", {"GET", "POST"}),
        (f"/status-sync/{UNKNOWN}", {"GET", "POST"}),
        (f"/stream/{UNKNOWN}", {"GET", "POST"}),
    ],
)
def test_wrong_verbs(api: Api, path: str, allowed: set[str]) -> None:
    """A verb that the service does not accept for a path is 405, with the accepted verbs."""
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        response = api.http.request(method, path)
        assert (response.status_code == 405) is (method not in allowed)
        if method not in allowed:
            assert set(response.headers["allow"].split(", ")) == allowed


def test_get_and_post_answer_alike(api: Api) -> None:
    """Status, status-sync and stream take both verbs, and a body is of no account."""
    job_id = api.run({"a": 1})
    done = api.wait(job_id)
    for operation in ("status", "status-sync"):
        assert api.ok("POST", f"/{operation}/{job_id}") == done
        assert api.ok("POST", f"/{operation}/{job_id}", json={}) == done
    assert api.ok("POST", f"/stream/{job_id}", content=b"no json") == {
        "status": "COMPLETED",
        "stream": [],
    }


def test_cancel_and_purge_take_an_empty_object(api: Api) -> None:
    """Some clients send `{}` where no body is needed."""
    job_id = api.run_sync()["id"]
    assert api.ok("POST", f"/cancel/{job_id}", json={})["status"] == "COMPLETED"
    assert api.ok("POST", "/purge-queue", json={}) == {"removed": 0, "status": "completed"}


@pytest.mark.skipif(sys.platform != "linux", reason="Linux counts a socket's packets")
def test_a_response_is_one_packet(api: Api) -> None:
    """Its head and its body wake the client once; its date is that of the answer."""
    job = api.run_sync("x" * 1_000)
    path = f"{urlsplit(api.url).path}/status/{job['id']}"
    with raw_connection(api) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: {api.headers['authorization']}\r\n\r\n".encode()
        )
        received = connection.recv(100_000)
        while not received.endswith(b"}"):
            received += connection.recv(100_000)
        tcp = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    assert int.from_bytes(tcp[152:156], sys.byteorder) == 1  # tcpi_data_segs_in
    head, _, body = received.partition(b"\r\n\r\n")
    assert json.loads(body) == job
    (date,) = re.findall(rb"(?m)^date: (.*)\r$", head)
    assert abs(parsedate_to_datetime(date.decode()).timestamp() - time.time()) < 3
