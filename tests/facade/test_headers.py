"""The id and the headers of good answers."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from runpod_sdk import JobState
from tests.facade.clients import JOB, KEY, Driver, Script, answer, in_no_time, job

HEADERS = {"x-request-id": "req-1", "X-Worker-Pool": "a"}
CALLS: dict[str, Callable[[Any], Any]] = {
    "status": lambda endpoint: endpoint.status(JOB),
    "wait": lambda endpoint: endpoint.wait(JOB),
    "run_sync": lambda endpoint: endpoint.run_sync(input=1),
    "cancel": lambda endpoint: endpoint.cancel(JOB),
    "retry": lambda endpoint: endpoint.retry(JOB),
}


def state(driver: Driver, call: str, headers: dict[str, str]) -> JobState:
    endpoint = driver.endpoint(Script(answer({"id": JOB, "status": "COMPLETED"}, 200, headers)))
    found: JobState = driver.call(lambda: CALLS[call](endpoint))
    return found


@in_no_time
@pytest.mark.parametrize("call", CALLS)
def test_a_state_has_the_id_and_the_headers_of_its_answer(driver: Driver, call: str) -> None:
    found = state(driver, call, HEADERS)
    assert found.request_id == "req-1"
    assert found.headers["x-worker-pool"] == found.headers["X-Worker-Pool"] == "a"
    for twin in (pickle.loads(pickle.dumps(found)), copy.copy(found), copy.deepcopy(found)):
        assert (twin, twin.request_id) == (found, "req-1")


@in_no_time
def test_headers_are_a_mapping(driver: Driver) -> None:
    """The case of names has no meaning, repeated values are joined, and secrets are not shown."""
    fields = [(b"X-A", b"1"), (b"x-a", b"2"), (b"X-B", "é".encode()), (b"x-c", b"\xe9")]
    fields += [(b"Set-Cookie", b"session=CANARY"), (b"Authorization", b"Basic CANARY")]
    body = b'{"id": "a", "status": "COMPLETED"}'
    script = Script(lambda _: httpx.Response(200, headers=fields, content=body))
    endpoint = driver.endpoint(script)
    headers = driver.call(lambda: endpoint.status("a")).headers
    assert (headers["x-A"], headers["X-b"], headers.get("X-C")) == ("1, 2", "é", "é")
    assert "set-COOKIE" in headers
    assert "x-d" not in headers
    assert list(headers)[:3] == ["x-a", "x-b", "x-c"]
    assert "CANARY" not in repr(headers)
    assert "'x-a': '1, 2'" in repr(headers)
    assert headers == {name.upper(): value for name, value in headers.items()}
    assert headers != {"x-a": "1"}
    for twin in (pickle.loads(pickle.dumps(headers)), copy.copy(headers), copy.deepcopy(headers)):
        assert (type(twin), twin) == (type(headers), headers)


@in_no_time
def test_they_are_no_part_of_the_value(driver: Driver) -> None:
    """Neither of what is compared, nor of the wire form, nor of what is shown."""
    one, other = (state(driver, "status", {"x-request-id": name}) for name in ("shown-1", "b2"))
    assert one == other
    assert one.to_dict() == {"id": JOB, "status": "COMPLETED"}
    assert "shown-1" not in repr(one)
    assert "shown-1" not in one._repr_html_()


@in_no_time
def test_the_id_of_the_edge_is_one_too(driver: Driver) -> None:
    assert state(driver, "status", {"cf-ray": "ray"}).request_id == "ray"
    assert state(driver, "status", {}).request_id is None


@in_no_time
def test_a_key_that_the_server_repeats_is_not_shown(driver: Driver) -> None:
    found = state(driver, "status", {"x-request-id": f"a {KEY}", "x-echo": KEY})
    assert KEY not in str(pickle.dumps(found))
    assert KEY not in f"{found.headers} {found.request_id}"
    assert "X-Echo" in found.headers


@in_no_time
def test_a_typed_state_keeps_them(driver: Driver) -> None:
    endpoint = driver.endpoint(
        Script(answer({"id": JOB, "status": "COMPLETED", "output": [1]}, 200, HEADERS))
    )
    found = driver.call(lambda: endpoint.run_sync(input=1, output_type=list[int]))
    assert found.request_id == "req-1"


def test_a_state_that_came_otherwise_has_none() -> None:
    made = JobState(id=JOB, status="COMPLETED", wire={"id": JOB, "status": "COMPLETED"})
    assert (dict(made.headers), made.request_id, made.files) == ({}, None, [])


@in_no_time
def test_a_job_in_a_script_is_like_any_other(driver: Driver) -> None:
    assert driver.call(lambda: driver.endpoint(Script(job())).status(JOB)).request_id is None
