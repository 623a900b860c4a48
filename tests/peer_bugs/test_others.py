"""
Faults of the Rust job module (R), flash (F), replicate, fal and openai (E).

R1  A poll built its future anew each time: Rust's contract of polling has no twin here.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from runpod_sdk import (
    APIResponseValidationError,
    JobCancelledError,
    JobFailedError,
    JobTimedOutError,
    RateLimitError,
    Runpod,
    RunpodTimeoutError,
    SubmissionTimeoutError,
    SubmissionUncertainError,
    local,
)
from tests.facade.clients import (
    JOB,
    KEY,
    Driver,
    Routes,
    Script,
    SocketServer,
    answer,
    chunks,
    http_answer,
    in_no_time,
    job,
    problem,
    read_request,
)
from tests.peer_bugs.virtual import Service, silent, timed

SLACK = 5.0


def test_r2_run_submits_and_the_job_can_be_used_at_once(driver: Driver) -> None:
    """`run()` sent nothing until it was awaited, and awaiting consumed the job."""
    script = Routes(
        run=job("IN_QUEUE"),
        status=job("IN_PROGRESS"),
        stream=[chunks("IN_PROGRESS", 1), chunks("COMPLETED")],
        status_sync=job(output=5),
        cancel=job("CANCELLED"),
    )
    endpoint = driver.endpoint(script)
    handle = driver.call(lambda: endpoint.run(input=1))
    assert script.asked == ["POST /run"]
    assert driver.call(lambda: handle.status()).status == "IN_PROGRESS"
    assert len(driver.take(handle.stream())) == 1
    assert [driver.call(lambda: handle.output()) for _ in range(2)] == [5, 5]
    assert driver.call(lambda: handle.cancel()).status == "CANCELLED"


def test_r3_waiting_is_no_busy_loop() -> None:
    """A waker that woke itself kept a processor busy."""
    for service, most in ((Service(runs=3_600), 200), (Service(3_600, instant=True), 1_000)):
        _, took = timed(service, lambda endpoint: endpoint.wait(JOB))
        assert 3_600 <= took < 3_610
        assert len(service.asked) <= most


def test_r4_a_job_without_output_is_no_fault(driver: Driver) -> None:
    """A job that returned nothing made the client panic."""
    endpoint = driver.endpoint(Script(job("COMPLETED")))
    state = driver.call(lambda: endpoint.run_sync(input=1))
    assert (state.output, state.has_output) == (None, False)
    with pytest.warns(UserWarning, match="without an output"):
        assert driver.call(lambda: endpoint.job(JOB).output()) is None


def test_r5_a_failed_job_with_output_has_failed(driver: Driver) -> None:
    """The error was never read, and a failed job with an output was a success."""
    endpoint = driver.endpoint(Script(job("FAILED", output={"half": 1}, error="boom")))
    for ask in (lambda: endpoint.run_sync(input=1), lambda: endpoint.job(JOB).output()):
        with pytest.raises(JobFailedError, match="boom") as caught:
            driver.call(ask)
        assert caught.value.state.error == "boom"
        assert caught.value.state.output == {"half": 1}


@in_no_time
def test_r6_a_status_may_be_new(driver: Driver) -> None:
    """The enum of statuses was closed: a new one could not be decoded."""
    script = Script(job("RUNNING"), job("PAUSED"), job("COMPLETED", output=1))
    endpoint = driver.endpoint(script)
    assert driver.call(lambda: endpoint.run_sync(input=1)).output == 1
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    "body",
    [
        {"jobs": {"inProgress": 0, "inQueue": 2}, "workers": {"idle": 1, "running": 0}},
        {"workers": {"idle": 1, "running": 0}},
        {"jobs": None, "workers": {"idle": 1, "running": 0, "new": 7}},
    ],
    ids=["documented", "no jobs", "null jobs"],
)
def test_r6_a_counter_may_be_missing(driver: Driver, body: Any) -> None:
    """All counters of health were needed, though the documented example has but four."""
    endpoint = driver.endpoint(Script(answer(body)))
    health = driver.call(lambda: endpoint.health())
    assert (health.workers.idle, health.workers.running, health.workers.ready) == (1, 0, None)
    assert health.jobs.completed is None


@in_no_time
def test_f1_a_job_that_timed_out_ends_the_wait(driver: Driver) -> None:
    """TIMED_OUT was no end: the wait went on for ever."""
    script = Script(job("IN_QUEUE"), job("TIMED_OUT"))
    endpoint = driver.endpoint(script)
    assert driver.call(lambda: endpoint.wait(JOB, timeout=20)).status == "TIMED_OUT"
    with pytest.raises(JobTimedOutError, match=JOB):
        driver.call(lambda: endpoint.job(JOB).output(timeout=20))
    stream = driver.endpoint(Routes(stream=chunks("TIMED_OUT"), status=job("TIMED_OUT"))).stream(
        JOB
    )
    with pytest.raises(JobTimedOutError):
        driver.next(stream)


def test_f2_an_answer_may_be_bare(driver: Driver) -> None:
    """A job that was still in the queue lacked the fields that its model needed."""
    script = Script(answer({"id": JOB, "status": "IN_QUEUE"}), job(output=1))
    endpoint = driver.endpoint(script)
    assert driver.call(lambda: endpoint.run_sync(input=1)).output == 1
    bare = driver.call(lambda: driver.endpoint(Script(job("IN_QUEUE"))).status(JOB))
    assert (bare.worker_id, bare.delay_time, bare.execution_time) == (None, None, None)


@in_no_time
def test_f3_a_failure_is_not_hidden_by_another(driver: Driver) -> None:
    """After a failure the health was asked for, and its own error hid the first."""
    script = Routes(runsync=job("FAILED", error="the first"), health=problem(500, "the second"))
    endpoint = driver.endpoint(script)
    with pytest.raises(JobFailedError, match="the first"):
        driver.call(lambda: endpoint.run_sync(input=1))
    assert script.asked == ["POST /runsync"]
    script = Routes(stream=chunks("FAILED"), status=problem(400, "the second"))
    with pytest.raises(JobFailedError, match=JOB):
        driver.next(driver.endpoint(script).stream(JOB))
    script = Routes(status_sync=job("IN_QUEUE"), cancel=problem(400, "the second"))
    endpoint = driver.endpoint(script)
    with pytest.raises(RunpodTimeoutError):
        driver.call(lambda: endpoint.wait(JOB, timeout=0.1, on_timeout="cancel"))


@in_no_time
@pytest.mark.parametrize("code", [429, 500, 502, 524])
def test_f4_a_wait_survives_a_busy_server(driver: Driver, code: int) -> None:
    """A wait ended with the first 429 or 5xx."""
    script = Script(job("IN_QUEUE"), problem(code), job(output=1))
    endpoint = driver.endpoint(script)
    assert driver.call(lambda: endpoint.job(JOB).output()) == 1


def test_f4_a_client_keeps_its_connection(driver: Driver) -> None:
    """Each call made an HTTP client of its own."""
    connections: list[Any] = []

    def serve(connection: Any, _: bytes) -> None:
        connections.append(connection)
        reply = http_answer({"id": JOB, "status": "COMPLETED"})
        connection.sendall(reply.replace(b"connection: close\r\n", b""))
        while read_request(connection):
            connection.sendall(reply.replace(b"connection: close\r\n", b""))

    with SocketServer(serve) as server:
        client = driver.client(base_url=server.base_url)
        endpoint = client.endpoint("ep")
        for _ in range(3):
            driver.call(lambda: endpoint.status(JOB))
            driver.call(lambda: endpoint.run_sync(input=1))
        driver.call(lambda: driver.close(client))
    assert len(connections) == 1


@pytest.mark.parametrize("status", ["IN_QUEUE", "IN_PROGRESS", "PAUSED"])
def test_f5_an_answer_without_id_is_no_result(driver: Driver, status: str) -> None:
    """An answer that was not terminal, and had no id, was returned as the result."""
    body = {"status": status, "output": "half"}
    endpoint = driver.endpoint(Script(answer(body)))
    for check in (True, False):
        with pytest.raises(APIResponseValidationError) as caught:
            driver.call(lambda check=check: endpoint.run_sync(input=1, check=check))
        assert caught.value.body == body


@pytest.mark.parametrize("status", ["IN_PROGRESS", "COMPLETED"])
def test_e1_a_stream_begins_at_the_beginning(driver: Driver, status: str) -> None:
    """What was there before the first question was skipped."""
    script = Script(chunks(status, "a", "b"), chunks("COMPLETED", "c"), chunks("COMPLETED"))
    taken = driver.take(driver.endpoint(script).stream(JOB))
    assert [chunk.output for chunk in taken] == ["a", "b", "c"]


def test_e1_a_stream_of_a_finished_job_is_whole(driver: Driver) -> None:
    """The same of a real job, whose stream is taken when it has ended."""

    def handler(job: Any) -> Any:
        yield from job["input"]

    with local.LocalEndpoint(handler) as served:
        client = driver.client(api_key=served.api_key, base_url=served.base_url)
        endpoint = client.endpoint(served.endpoint_id)
        handle = driver.call(lambda: endpoint.run(input=[1, None, "c", {}]))
        driver.call(lambda: handle.wait(timeout=60))
        taken = driver.take(handle.stream(timeout=60))
        assert [chunk.output for chunk in taken] == [1, None, "c", {}]
        driver.call(lambda: driver.close(client))


def test_e2_no_server_is_waited_for_without_end() -> None:
    """`Retry-After: 99999` was slept through, whatever the caller's time."""
    script = Script(problem(429, retry_after="99999"))
    error, took = timed(script, lambda endpoint: endpoint.status(JOB, timeout=30))
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 99_999
    assert took <= 30
    script = Script(problem(429, retry_after="99999"), job())
    state, took = timed(script, lambda endpoint: endpoint.status(JOB, timeout=None))
    assert state.completed
    assert 1 <= took <= 120


def test_e2_a_date_is_waited_for() -> None:
    """A Retry-After that is a date was ignored."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    script = Script(problem(503, retry_after=date), job())
    state, took = timed(script, lambda endpoint: endpoint.status(JOB, timeout=300))
    assert state.completed
    assert 20 < took <= 41


def test_e3_a_cancelled_job_is_an_error(driver: Driver) -> None:
    """A run that was cancelled gave None."""
    endpoint = driver.endpoint(Script(job("IN_PROGRESS"), job("CANCELLED")))
    with pytest.raises(JobCancelledError, match=JOB):
        driver.call(lambda: endpoint.run_sync(input=1))


@pytest.mark.parametrize("operation", ["run", "run_sync"])
def test_e4_a_submission_is_not_sent_again_after_a_timeout(driver: Driver, operation: str) -> None:
    """A read timeout of a submission was followed by a second one, with a second bill."""
    script = Script(httpx.ReadTimeout("slow"), job())
    endpoint = driver.endpoint(script)
    with pytest.raises(SubmissionUncertainError, match="may have been enqueued"):
        driver.call(lambda: getattr(endpoint, operation)(input=1))
    assert len(script.requests) == 1


@pytest.mark.parametrize("operation", ["run", "run_sync"])
def test_e4_a_silent_server_gets_a_submission_once(operation: str) -> None:
    """The same of a server that never answers, for as long as there is time."""
    asked: list[httpx.Request] = []

    async def note(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return await silent(request)

    error, took = timed(note, lambda endpoint: getattr(endpoint, operation)(input=1, timeout=300))
    assert isinstance(error, SubmissionTimeoutError)
    assert took == pytest.approx(300)
    assert len(asked) == 1


def test_e4_a_submission_heeds_retry_after() -> None:
    """Retry-After was ignored."""
    script = Script(problem(503, retry_after="12"), job("IN_QUEUE"))
    result, took = timed(script, lambda endpoint: endpoint.run(input=1, timeout=60))
    assert result.id == JOB
    assert 12 <= took < 13


def test_e5_nothing_polls_on_after_a_timeout() -> None:
    """The timeout of the sync client left a thread behind that went on polling."""
    with (
        SocketServer(lambda connection, _: connection.sendall(http_answer(body))) as server,
        Runpod(KEY, base_url=server.base_url) as client,
    ):
        body = {"id": JOB, "status": "IN_QUEUE"}
        before = set(threading.enumerate())
        with pytest.raises(RunpodTimeoutError):
            client.endpoint("ep").wait(JOB, timeout=0.3)
        new = set(threading.enumerate()) - before
        assert {thread.name for thread in new if not server.owns(thread)} == set()
        asked = len(server.requests)
        assert not server.closing.wait(1)
        assert len(server.requests) <= asked + 1  # which was on its way


@in_no_time
def test_e6_a_wait_can_have_a_deadline(driver: Driver) -> None:
    """Polling had no deadline at all."""
    endpoint = driver.endpoint(Routes(status_sync=job("IN_QUEUE")))
    for ask in (
        lambda: endpoint.wait(JOB, timeout=0.3),
        lambda: endpoint.job(JOB).output(timeout=timedelta(seconds=0.3)),
    ):
        began = driver.now()
        with pytest.raises(RunpodTimeoutError):
            driver.call(ask)
        assert 0.299 <= driver.now() - began < 0.3 + SLACK


@pytest.mark.parametrize("operation", ["run", "run_sync"])
@pytest.mark.parametrize("code", [500, 502, 504, 524])
def test_e7_a_submission_is_not_sent_again_after_a_5xx(
    driver: Driver, operation: str, code: int
) -> None:
    """A submission was sent twice more after a 500, with no key to tell them apart."""
    script = Script(problem(code, "crashed"), job())
    endpoint = driver.endpoint(script)
    with pytest.raises(SubmissionUncertainError, match="crashed"):
        driver.call(lambda: getattr(endpoint, operation)(input=1))
    assert len(script.requests) == 1
