"""
Faults of RunPod's own Python client, P1 to P25: each test would fail on that fault.

All lines concern us.
"""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import threading
import time
from typing import Any

import httpx
import pytest

from runpod_sdk import (
    APIResponseValidationError,
    APIStatusError,
    AsyncRunpod,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    Endpoint,
    ExecutionPolicy,
    JobCancelledError,
    JobError,
    JobFailedError,
    RateLimitError,
    Runpod,
    RunpodTimeoutError,
    S3Config,
    ServerError,
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
HOOK = "https://hook.test"


def test_p1_a_stream_ends_after_a_cancel(driver: Driver) -> None:
    """CANCELLED was missing from the final states of a stream, which then went on for ever."""
    script = Routes(stream=[chunks("IN_PROGRESS", 1), chunks("CANCELLED")], status=job("CANCELLED"))
    stream = driver.endpoint(script).stream(JOB, timeout=20)
    assert driver.next(stream).output == 1
    with pytest.raises(JobCancelledError):
        driver.next(stream)
    assert len([asked for asked in script.asked if asked.startswith("GET /stream")]) == 2


@in_no_time
def test_p2_output_waits_without_a_timeout(driver: Driver) -> None:
    """`await job.output()` said at once that the job had timed out."""
    script = Routes(run=job("IN_QUEUE"), status_sync=[job("IN_QUEUE"), job(output="done")])
    endpoint = driver.endpoint(script)
    handle = driver.call(lambda: endpoint.run(input=1))
    assert driver.call(lambda: handle.output()) == "done"


@in_no_time
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_p3_there_are_retries_over_https(driver: Driver, scheme: str) -> None:
    """Retries were set up for http:// only, and without POST or 5xx even there."""
    script = Script(problem(502), job(), problem(429), job("IN_QUEUE"))
    endpoint = driver.endpoint(script, base_url=f"{scheme}://api.test/v2")
    assert driver.call(lambda: endpoint.status(JOB)).completed
    assert driver.call(lambda: endpoint.run(input=1)).id == JOB
    assert [request.url.scheme for request in script.requests] == [scheme] * 4
    assert [request.method for request in script.requests] == ["GET", "GET", "POST", "POST"]


@pytest.mark.parametrize("value", [{}, None, 0, "", [], False, [1, 2]], ids=repr)
def test_p4_a_falsy_input_is_an_input(driver: Driver, value: Any) -> None:
    """`{"input": {}, "webhook": …}` was wrapped into a second `input`, and lists crashed."""
    script = Script(job("IN_QUEUE"))
    endpoint = driver.endpoint(script)
    driver.call(lambda: endpoint.run({"input": value, "webhook": HOOK}))
    driver.call(lambda: endpoint.run(input=value, webhook=HOOK))
    assert [json.dumps(body) for body in script.bodies] == [
        json.dumps({"input": value, "webhook": HOOK})
    ] * 2


def test_p5_an_input_of_the_payload_is_no_envelope(driver: Driver) -> None:
    """A payload that has an `input` of its own was taken apart."""
    script = Script(job("IN_QUEUE"))
    endpoint = driver.endpoint(script)
    payload = {"input": "a text", "language": "en", "webhook": "not a hook"}
    driver.call(lambda: endpoint.run(input=payload))
    assert script.bodies == [{"input": payload}]
    with pytest.raises(ValueError, match="'language'"):
        driver.call(lambda: endpoint.run(payload))
    assert len(script.requests) == 1


def test_p6_the_async_client_sends_whole_requests(driver: Driver) -> None:
    """Async `run` wrapped whatever it got, so that no webhook or policy could be sent."""
    script = Script(job("IN_QUEUE"))
    endpoint = driver.endpoint(script)
    body = {"input": {"a": 1}, "webhook": HOOK, "policy": {"ttl": 60_000}}
    driver.call(lambda: endpoint.run(body))
    driver.call(
        lambda: endpoint.run(
            input={"a": 1},
            webhook=HOOK,
            policy=ExecutionPolicy(ttl=60),
            s3_config=S3Config(access_id="a", access_secret="b", bucket_name="c", endpoint_url="d"),
        )
    )
    assert script.bodies[0] == body
    storage = {"accessId": "a", "accessSecret": "b", "bucketName": "c", "endpointUrl": "d"}
    assert script.bodies[1] == {**body, "s3Config": storage}


@in_no_time
def test_p7_progress_is_not_the_output(driver: Driver) -> None:
    """`output()` of a running job returned what the worker had last reported."""
    progress = {"progress": "4/10"}
    script = Routes(
        status_sync=[job("IN_PROGRESS", output=progress), job(output="result")],
        status=job("IN_PROGRESS", output=progress),
    )
    endpoint = driver.endpoint(script)
    state = driver.call(lambda: endpoint.status(JOB))
    assert (state.progress, state.output, state.has_output) == (progress, None, False)
    assert driver.call(lambda: endpoint.job(JOB).output()) == "result"


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "TIMED_OUT"])
def test_p8_a_bad_end_is_an_error_with_its_reason(driver: Driver, status: str) -> None:
    """A job that failed gave None, and its error was dropped."""
    endpoint = driver.endpoint(Script(job(status, error="out of memory")))
    for ask in (lambda: endpoint.job(JOB).output(), lambda: endpoint.run_sync(input=1)):
        with pytest.raises(JobError, match=f"{JOB}.*out of memory") as caught:
            driver.call(ask)
        assert caught.value.state.status == status
        assert caught.value.state.error == "out of memory"
    assert driver.call(lambda: endpoint.run_sync(input=1, check=False)).status == status


def test_p9_the_timeout_of_output_is_a_total() -> None:
    """A timeout of 3 s was counted in polls, and took up to eleven times as long."""
    for handler in (silent, Service(), Service(instant=True)):
        error, took = timed(handler, lambda endpoint: endpoint.job(JOB).output(timeout=3))
        assert isinstance(error, RunpodTimeoutError)
        assert took == pytest.approx(3)


def test_p9_the_timeout_of_output_is_a_total_on_a_socket(driver: Driver) -> None:
    """The same with a real connection, of a server that never answers."""
    with SocketServer(lambda connection, _: server.closing.wait(30) and None) as server:
        client = driver.client(base_url=server.base_url)
        began = time.monotonic()
        with pytest.raises(RunpodTimeoutError):
            driver.call(lambda: client.endpoint("ep").job(JOB).output(timeout=0.3))
        assert time.monotonic() - began < 0.3 + SLACK
        driver.call(lambda: driver.close(client))


@pytest.mark.parametrize("timeout", [0.5, 3, 30, 200])
def test_p10_the_timeout_of_run_sync_is_a_total(timeout: float) -> None:
    """The socket got the timeout, the polls got it again, and `wait` was never sent."""
    for handler in (silent, Service(), Service(instant=True)):
        error, took = timed(handler, lambda endpoint: endpoint.run_sync(input=1, timeout=timeout))
        assert isinstance(error, RunpodTimeoutError)
        assert took == pytest.approx(timeout)
    service = Service(runs=5)
    state, took = timed(service, lambda endpoint: endpoint.run_sync(input=1, timeout=20))
    assert state.completed
    assert took == pytest.approx(5)
    assert all(1_000 <= wait <= 300_000 for wait in service.waits)
    assert [operation for _, operation in service.asked] == ["runsync", "status-sync"]
    assert len(service.waits) == 2


def test_p10_the_default_of_run_sync_is_no_day() -> None:
    """Without a timeout, `run_sync` waited for 86,400 s."""
    for cls in (Runpod, AsyncRunpod):
        run_sync = type(cls(KEY).endpoint("ep")).run_sync
        assert inspect.signature(run_sync).parameters["timeout"].default == 90
    error, took = timed(Service(), lambda endpoint: endpoint.run_sync(input=1))
    assert isinstance(error, RunpodTimeoutError)
    assert took == pytest.approx(90)


@in_no_time
@pytest.mark.parametrize("fault", [problem(502), httpx.ReadTimeout("slow")], ids=["502", "timeout"])
def test_p11_a_fault_while_polling_does_not_end_the_wait(driver: Driver, fault: Any) -> None:
    """One 502 or timeout ended the wait, while the job went on and cost money."""
    script = Routes(
        runsync=job("IN_QUEUE"), status_sync=[job("IN_PROGRESS"), fault, job(output="result")]
    )
    endpoint = driver.endpoint(script)
    assert driver.call(lambda: endpoint.run_sync(input=1)).output == "result"
    assert [asked for asked in script.asked if asked.startswith("POST")] == ["POST /runsync"]


def test_p12_the_reason_of_the_server_is_in_the_message(driver: Driver) -> None:
    """The text of an HTTP error left out what the server had said."""
    reason = "wait is invalid: must be between 1000 and 300000"
    endpoint = driver.endpoint(Script(problem(400, reason)))
    for ask in (lambda: endpoint.run_sync(input=1), lambda: endpoint.status(JOB)):
        with pytest.raises(BadRequestError, match=reason):
            driver.call(ask)


def test_p13_a_stream_does_not_sleep_before_it_asks() -> None:
    """There was a second of sleep before each question, the first one included."""

    async def take(endpoint: Any) -> list[float]:
        import anyio

        began = anyio.current_time()
        return [anyio.current_time() - began async for _ in endpoint.stream(JOB)]

    service = Service(runs=2, chunks=[0, 0.4, 1.1, 1.9])
    arrived, took = timed(service, take)
    assert arrived == pytest.approx([0, 0.4, 1.1, 1.9])
    assert took == pytest.approx(2)
    assert service.asked[0][0] == 0


@pytest.mark.parametrize("last", [{"status": "COMPLETED"}, {"status": "COMPLETED", "stream": None}])
def test_p14_a_last_answer_without_stream(driver: Driver, last: Any) -> None:
    """A terminal answer without `stream`, or a chunk without `output`, was a KeyError."""
    first = {"status": "IN_PROGRESS", "stream": [{}, {"metrics": {"n": 1}}, {"output": "a"}]}
    endpoint = driver.endpoint(Script(answer(first), answer(last)))
    taken = driver.take(endpoint.stream(JOB))
    assert [chunk.output for chunk in taken] == [None, None, "a"]
    assert taken[1].metrics == {"n": 1}


def test_p15_the_stream_of_a_failed_job_raises(driver: Driver) -> None:
    """The stream of a job that failed ended like that of one that did not."""
    script = Routes(
        stream=[chunks("IN_PROGRESS", 1), chunks("FAILED", 2), chunks("FAILED")],
        status=job("FAILED", error="out of memory"),
    )
    stream = driver.endpoint(script).stream(JOB)
    assert [chunk.output for chunk in driver.take(stream, 2)] == [1, 2]
    with pytest.raises(JobFailedError, match="out of memory"):
        driver.next(stream)


def test_p16_a_null_output_is_kept(driver: Driver) -> None:
    """An output of null was asked for at every `output()`, until it had expired."""
    script = Script(job(output=None), problem(404))
    handle = driver.endpoint(script).job(JOB)
    for _ in range(3):
        assert driver.call(lambda: handle.output()) is None
    assert driver.call(lambda: handle.wait()).has_output
    assert len(script.requests) == 1


@pytest.mark.parametrize("body", [{"error": "no such thing"}, {"status": "IN_QUEUE"}, {}], ids=str)
def test_p17_an_answer_without_id(driver: Driver, body: Any) -> None:
    """A 200 without an id was a KeyError, without a word of what had come."""
    endpoint = driver.endpoint(Script(answer(body)))
    for ask in (lambda: endpoint.run(input=1), lambda: endpoint.run_sync(input=1)):
        with pytest.raises(APIResponseValidationError) as caught:
            driver.call(ask)
        assert caught.value.body == body


@pytest.mark.parametrize(
    ("refusal", "cls"),
    [
        (problem(401, "invalid api key"), AuthenticationError),
        (problem(429), RateLimitError),
        (answer("<html>502 Bad Gateway</html>", 502), ServerError),
    ],
    ids=["401", "429", "502"],
)
def test_p18_the_async_client_checks_the_status(driver: Driver, refusal: Any, cls: Any) -> None:
    """Async calls never looked at the HTTP status: a refusal was a KeyError, or the health."""
    endpoint = driver.endpoint(Script(refusal), max_retries=0)
    for ask in (
        lambda: endpoint.run(input=1),
        lambda: endpoint.status(JOB),
        lambda: endpoint.health(),
        lambda: endpoint.purge_queue(),
        lambda: endpoint.cancel(JOB),
    ):
        with pytest.raises(cls) as caught:
            driver.call(ask)
        assert isinstance(caught.value, APIStatusError)


def test_p19_a_status_is_asked_for_after_a_retry(driver: Driver) -> None:
    """A terminal status was kept for ever, so that a retried job stayed FAILED."""
    script = Routes(
        status=[job("FAILED"), job("IN_QUEUE"), job("COMPLETED")],
        status_sync=[job("FAILED"), job(output="at last")],
        retry=job("IN_QUEUE"),
    )
    handle = driver.endpoint(script).job(JOB)
    assert driver.call(lambda: handle.status()).status == "FAILED"
    assert driver.call(lambda: handle.wait()).status == "FAILED"
    assert driver.call(lambda: handle.retry()).status == "IN_QUEUE"
    assert driver.call(lambda: handle.status()).status == "IN_QUEUE"
    assert driver.call(lambda: handle.output()) == "at last"


def test_p19_a_bad_end_is_not_kept(driver: Driver) -> None:
    """A job that failed may be retried by others: whoever waits again asks again."""
    script = Routes(status_sync=[job("FAILED"), job("CANCELLED"), job(output="at last")])
    handle = driver.endpoint(script).job(JOB)
    assert driver.call(lambda: handle.wait()).status == "FAILED"
    assert driver.call(lambda: handle.wait()).status == "CANCELLED"
    assert driver.call(lambda: handle.output()) == "at last"


def test_p19_an_output_is_asked_for_after_a_retry(driver: Driver) -> None:
    """The output that was kept is that of the run before."""
    script = Routes(status_sync=[job(output=1), job(output=2)], retry=job("IN_QUEUE"))
    handle = driver.endpoint(script).job(JOB)
    assert driver.call(lambda: handle.output()) == 1
    driver.call(lambda: handle.retry())
    assert driver.call(lambda: handle.output()) == 2


def test_p20_the_key_of_the_environment(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RUNPOD_API_KEY` was not read, a blank key was sent, and a new one not noticed."""
    monkeypatch.setenv("RUNPOD_AI_API_KEY", "rpa_of-a-worker")
    with pytest.raises(ConfigurationError):
        driver.client(api_key=None)
    for key in ("rpa_old", "rpa_new"):
        monkeypatch.setenv("RUNPOD_API_KEY", key)
        script = Script(job())
        endpoint = driver.endpoint(script, api_key=None)
        driver.call(lambda endpoint=endpoint: endpoint.status(JOB))
        assert script.last.headers["authorization"] == f"Bearer {key}"
    for blank in ("", " "):
        with pytest.raises(ConfigurationError):
            driver.client(api_key=blank)


IDS = ["j?x=1#f", "%2e%2e", "é", "a;b", "..%2f.."]
NO_IDS = ["", ".", "..", " ", "\t", "e1/../other", "../other", "a b", "a\\b", "a\nb"]


@pytest.mark.parametrize("odd", IDS, ids=ascii)
def test_p21_an_id_is_one_segment(driver: Driver, odd: str) -> None:
    """An id was put into the URL as it was, and could lead the key elsewhere."""
    script = Script(lambda request: answer({"id": asked, "status": "COMPLETED"})(request))
    client = driver.client(http_client=driver.http_client(script))
    for ask, before, after in (
        (lambda: client.endpoint(odd).run(input=1), "/v2/", "/run"),
        (lambda: client.endpoint(odd).status(JOB), "/v2/", f"/status/{JOB}"),
        (lambda: client.endpoint("ep").status(odd), "/v2/ep/status/", ""),
        (lambda: client.endpoint("ep").job(odd).wait(), "/v2/ep/status-sync/", ""),
        (lambda: client.endpoint("ep").cancel(odd), "/v2/ep/cancel/", ""),
        (lambda: client.endpoint("ep").retry(odd), "/v2/ep/retry/", ""),
    ):
        asked = JOB if "status/" in after else odd
        driver.call(ask)
        path = script.last.url.raw_path.decode().partition("?")[0]
        segment = path.removeprefix(before).removesuffix(after)
        assert path == f"{before}{segment}{after}"
        assert "/" not in segment
        assert segment not in (".", "..")
        assert httpx.URL(f"https://api.test/{segment}").path == f"/{odd}"
        assert script.last.url.host == "api.test"
        assert script.last.url.fragment == ""


@pytest.mark.parametrize("none", NO_IDS, ids=ascii)
def test_p21_an_id_that_is_no_segment(driver: Driver, none: str) -> None:
    """An empty id, or one that means another path, is refused before anything is sent."""
    script = Script(job())
    client = driver.client(http_client=driver.http_client(script))
    endpoint = client.endpoint("ep")
    for ask in (
        lambda: client.endpoint(none),
        lambda: endpoint.job(none),
        lambda: endpoint.status(none),
        lambda: endpoint.wait(none),
        lambda: endpoint.stream(none),
        lambda: endpoint.cancel(none),
        lambda: endpoint.retry(none),
    ):
        with pytest.raises(ValueError, match="id"):
            driver.call(ask)
    assert script.requests == []


def test_p22_the_import_has_no_effects() -> None:
    """The import changed log levels of others, and read the configuration file."""
    code = """
import logging, sys
names = ["", "urllib3", "paramiko", "uvicorn", "httpx", "httpcore"]
before = [(logging.getLogger(name).level, logging.getLogger(name).handlers[:]) for name in names]
read = []
sys.addaudithook(lambda event, args: read.append(str(args[0])) if event == "open" else None)
from runpod_sdk import *
after = [(logging.getLogger(name).level, logging.getLogger(name).handlers[:]) for name in names]
assert before == after
assert not [path for path in read if "config.toml" in path]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_p23_the_user_agent_is_ours(driver: Driver) -> None:
    """A user agent was made, and that of the HTTP library was sent."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    driver.call(lambda: endpoint.status(JOB))
    assert script.last.headers.get_list("user-agent")[0].startswith("runpod_sdk/")


@pytest.mark.parametrize("content", [b"nonsense", b"", b"[1]"])
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
def test_p24_an_answer_that_can_not_be_read_is_released(
    driver: Driver, content: bytes, status: str
) -> None:
    """The connection was lost to the pool where the answer was no JSON."""
    connections = 0

    def serve(connection: Any, _: bytes) -> None:
        nonlocal connections
        connections += 1
        reply = f"HTTP/1.1 {status}\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content
        connection.sendall(reply)
        while read_request(connection):
            connection.sendall(reply)

    with SocketServer(serve) as server:
        client = driver.client(base_url=server.base_url)
        for _ in range(3):
            with pytest.raises((APIResponseValidationError, APIStatusError)):
                driver.call(lambda: client.endpoint("ep").status(JOB))
        driver.call(lambda: driver.close(client))
    assert connections == 1


def test_p25_connections_are_closed(driver: Driver) -> None:
    """A session could not be closed."""
    ended = threading.Event()

    def serve(connection: Any, _: bytes) -> None:
        reply = http_answer({"id": JOB, "status": "IN_QUEUE"})
        connection.sendall(reply.replace(b"connection: close\r\n", b""))
        if not connection.recv(1):
            ended.set()

    with SocketServer(serve) as server:

        async def used() -> None:
            async with AsyncRunpod(KEY, base_url=server.base_url) as client:
                await client.endpoint("ep").status(JOB)

        def blocked() -> None:
            with Runpod(KEY, base_url=server.base_url) as client:
                assert isinstance(client.endpoint("ep"), Endpoint)
                client.endpoint("ep").status(JOB)

        driver.call(used if driver.is_async else blocked)
        assert ended.wait(10)
