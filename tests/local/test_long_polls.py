"""Requests that the server holds: what they wait for, and what ends them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from runpod_sdk.local import Limits, progress_update

from .conftest import Serve
from .support import Api, Gate, raw_connection

BRIEF = Limits(run_sync_wait=0.05, status_sync_wait=0.05, stream_wait=0.05)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def api(serve: Serve, gate: Gate) -> Api:
    """A handler that returns, or yields its input, one gate at a time."""

    def handler(job: dict[str, Any]) -> Iterator[Any]:
        for value in job["input"]:
            gate.wait()
            yield value
        gate.wait()

    return serve(handler, return_aggregate_stream=True)


def test_status_sync_is_held_until_the_job_is_terminal(api: Api, gate: Gate) -> None:
    """Neither the start of the job nor a chunk ends the wait, its end does."""
    first, second = api.run([]), api.run(["a"])
    with api.held("GET", f"/status-sync/{second}") as held:
        gate.open()
        api.wait(first)
        gate.reached()
        gate.reached()
        api.settled()
        assert not held.answered()
        gate.open()
        gate.reached()
        api.settled()
        assert not held.answered()
        gate.open()
        assert held.answer() == api.status(second)
    assert api.status(second)["output"] == ["a"]


def test_run_sync_is_held_until_the_job_is_terminal(api: Api, gate: Gate) -> None:
    """The result of the job ends the wait."""
    with api.held("POST", "/runsync", {"input": []}) as held:
        gate.open()
        assert held.answer()["status"] == "COMPLETED"


def test_stream_is_held_until_there_is_a_chunk(api: Api, gate: Gate) -> None:
    """Each chunk is handed out as it comes, and the end of the job ends the last wait."""
    job_id = api.run(["a", "b"])
    for value in ("a", "b"):
        with api.held("GET", f"/stream/{job_id}") as held:
            gate.open()
            assert held.answer() == {"status": "IN_PROGRESS", "stream": [{"output": value}]}
    with api.held("POST", f"/stream/{job_id}") as held:
        gate.open()
        assert held.answer() == {"status": "COMPLETED", "stream": []}


def test_stream_is_held_while_the_job_is_queued(api: Api, gate: Gate) -> None:
    """The start of the job is no reason to answer."""
    api.run([])
    job_id = api.run(["a"])
    with api.held("GET", f"/stream/{job_id}") as held:
        gate.open()
        gate.reached()
        gate.reached()
        api.settled()
        assert not held.answered()
        gate.open()
        assert held.answer()["stream"] == [{"output": "a"}]
        gate.open()


def test_chunks_that_are_there_are_handed_out_at_once(api: Api, gate: Gate) -> None:
    """An answer has all chunks since the last answer; each chunk goes to the first request."""
    job_id = api.run([1, 2, 3])
    gate.open(3)
    for _ in range(4):
        gate.reached()
    api.settled()
    assert api.stream(job_id) == {
        "status": "IN_PROGRESS",
        "stream": [{"output": 1}, {"output": 2}, {"output": 3}],
    }
    gate.open()
    assert api.wait(job_id)["output"] == [1, 2, 3]
    assert api.stream(job_id) == {"status": "COMPLETED", "stream": []}


def test_a_chunk_goes_to_one_of_two_that_wait(api: Api, gate: Gate) -> None:
    """One is answered with it, the other keeps waiting."""
    job_id = api.run(["a"])
    path = f"/stream/{job_id}"
    with api.held("GET", path) as one, api.held("GET", path) as other:
        gate.open()
        gate.reached()
        gate.reached()
        api.settled()
        assert [one.answered(), other.answered()].count(True) == 1
        gate.open()
        answers = sorted((one.answer(), other.answer()), key=lambda answer: answer["status"])
    assert answers == [
        {"status": "COMPLETED", "stream": []},
        {"status": "IN_PROGRESS", "stream": [{"output": "a"}]},
    ]


def test_a_client_that_has_gone_gets_no_chunk(api: Api, gate: Gate) -> None:
    """A chunk that comes after a waiting client hung up is there for the next."""
    job_id = api.run(["a"])
    with api.held("GET", f"/stream/{job_id}") as held:
        held.hang_up()
        api.settled()
        gate.open()
        gate.reached()
        gate.reached()
        api.settled()
        assert api.stream(job_id)["stream"] == [{"output": "a"}]
        gate.open()


def test_a_client_that_hangs_up_does_not_end_its_job(api: Api, gate: Gate) -> None:
    """A job of /runsync continues after its client has left."""
    with api.held("POST", "/runsync", {"input": []}) as held:
        held.hang_up()
        api.settled()
        gate.open()
    gate.reached()
    job_id = api.run([])
    gate.open()
    api.wait(job_id)
    assert api.health()["jobs"]["completed"] == 2


def test_a_body_that_breaks_off_makes_no_job(api: Api) -> None:
    """A client that hangs up while it sends has asked for nothing."""
    with raw_connection(api) as connection:
        connection.sendall(
            f"POST /{api.url.split('/', 3)[3]}/run HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: {api.headers['authorization']}\r\n"
            'Content-Length: 20\r\n\r\n{"input":1}'.encode()
        )
        api.settled()
    api.settled()
    jobs = api.health()["jobs"]
    assert (jobs["inQueue"], jobs["inProgress"]) == (0, 0)


@pytest.mark.parametrize("operation", ["status-sync", "stream"])
@pytest.mark.parametrize("event", ["cancel", "purge"])
def test_what_clients_do_to_a_job_ends_its_long_polls(
    api: Api, gate: Gate, operation: str, event: str
) -> None:
    """A cancelled job is shown as it is, a purged one is 404."""
    api.run([])
    job_id = api.run([])
    with api.held("GET", f"/{operation}/{job_id}") as held:
        if event == "cancel":
            api.cancel(job_id)
            assert held.answer()["status"] == "CANCELLED"
        else:
            api.ok("POST", "/purge-queue")
            assert held.answer()["http"] == 404
    gate.open()


def test_what_a_worker_writes_keeps_its_order(serve: Serve, gate: Gate) -> None:
    """Only the API's own keys are sorted, as in the service's answers."""
    written = {"step": 3, "of": 10, "layers": [{"z": 1, "a": 2}]}

    def handler(job: dict[str, Any]) -> Any:
        progress_update(job, written)
        gate.wait()
        return written

    api = serve(handler)
    job_id = api.run()
    gate.reached()
    api.settled()
    running = api.status(job_id)
    gate.open()
    ended = api.wait(job_id)
    for answer in (running, ended):
        assert json.dumps(answer["output"]) == json.dumps(written)


def test_progress_ends_no_long_poll(serve: Serve, gate: Gate) -> None:
    """Progress is for who asks, not for who waits."""

    def handler(job: dict[str, Any]) -> Any:
        gate.wait()
        progress_update(job, 1)
        gate.wait()

    api = serve(handler)
    job_id = api.run()
    gate.reached()
    waiting, streaming = f"/status-sync/{job_id}", f"/stream/{job_id}"
    with api.held("GET", waiting) as held, api.held("GET", streaming) as stream:
        gate.open()
        gate.reached()
        api.settled()
        assert api.status(job_id)["output"] == 1
        assert not held.answered()
        assert not stream.answered()
        gate.open()
        assert held.answer()["output"] is None
        assert stream.answer() == {"status": "COMPLETED", "stream": []}


def test_the_end_of_a_wait_is_no_error(serve: Serve, gate: Gate) -> None:
    """When the wait is over the answer is the job as it stands, with 200."""
    api = serve(lambda _: gate.wait(), limits=BRIEF)
    running = api.run()
    gate.reached()
    late = api.ok("POST", "/runsync", json={"input": 1})
    assert late == {"id": late["id"], "status": "IN_QUEUE"}
    assert api.wait(late["id"]) == late
    assert api.stream(late["id"]) == {"status": "IN_QUEUE", "stream": []}
    assert api.wait(running) == api.status(running)
    assert api.stream(running) == {"status": "IN_PROGRESS", "stream": []}
    gate.open(2)


def test_a_given_wait_takes_the_place_of_the_default(serve: Serve, gate: Gate) -> None:
    """The shortest `wait` there is outlasts a default that would have been over."""
    api = serve(lambda _: gate.wait(), limits=BRIEF)
    job_id = api.run()
    gate.reached()
    with api.held("GET", f"/status-sync/{job_id}?wait=300000") as held:
        assert api.wait(job_id)["status"] == "IN_PROGRESS"
        assert not held.answered()
        gate.open()
        assert held.answer()["status"] == "COMPLETED"


def test_many_long_polls_at_once(serve: Serve, gate: Gate) -> None:
    """Those who wait for one job are all answered when it ends."""
    api = serve(lambda _: gate.wait())
    job_id = api.run()
    path = f"/{api.url.split('/', 3)[3]}/status-sync/{job_id}"
    request = (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: {api.headers['authorization']}\r\n\r\n"
    ).encode()
    connections = [raw_connection(api) for _ in range(200)]
    for connection in connections:
        connection.sendall(request)
    api.settled()
    gate.open()
    done = api.wait(job_id)
    for connection in connections:
        with connection, connection.makefile("rb") as answer:
            assert json.loads(answer.read().partition(b"\r\n\r\n")[2]) == done
