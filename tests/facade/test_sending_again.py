"""Requests that are sent again, and requests that are not: see docs/retries.md."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from runpod_sdk import (
    APIConnectionError,
    APIStatusError,
    RunpodError,
    RunpodTimeoutError,
    ServerError,
    StreamInterruptedError,
    SubmissionUncertainError,
)
from tests.facade.clients import (
    JOB,
    Driver,
    Script,
    answer,
    chunks,
    in_no_time,
    job,
    problem,
)
from tests.facade.test_answers import SINGLE

GOOD = {
    "health": answer({"jobs": {}, "workers": {}}),
    "purge_queue": answer({"removed": 0, "status": "completed"}),
}
READS = ("status", "wait", "health")
ACTS = ("run", "run_sync", "cancel", "retry")

TRANSIENT = [408, 429, 500, 502, 503, 504, 520, 524, 599]
NOT_TRANSIENT = [301, 400, 401, 403, 409, 413, 418, 422]
LOST = [httpx.ReadError("reset"), httpx.RemoteProtocolError("cut"), httpx.ReadTimeout("slow")]
NEVER_SENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout("far")]


def name(fault: Any) -> str:
    """Name a fault or an operation, for the id of a test."""
    return str(fault) if isinstance(fault, int | str) else type(fault).__name__


# Every fault is met once, and every operation.
READS_AGAIN = [
    *[("status", fault) for fault in (*TRANSIENT, *LOST, NEVER_SENT[0])],
    *[(operation, fault) for operation in ("wait", "health") for fault in (502, LOST[0])],
]
ACTS_AGAIN = [
    *[("run", fault) for fault in (429, 503, *NEVER_SENT)],
    *[(operation, 503) for operation in ("run_sync", "cancel", "retry")],
]


def scripted(operation: str, *faults: Any) -> Script:
    """Script *faults*, HTTP codes or exceptions, and then a good answer."""
    met = [problem(fault) if isinstance(fault, int) else fault for fault in faults]
    return Script(*met, GOOD.get(operation, job()))


@in_no_time
@pytest.mark.parametrize(("operation", "fault"), READS_AGAIN, ids=name)
def test_a_read_is_asked_again(driver: Driver, operation: str, fault: Any) -> None:
    """Asking for a state costs nothing: a lost answer or a busy server is asked again."""
    script = scripted(operation, fault)
    endpoint = driver.endpoint(script)
    driver.call(lambda: SINGLE[operation](endpoint))
    assert len(script.requests) == 2
    assert len(set(script.asked)) == 1


@pytest.mark.parametrize("status", [100, 101, 199])
def test_a_response_that_is_not_final(driver: Driver, status: int) -> None:
    """A status below 200 says nothing about a job, also if a caller's client hands it on."""
    script = Script(httpx.Response(status), job())
    with pytest.raises(SubmissionUncertainError, match=f"status {status}"):
        driver.call(lambda: driver.endpoint(script).run(input=1))
    assert script.asked == ["POST /run"]


@pytest.mark.parametrize("fault", NOT_TRANSIENT, ids=name)
@pytest.mark.parametrize("operation", [*READS, *ACTS])
def test_a_refusal_for_good_is_not_asked_again(driver: Driver, operation: str, fault: int) -> None:
    """A request that would be refused again is not sent again."""
    script = scripted(operation, fault)
    endpoint = driver.endpoint(script)
    with pytest.raises(APIStatusError):
        driver.call(lambda: SINGLE[operation](endpoint))
    assert len(script.requests) == 1


@in_no_time
@pytest.mark.parametrize(("operation", "fault"), ACTS_AGAIN, ids=name)
def test_what_was_surely_not_taken_is_sent_again(
    driver: Driver, operation: str, fault: Any
) -> None:
    """Without a connection, or refused for load, nothing has happened yet."""
    script = scripted(operation, fault)
    endpoint = driver.endpoint(script)
    driver.call(lambda: SINGLE[operation](endpoint))
    assert len(script.requests) == 2
    assert script.requests[0].content == script.requests[1].content
    assert len(set(script.asked)) == 1


@pytest.mark.parametrize("fault", [408, 500, 502, 504, 520, 524, 599, *LOST], ids=name)
@pytest.mark.parametrize("operation", ACTS)
def test_what_may_have_been_taken_is_sent_once(driver: Driver, operation: str, fault: Any) -> None:
    """A job whose answer was lost may be in the queue: a second one would be a second bill."""
    script = scripted(operation, fault)
    endpoint = driver.endpoint(script)
    with pytest.raises(RunpodError) as caught:
        driver.call(lambda: SINGLE[operation](endpoint))
    assert len(script.requests) == 1
    if operation in ("run", "run_sync") and fault != 408:
        assert isinstance(caught.value, SubmissionUncertainError)
        assert "check before you submit it again" in str(caught.value)


@pytest.mark.parametrize("fault", [*TRANSIENT, *LOST, *NEVER_SENT], ids=name)
def test_a_purge_is_never_sent_again(driver: Driver, fault: Any) -> None:
    """A second purge would remove jobs that came after the first."""
    script = scripted("purge_queue", fault)
    endpoint = driver.endpoint(script)
    with pytest.raises(RunpodError):
        driver.call(lambda: endpoint.purge_queue())
    assert script.asked == ["POST /purge-queue"]


@in_no_time
@pytest.mark.parametrize("retries", [0, 1, 2])
def test_max_retries_is_the_number_of_retries(driver: Driver, retries: int) -> None:
    """The first try does not count, and none is no retry."""
    script = Script(problem(503, retry_after="0"))
    endpoint = driver.endpoint(script, max_retries=retries)
    with pytest.raises(APIStatusError):
        driver.call(lambda: endpoint.run(input=1))
    assert len(script.requests) == 1 + retries


@in_no_time
def test_the_last_failure_is_raised(driver: Driver) -> None:
    """Of several failures the caller sees the last."""
    script = Script(httpx.ConnectError("refused"), problem(502), problem(500, "last"))
    endpoint = driver.endpoint(script)
    with pytest.raises(APIStatusError, match="last"):
        driver.call(lambda: endpoint.status(JOB))
    assert len(script.requests) == 3


@in_no_time
def test_the_count_starts_anew_with_every_good_answer(driver: Driver) -> None:
    """While a job is waited for, failures far apart don't add up."""
    script = Script(
        problem(502),
        job("IN_QUEUE"),
        problem(502),
        job("IN_PROGRESS"),
        httpx.ReadError("reset"),
        job("COMPLETED", output="done"),
    )
    endpoint = driver.endpoint(script, max_retries=1)
    assert driver.call(lambda: endpoint.wait(JOB)).output == "done"
    assert len(script.requests) == 6


@in_no_time
def test_a_wait_gives_up_ten_minutes_after_the_last_answer(driver: Driver) -> None:
    """A server that is gone is not polled forever; the error names the job."""
    script = Script(job("IN_QUEUE"), httpx.ConnectError("refused"))
    endpoint = driver.endpoint(script, max_retries=1)
    with pytest.raises(APIConnectionError) as caught:
        driver.call(lambda: endpoint.wait(JOB))
    assert 600 / 8 <= len(script.requests) < 600
    assert caught.value.job == endpoint.job(JOB)


@in_no_time
def test_a_wait_outlives_an_outage(driver: Driver) -> None:
    """A wait survives nine minutes without an answer, twice: a good answer restarts the count."""
    away = [httpx.ConnectError("no network")] * 60
    script = Script(job("IN_QUEUE"), *away, job("IN_PROGRESS"), *away, job(output=1))
    endpoint = driver.endpoint(script, max_retries=0)
    assert driver.call(lambda: endpoint.wait(JOB)).output == 1
    assert len(script.requests) == 123


@in_no_time
def test_a_wait_with_a_timeout_asks_until_it_is_over(driver: Driver) -> None:
    """The caller's timeout decides, be it longer than ten minutes; the cause is what went wrong."""
    script = Script(problem(503))
    endpoint = driver.endpoint(script)
    with pytest.raises(RunpodTimeoutError) as caught:
        driver.call(lambda: endpoint.wait(JOB, timeout=3_000))
    assert isinstance(caught.value.__cause__, ServerError)
    assert len(script.requests) > 3_000 / 8


@in_no_time
@pytest.mark.parametrize("fault", [407, 403])
def test_what_a_proxy_refuses_for_good_is_not_tried_again(driver: Driver, fault: int) -> None:
    """A wait ends at once where no attempt can succeed."""
    script = Script(httpx.ProxyError(f"{fault} Refused"))
    endpoint = driver.endpoint(script)
    with pytest.raises(APIConnectionError, match=f"the proxy.*{fault} Refused.*nothing was sent"):
        driver.call(lambda: endpoint.wait(JOB))
    assert len(script.requests) == 1


@in_no_time
def test_run_sync_submits_once_and_waits_on(driver: Driver) -> None:
    """The first answer contains the id; all later requests are about that job."""
    script = Script(
        job("IN_QUEUE"), problem(502), job("IN_PROGRESS"), httpx.ReadError("reset"), job(output=1)
    )
    endpoint = driver.endpoint(script)
    assert driver.call(lambda: endpoint.run_sync(input=1)).output == 1
    waited = f"GET /status-sync/{JOB}"
    assert script.asked == ["POST /runsync", waited, waited, waited, waited]


def test_a_lost_stream_answer_is_not_asked_again(driver: Driver) -> None:
    """Chunks are handed out once: what was lost is taken from the job's output."""
    script = Script(
        chunks("IN_PROGRESS", "a"),
        httpx.ReadError("reset"),
        job("COMPLETED", output=["a", "b", "c"]),
    )
    endpoint = driver.endpoint(script)
    taken = driver.take(endpoint.stream(JOB))
    assert [chunk.output for chunk in taken] == ["a", "b", "c"]
    assert [path.split("/")[1] for path in script.asked] == ["stream", "stream", "status-sync"]


@pytest.mark.parametrize("fault", [500, 502, 520, 524, *LOST], ids=name)
def test_a_lost_stream_answer_that_can_not_be_made_good(driver: Driver, fault: Any) -> None:
    """A worker that does not aggregate leaves nothing to complete the stream from."""
    lost = problem(fault) if isinstance(fault, int) else fault
    script = Script(chunks("IN_PROGRESS", "a"), lost, job("COMPLETED", output=[]))
    endpoint = driver.endpoint(script)
    stream = endpoint.stream(JOB)
    assert driver.next(stream).output == "a"
    with pytest.raises(StreamInterruptedError) as caught:
        driver.next(stream)
    assert caught.value.job == endpoint.job(JOB)
    assert caught.value.state.status == "COMPLETED"
    assert JOB in str(caught.value)
    assert driver.take(stream) == []


@in_no_time
@pytest.mark.parametrize("fault", [429, NEVER_SENT[0]], ids=name)
def test_a_stream_that_was_surely_not_answered_is_asked_again(driver: Driver, fault: Any) -> None:
    """No answer was on its way, so no chunk was lost."""
    lost = problem(fault) if isinstance(fault, int) else fault
    script = Script(lost, chunks("COMPLETED", "a"), chunks("COMPLETED"))
    endpoint = driver.endpoint(script)
    assert [chunk.output for chunk in driver.take(endpoint.stream(JOB))] == ["a"]


def test_a_redirect_is_not_followed(driver: Driver) -> None:
    """The key goes to no other host, even if the caller's own client follows redirects."""
    script = Script(answer("", 307, {"location": "https://elsewhere.test/"}))
    http_client = driver.http_client(script)
    http_client.follow_redirects = True
    endpoint = driver.client(http_client=http_client).endpoint("ep")
    with pytest.raises(APIStatusError, match="307"):
        driver.call(lambda: endpoint.run(input=1))
    assert [request.url.host for request in script.requests] == ["api.test"]


@pytest.mark.parametrize("operation", SINGLE)
def test_the_headers_of_a_request(driver: Driver, operation: str) -> None:
    """Each request says who asks, and with which key, once."""
    script = scripted(operation)
    http_client = driver.http_client(script)
    http_client.auth = ("user", "password")
    http_client.headers["authorization"] = "Bearer of-the-caller"
    endpoint = driver.client(http_client=http_client).endpoint("ep")
    driver.call(lambda: SINGLE[operation](endpoint))
    headers = script.last.headers
    assert headers.get_list("authorization") == ["Bearer rpa_CANARY0123456789"]
    assert headers["accept"] == "application/json"
    assert headers["user-agent"].startswith("runpod_sdk/")
