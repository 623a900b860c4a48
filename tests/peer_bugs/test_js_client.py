"""
Faults of RunPod's JavaScript client, J1 to J14: each test would fail on that fault.

J13  `createRequire` fails on Cloudflare Workers: there is no such thing in Python.
"""

from __future__ import annotations

import logging
import socket
import time
from itertools import pairwise
from typing import Any

import anyio
import pytest

from runpod_sdk import (
    APIResponseValidationError,
    ConfigurationError,
    JobFailedError,
    RunpodTimeoutError,
    SubmissionTimeoutError,
)
from tests.facade.clients import (
    JOB,
    Driver,
    Routes,
    Script,
    SocketServer,
    answer,
    chunks,
    in_no_time,
    job,
    problem,
)
from tests.peer_bugs.virtual import Service, silent, timed

SLACK = 5.0


async def all_of(stream: Any) -> list[Any]:
    return [chunk.output async for chunk in stream]


def test_j1_a_stream_keeps_its_timeout_when_the_server_stalls(driver: Driver) -> None:
    """The clock was looked at only after an answer: a stalled server held the caller for ever."""

    def stall(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        server.closing.wait(30)

    with SocketServer(stall) as server:
        client = driver.client(base_url=server.base_url)
        stream = client.endpoint("ep").stream(JOB, timeout=0.3)
        began = time.monotonic()
        with pytest.raises(RunpodTimeoutError) as caught:
            driver.next(stream)
        assert time.monotonic() - began < 0.3 + SLACK
        assert caught.value.job == client.endpoint("ep").job(JOB)
        driver.call(lambda: driver.close(client))
    error, took = timed(silent, lambda endpoint: all_of(endpoint.stream(JOB, timeout=7)))
    assert isinstance(error, RunpodTimeoutError)
    assert took == pytest.approx(7)


@pytest.mark.parametrize(
    "ask",
    [
        lambda endpoint: endpoint.wait(JOB, timeout=10),
        lambda endpoint: endpoint.run_sync(input=1, timeout=10),
        lambda endpoint: all_of(endpoint.stream(JOB, timeout=10)),
        lambda endpoint: endpoint.job(JOB).output(timeout=10),
    ],
    ids=["wait", "run_sync", "stream", "output"],
)
def test_j2_a_server_that_answers_at_once_is_not_flooded(ask: Any) -> None:
    """Polls had no pause: 5,687 requests in 1.5 s, where 2,000 in 10 s are allowed."""
    service = Service(instant=True)
    error, took = timed(service, ask)
    assert isinstance(error, RunpodTimeoutError)
    assert took == pytest.approx(10)
    assert len(service.asked) <= 20
    times = [at for at, _ in service.asked]
    assert all(later - earlier >= 0.2 for earlier, later in pairwise(times[1:]))


@in_no_time
def test_j2_a_server_that_answers_at_once_is_not_flooded_by_any_client(driver: Driver) -> None:
    """The same of each client; the sync one in real time."""
    routes = Routes(status_sync=job("IN_QUEUE"), stream=chunks("IN_QUEUE"))
    endpoint = driver.endpoint(routes)
    with pytest.raises(RunpodTimeoutError):
        driver.call(lambda: endpoint.wait(JOB, timeout=0.6))
    assert len(routes.requests) <= 4
    with pytest.raises(RunpodTimeoutError):
        driver.next(endpoint.stream(JOB, timeout=0.6))
    assert len(routes.requests) <= 8


@in_no_time
def test_j3_an_answer_without_stream_is_no_fault(driver: Driver) -> None:
    """An answer without `stream` failed as "undefined is not iterable"."""
    script = Script(
        answer({"status": "IN_QUEUE"}), chunks("IN_PROGRESS", 1), answer({"status": "COMPLETED"})
    )
    taken = driver.take(driver.endpoint(script).stream(JOB, timeout=20))
    assert [chunk.output for chunk in taken] == [1]


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "TIMED_OUT"])
def test_j4_a_stream_of_a_job_that_ended_badly_says_so(driver: Driver, status: str) -> None:
    """A stream that failed ended in silence."""
    script = Routes(stream=chunks(status), status=job(status, error="no more memory"))
    with pytest.raises(Exception, match="no more memory") as caught:
        driver.take(driver.endpoint(script).stream(JOB, timeout=20))
    assert caught.value.state.status == status  # type: ignore[attr-defined]


@pytest.mark.parametrize("timeout", [0.2, 1.5, 2, 2.5, 5])
def test_j5_run_sync_has_one_clock(timeout: float) -> None:
    """The clock began anew after the first answer, and no wait was shorter than a second."""
    service = Service()
    error, took = timed(service, lambda endpoint: endpoint.run_sync(input=1, timeout=timeout))
    assert isinstance(error, RunpodTimeoutError)
    assert not isinstance(error, SubmissionTimeoutError)
    assert error.job is not None
    assert error.job.id == JOB
    assert took == pytest.approx(timeout)
    assert all(wait >= 1_000 for wait in service.waits)


def test_j5_a_job_may_take_longer_than_any_wait() -> None:
    """A limit on one `wait` is no limit on the job."""
    service = Service(runs=1_000, output="late")
    state, took = timed(service, lambda endpoint: endpoint.run_sync(input=1, timeout=None))
    assert state.output == "late"
    assert took == pytest.approx(1_000)
    assert len(service.asked) < 100


@in_no_time
def test_j6_nothing_is_printed(
    driver: Driver, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Every poll was printed to the console; here the submission is logged, for who asks."""
    caplog.set_level(logging.INFO, "runpod_sdk")
    endpoint = driver.endpoint(Script(job("IN_QUEUE"), job("IN_PROGRESS"), job()))
    driver.call(lambda: endpoint.run_sync(input=1))
    assert capfd.readouterr() == ("", "")
    records = [record for record in caplog.records if record.name.startswith("runpod")]
    assert [JOB in record.getMessage() for record in records] == [True]


def test_j7_nothing_is_asked_of_a_job_without_id(driver: Driver) -> None:
    """An answer without an id was followed by thousands of polls for the job "undefined"."""
    script = Script(answer({"status": "IN_QUEUE"}))
    endpoint = driver.endpoint(script)
    with pytest.raises(APIResponseValidationError, match="'id'"):
        driver.call(lambda: endpoint.run_sync(input=1))
    assert script.asked == ["POST /runsync"]


def test_j8_a_202_is_no_job_by_itself(driver: Driver) -> None:
    """A 202 was returned as a job whose status was the number 202."""
    body = answer({"id": JOB, "status": "IN_QUEUE"}, 202)
    endpoint = driver.endpoint(Script(body))
    state = driver.call(lambda: endpoint.status(JOB))
    assert (state.id, state.status) == (JOB, "IN_QUEUE")
    for content in (b"", b"{}", b'{"status": 202, "statusText": "Accepted"}'):
        endpoint = driver.endpoint(Script(answer(content, 202)))
        with pytest.raises(APIResponseValidationError):
            driver.call(lambda endpoint=endpoint: endpoint.status(JOB))


def test_j9_there_is_no_half_built_client(driver: Driver) -> None:
    """A null key made a client without methods, a null endpoint id gave null."""
    with pytest.raises(ConfigurationError):
        driver.client(api_key=None)
    with pytest.raises(TypeError, match="endpoint_id"):
        driver.client().endpoint(None)


def test_j10_a_429_is_asked_again_when_the_server_says() -> None:
    """A 429 was an error at once."""
    for ask in (
        lambda endpoint: endpoint.status(JOB, timeout=60),
        lambda endpoint: endpoint.run(input=1, timeout=60),
        lambda endpoint: endpoint.cancel(JOB, timeout=60),
    ):
        script = Script(problem(429, retry_after="7"), job())
        result, took = timed(script, ask)
        assert result.id == JOB
        assert len(script.requests) == 2
        assert 7 <= took < 8


@in_no_time
def test_j11_run_sync_gives_a_job_that_has_ended(driver: Driver) -> None:
    """A job that had not ended was given as one that had, and no type had an `error`."""
    script = Script(job("IN_QUEUE"), job("IN_PROGRESS"), job("FAILED", error="why"))
    endpoint = driver.endpoint(script)
    with pytest.raises(JobFailedError, match="why"):
        driver.call(lambda: endpoint.run_sync(input=1))
    script = Script(job("IN_QUEUE"), job("IN_PROGRESS"), job("FAILED", error="why"))
    endpoint = driver.endpoint(script)
    state = driver.call(lambda: endpoint.run_sync(input=1, check=False))
    assert (state.completed, state.error) == (True, "why")


def test_j11_an_answer_of_a_stream_has_any_number_of_chunks(driver: Driver) -> None:
    """The chunks of an answer were typed as exactly one."""
    script = Script(chunks("IN_PROGRESS", *range(500)), chunks("COMPLETED"))
    taken = driver.take(driver.endpoint(script).stream(JOB, timeout=20))
    assert [chunk.output for chunk in taken] == list(range(500))


@pytest.mark.parametrize("on_timeout", ["detach", "cancel"])
def test_j12_a_call_can_be_called_off(on_timeout: str) -> None:
    """There was no way to call a wait off; here it ends at once, and the job too, if asked."""
    service = Service()

    async def called_off(endpoint: Any) -> bool:
        with anyio.move_on_after(3) as scope:
            await endpoint.run_sync(input=1, timeout=None, on_timeout=on_timeout)
        return scope.cancelled_caught

    cancelled, took = timed(service, called_off)
    assert cancelled
    assert took == pytest.approx(3, abs=0.1)
    assert ("cancel" in [operation for _, operation in service.asked]) == (on_timeout == "cancel")


@pytest.mark.parametrize("endpoint_id", ["e1/../other", "../admin"])
def test_j14_an_endpoint_id_has_no_slash(driver: Driver, endpoint_id: str) -> None:
    """`endpoint('e1/../other')` sent the job, and the key, to `/v2/other/run`."""
    with pytest.raises(ValueError, match="endpoint_id"):
        driver.client().endpoint(endpoint_id)


@pytest.mark.parametrize("endpoint_id", ["a?b=c", "a#b", "..%2fadmin"])
def test_j14_an_endpoint_id_is_one_segment(driver: Driver, endpoint_id: str) -> None:
    """An id with a question mark sent the job elsewhere too."""
    script = Script(job("IN_QUEUE"))
    client = driver.client(http_client=driver.http_client(script))
    driver.call(lambda: client.endpoint(endpoint_id).run(input=1))
    path = script.last.url.raw_path.decode()
    assert path.startswith("/v2/")
    assert path.endswith("/run")
    assert path.count("/") == 3
    assert script.last.url.path == f"/v2/{endpoint_id}/run"
