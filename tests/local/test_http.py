"""The HTTP surface: who is let in, which paths and verbs there are, what is refused and how."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from runpod_sdk.local import Limits, LocalEndpoint

from . import support
from .conftest import Serve
from .support import Api, Gate

JOB_ID = re.compile(r"(sync-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-u1")
UNKNOWN = "00000000-0000-4000-8000-000000000000-u1"


def echo(job: dict[str, Any]) -> Any:
    return job["input"]


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with LocalEndpoint(echo) as local:
        api = Api(local)
        yield api
        api.http.close()


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
    """What the handler gets is what was sent, an empty object and null included."""
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
        {"a": 1}, webhook="https://hook", s3Config=s3, policy={"ttl": 60000}, other=[1]
    )
    assert done["output"] == {
        "id": done["id"],
        "input": {"a": 1},
        "s3Config": s3,
        "webhook": "https://hook",
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
    """A wrong key and a missing one are told apart, before anything else is looked at."""
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
    """What is no operation is 404, as a problem."""
    assert api.refused("GET", api.url + path) == (404, "not found")


def test_paths_outside_of_the_api(api: Api) -> None:
    """Outside of the API no key is asked for."""
    root = httpx.URL(api.url).copy_with(path="/")
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
    """A verb that the service does not know for a path is 405, with those that it does."""
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


# -- bodies and queries


@pytest.mark.parametrize("path", ["/run", "/runsync"])
@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "malformed JSON"),
        (b"{", "malformed JSON"),
        (b"\xff", "malformed JSON"),
        (b'{"input": NaN}', "malformed JSON: NaN"),
        (b'{"input": ' + b"[" * 100_000, "malformed JSON: nested too deeply"),
        (b"[]", "must be an object"),
        (b'"text"', "must be an object"),
        (b"{}", "missing input"),
        (b'{"prompt": 1}', "missing input"),
        (b'{"input": 1, "policy": 5}', "must be objects"),
        (b'{"input": 1, "policy": []}', "must be objects"),
        (b'{"input": 1, "policy": "text"}', "must be objects"),
        (b'{"input": 1, "s3Config": null}', "must be objects"),
        (b'{"input": 1, "webhook": 5}', "webhook must be a string"),
        (b'{"input": 1, "policy": {"lowPriority": 1}}', "lowPriority must be a boolean"),
        (b'{"input": 1, "policy": {"ttl": "1"}}', "positive integers"),
        (b'{"input": 1, "policy": {"ttl": 0}}', "positive integers"),
        (b'{"input": 1, "policy": {"executionTimeout": 1.5}}', "positive integers"),
        (b'{"input": 1, "policy": {"executionTimeout": true}}', "positive integers"),
    ],
)
def test_bad_bodies(api: Api, path: str, content: bytes, detail: str) -> None:
    """A body that the contract does not describe is refused, and makes no job."""
    before = api.health()
    status, said = api.refused("POST", path, content=content)
    assert status == 400
    assert said.startswith("bad request: body: ")
    assert detail in said
    assert api.health() == before


def test_times_of_a_policy_have_no_upper_limit(api: Api) -> None:
    """A policy beyond what can be is taken for the longest there is."""
    assert api.run_sync(1, policy={"ttl": 10**400, "executionTimeout": 10**30})["output"] == 1


@pytest.mark.parametrize(
    "wait", ["0", "999", "300001", "-1000", "1e3", "1000.0", "", "abc", "1_000", "٣٠٠٠", "9" * 5000]
)
def test_waits_out_of_range(api: Api, wait: str) -> None:
    """`wait` is an integer from 1000 to 300000, or refused."""
    done = api.run_sync()["id"]
    before = api.health()
    for method, path in (
        ("POST", "/runsync"),
        ("GET", f"/status-sync/{done}"),
        ("GET", f"/stream/{done}"),
    ):
        status, detail = api.refused(method, path, params={"wait": wait}, content=b'{"input":1}')
        assert (status, detail) == (
            400,
            "bad request: query: wait: must be an integer from 1000 to 300000 (milliseconds)",
        )
    assert api.health() == before


@pytest.mark.parametrize("wait", ["1000", "300000"])
def test_waits_in_range(api: Api, wait: str) -> None:
    """Both ends of the range are taken; what is there already is not waited for."""
    done = api.ok("POST", "/runsync", params={"wait": wait}, json={"input": 1})
    assert api.ok("GET", f"/status-sync/{done['id']}", params={"wait": wait}) == done
    assert api.ok("GET", f"/stream/{done['id']}", params={"wait": wait})["stream"] == []


@pytest.mark.parametrize("ttl", ["0", "-1", "soon", ""])
def test_a_bad_ttl(api: Api, ttl: str) -> None:
    """`ttl` is a positive integer, or refused."""
    status, detail = api.refused("GET", f"/status/{UNKNOWN}", params={"ttl": ttl})
    assert status == 400
    assert detail.startswith("bad request: query: ttl: ")


@pytest.mark.parametrize(("path", "mib"), [("/run", 10), ("/runsync", 20)])
@pytest.mark.parametrize("chunked", [False, True])
def test_oversized_bodies(api: Api, path: str, mib: int, chunked: bool) -> None:
    """A body over the limit is refused in the recorded words, and the connection survives."""

    def pieces() -> Any:
        yield b'{"input":"'
        for _ in range(mib):
            yield b"x" * 2**20
        yield b'"}'

    content = pieces() if chunked else b"".join(pieces())
    assert api.refused("POST", path, content=content) == (
        400,
        f"bad request: body: exceeded max body size of {mib}MiB",
    )
    assert api.run_sync(1)["output"] == 1


def test_an_endless_body_is_refused_while_it_is_sent(serve: Serve) -> None:
    """The answer comes before the body has ended."""
    api = serve(echo, limits=Limits(run_body=1000))
    connection = support.raw_connection(api)
    connection.sendall(
        f"POST {httpx.URL(api.url).path}/run HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {api.headers['authorization']}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n".encode()
        + b"400\r\n"
        + b"x" * 0x400
        + b"\r\n"
    )
    with connection:
        answer = connection.recv(65536)
        while b"1000B" not in answer:
            answer += connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_body_of_just_the_limit_is_taken(serve: Serve) -> None:
    """The limit itself is not over the limit."""
    api = serve(echo, limits=Limits(run_body=100, run_sync_body=100))
    body = b'{"input":1}'
    assert api.ok("POST", "/runsync", content=body.ljust(100))["output"] == 1
    assert api.refused("POST", "/runsync", content=body.ljust(101))[0] == 400
    assert api.refused("POST", "/run", content=body.ljust(101))[0] == 400
