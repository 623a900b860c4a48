"""Every `timeout` limits the total time of a local call."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest

from runpod_sdk import (
    APIStatusError,
    RunpodError,
    RunpodTimeoutError,
    SubmissionTimeoutError,
    SubmissionUncertainError,
)
from runpod_sdk.settings import CANCEL_TIMEOUT
from tests.facade.clients import (
    JOB,
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
)
from tests.facade.test_answers import SINGLE

SLACK = 5.0
"""Tolerance for a busy machine, after a deadline."""

TIMED: dict[str, Callable[[Any, Any], Any]] = {
    "status": lambda endpoint, timeout: endpoint.status(JOB, timeout=timeout),
    "cancel": lambda endpoint, timeout: endpoint.cancel(JOB, timeout=timeout),
    "retry": lambda endpoint, timeout: endpoint.retry(JOB, timeout=timeout),
    "health": lambda endpoint, timeout: endpoint.health(timeout=timeout),
    "purge_queue": lambda endpoint, timeout: endpoint.purge_queue(timeout=timeout),
    "run": lambda endpoint, timeout: endpoint.run(input=1, timeout=timeout),
    "run_sync": lambda endpoint, timeout: endpoint.run_sync(input=1, timeout=timeout),
    "wait": lambda endpoint, timeout: endpoint.wait(JOB, timeout=timeout),
    "stream": lambda endpoint, timeout: endpoint.stream(JOB, timeout=timeout),
    "job.status": lambda endpoint, timeout: endpoint.job(JOB).status(timeout=timeout),
    "job.wait": lambda endpoint, timeout: endpoint.job(JOB).wait(timeout=timeout),
    "job.output": lambda endpoint, timeout: endpoint.job(JOB).output(timeout=timeout),
    "job.stream": lambda endpoint, timeout: endpoint.job(JOB).stream(timeout=timeout),
    "job.cancel": lambda endpoint, timeout: endpoint.job(JOB).cancel(timeout=timeout),
    "job.retry": lambda endpoint, timeout: endpoint.job(JOB).retry(timeout=timeout),
}


@pytest.mark.parametrize(
    "timeout", [0, 0.0, -1, float("nan"), timedelta(0), timedelta(seconds=-1)], ids=repr
)
@pytest.mark.parametrize("operation", TIMED)
def test_no_length_of_time(driver: Driver, operation: str, timeout: Any) -> None:
    """Zero, negative and NaN are refused, and nothing is sent."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    with pytest.raises(ValueError, match="timeout"):
        driver.call(lambda: TIMED[operation](endpoint, timeout))
    assert script.requests == []


@pytest.mark.parametrize("timeout", [True, "5", b"5", [5], 1j], ids=repr)
@pytest.mark.parametrize("operation", TIMED)
def test_no_number(driver: Driver, operation: str, timeout: Any) -> None:
    """Another type is refused, and nothing is sent."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    with pytest.raises(TypeError, match="timeout"):
        driver.call(lambda: TIMED[operation](endpoint, timeout))
    assert script.requests == []


@pytest.mark.parametrize(
    "timeout", [None, 30, 0.5, timedelta(minutes=1), float("inf"), 1e300], ids=repr
)
@pytest.mark.parametrize("operation", [name for name in TIMED if "stream" not in name])
def test_a_length_of_time(driver: Driver, operation: str, timeout: Any) -> None:
    """Seconds, a `timedelta`, and None for no limit."""
    endpoint = driver.endpoint(Script(job(removed=1, output=1)))
    driver.call(lambda: TIMED[operation](endpoint, timeout))


@pytest.mark.parametrize("on_timeout", ["kill", "", None, True])
@pytest.mark.parametrize(
    "ask",
    [
        lambda endpoint, value: endpoint.run_sync(input=1, on_timeout=value),
        lambda endpoint, value: endpoint.wait(JOB, on_timeout=value),
        lambda endpoint, value: endpoint.job(JOB).wait(on_timeout=value),
        lambda endpoint, value: endpoint.job(JOB).output(on_timeout=value),
    ],
    ids=["run_sync", "wait", "job.wait", "job.output"],
)
def test_an_on_timeout_that_is_none(driver: Driver, ask: Any, on_timeout: Any) -> None:
    """`on_timeout` is one of two words, and nothing is sent with another."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    with pytest.raises(ValueError, match="on_timeout"):
        driver.call(lambda: ask(endpoint, on_timeout))
    assert script.requests == []


def silence(server: SocketServer) -> Callable[[socket.socket, bytes], None]:
    """Take a request and never answer it."""
    return lambda connection, request: server.closing.wait(30) and None


def drip(server: SocketServer, head: bytes) -> Callable[[socket.socket, bytes], None]:
    """Send *head*, and then a byte at a time, well within any timeout of a socket."""

    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(head)
        while not server.closing.wait(0.05):
            connection.sendall(b"x")

    return serve


MISBEHAVIOUR = {
    "silence": silence,
    "a dripping status line": lambda server: drip(server, b"HTTP/1.1 200 O"),
    "a dripping header": lambda server: drip(server, b"HTTP/1.1 200 OK\r\nx-long: "),
    "a dripping body": lambda server: drip(
        server, b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"
    ),
    "a dripping refusal": lambda server: drip(
        server, b"HTTP/1.1 502 Bad\r\ncontent-length: 1000000\r\n\r\n"
    ),
}


ENDLESS = [
    *[("status", fault) for fault in MISBEHAVIOUR],
    *[(operation, "silence") for operation in ("run_sync", "wait", "purge_queue")],
    ("run", "a dripping body"),
]
"""The requests to a server that never ends its answers; each one's index is its endpoint's id."""


def ask_without_end(driver: Driver, total: float) -> tuple[list[tuple[BaseException, float]], int]:
    """Ask all of `ENDLESS` at once; return what ended each and when, and how many were heard."""

    def serve(connection: socket.socket, request: bytes) -> None:
        endpoint_id = request.split(b"/")[2].decode()
        if endpoint_id == "good":
            connection.sendall(http_answer({"jobs": {}, "workers": {}}))
        else:
            fault = ENDLESS[int(endpoint_id)][1]
            MISBEHAVIOUR[fault](server)(connection, request)

    def ask(number: int) -> tuple[BaseException, float]:
        endpoint = client.endpoint(str(number))
        began = time.monotonic()
        with pytest.raises(RunpodTimeoutError) as caught:
            driver.call(lambda: TIMED[ENDLESS[number][0]](endpoint, total))
        return caught.value, time.monotonic() - began

    with SocketServer(serve) as server, ThreadPoolExecutor(len(ENDLESS)) as pool:
        client = driver.client(base_url=server.base_url)
        driver.call(lambda: client.endpoint("good").health())
        ended = list(pool.map(ask, range(len(ENDLESS))))
        driver.call(lambda: driver.close(client))
    return ended, len(server.requests) - 1


def test_a_total_outlives_no_server(driver: Driver) -> None:
    """The call ends at its timeout, for any arrival of the bytes."""
    for total in (1, 8):
        ended, heard = ask_without_end(driver, total)
        if heard == len(ENDLESS):
            break  # else the machine stood still for all of the time, and sent nothing
    for (operation, fault), (error, took) in zip(ENDLESS, ended, strict=True):
        case = f"{operation}, {fault}: {error!r} after {took:.2f} s"
        assert total <= took < total + SLACK, case
        assert isinstance(error, TimeoutError), case
        assert f"{total} s" in str(error), case
        uncertain = operation in ("run", "run_sync")
        assert isinstance(error, SubmissionUncertainError) == uncertain, case
        assert isinstance(error, SubmissionTimeoutError) == uncertain, case
    assert heard == len(ENDLESS)


def test_the_time_of_a_client_is_the_default(driver: Driver) -> None:
    """An operation without a timeout has its client's; its own timeout wins."""
    with SocketServer(lambda *args: silence(server)(*args)) as server:
        client = driver.client(base_url=server.base_url, timeout=timedelta(milliseconds=200))
        endpoint = client.endpoint("ep")
        for operation in ("status", "cancel", "run"):
            began = time.monotonic()
            with pytest.raises(RunpodTimeoutError, match=r"0\.2 s"):
                driver.call(lambda operation=operation: SINGLE[operation](endpoint))
            assert 0.2 <= time.monotonic() - began < 0.2 + SLACK
        with pytest.raises(RunpodTimeoutError, match=r"0\.05 s"):
            driver.call(lambda: endpoint.status(JOB, timeout=0.05))
        driver.call(lambda: driver.close(client))


def test_no_time_for_another_try(driver: Driver) -> None:
    """Where the server asks for a longer pause than there is time, its refusal is the error."""
    script = Script(problem(429, "slow down", retry_after="1e9"))
    endpoint = driver.endpoint(script)
    began = time.monotonic()
    asks = (lambda: endpoint.status(JOB, timeout=9), lambda: endpoint.run(input=1, timeout=9))
    for ask in asks:
        with pytest.raises(APIStatusError, match="slow down"):
            driver.call(ask)
    assert time.monotonic() - began < SLACK
    assert len(script.requests) == 2


@in_no_time
@pytest.mark.parametrize("operation", ["wait", "run_sync", "job.wait", "job.output"])
def test_the_time_is_up_while_a_job_runs(driver: Driver, operation: str) -> None:
    """The error names the job and its last known status, and says that the job continues."""
    script = Routes(run=job("IN_QUEUE"), runsync=job("IN_QUEUE"), status_sync=job("IN_PROGRESS"))
    endpoint = driver.endpoint(script)
    began = driver.now()
    with pytest.raises(RunpodTimeoutError, match=f"{JOB}.*IN_PROGRESS") as caught:
        driver.call(lambda: TIMED[operation](endpoint, 9))
    assert 9 <= driver.now() - began < 9 + SLACK
    error = caught.value
    assert error.job == endpoint.job(JOB)
    assert error.state.status == "IN_PROGRESS"
    assert error.cancelled is False
    assert not isinstance(error, SubmissionUncertainError)
    assert not [asked for asked in script.asked if "cancel" in asked]


CANCELS = {
    "run_sync": lambda endpoint: endpoint.run_sync(input=1, timeout=0.9, on_timeout="cancel"),
    "wait": lambda endpoint: endpoint.wait(JOB, timeout=9, on_timeout="cancel"),
    "job.wait": lambda endpoint: endpoint.job(JOB).wait(timeout=9, on_timeout="cancel"),
    "job.output": lambda endpoint: endpoint.job(JOB).output(timeout=9, on_timeout="cancel"),
}


@in_no_time
@pytest.mark.parametrize("operation", CANCELS)
def test_the_time_is_up_and_the_job_is_cancelled(driver: Driver, operation: str) -> None:
    """`on_timeout="cancel"` cancels, and the error says that it was confirmed."""
    script = Routes(
        run=job("IN_QUEUE"), status_sync=job("IN_PROGRESS"), cancel=job("CANCELLED", delayTime=5)
    )
    endpoint = driver.endpoint(script)
    with pytest.raises(RunpodTimeoutError, match="was cancelled") as caught:
        driver.call(lambda: CANCELS[operation](endpoint))
    assert caught.value.cancelled is True
    assert caught.value.state.status == "CANCELLED"
    assert script.asked[-1] == f"POST /cancel/{JOB}"


@in_no_time
@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (problem(404), "not confirmed"),
        (problem(500), "not confirmed"),
        (answer("nonsense"), "not confirmed"),
        (job("IN_PROGRESS"), "not confirmed"),
        (job("COMPLETED"), "COMPLETED before it could be cancelled"),
    ],
    ids=["404", "500", "nonsense", "goes on", "completed"],
)
def test_the_cancel_is_not_confirmed(driver: Driver, outcome: Any, said: str) -> None:
    """A failed or late cancel does not hide the timeout."""
    script = Routes(status_sync=job("IN_PROGRESS"), cancel=outcome)
    endpoint = driver.endpoint(script)
    with pytest.raises(RunpodTimeoutError, match=said) as caught:
        driver.call(lambda: CANCELS["wait"](endpoint))
    assert caught.value.cancelled is False
    assert caught.value.job == endpoint.job(JOB)


async def cancelled(endpoint: Any) -> None:
    """Wait until the caller cancels."""
    with anyio.fail_after(3):
        await endpoint.wait(JOB, on_timeout="cancel")


@pytest.mark.parametrize("driver", ["asyncio jumping", "trio jumping"], indirect=True)
@pytest.mark.parametrize(
    "wait",
    [lambda endpoint: endpoint.wait(JOB, timeout=3, on_timeout="cancel"), cancelled],
    ids=["deadline", "cancelled"],
)
def test_the_cancel_is_bounded(driver: Driver, wait: Callable[[Any], Any]) -> None:
    """A server that does not answer the cancel either is waited for some seconds at most."""
    asked: list[str] = []

    async def silent(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        await anyio.sleep(86_400)
        return httpx.Response(200)

    http_client = httpx.AsyncClient(transport=httpx.MockTransport(silent))
    endpoint = driver.client(http_client=http_client).endpoint("ep")
    began = driver.now()
    with pytest.raises(TimeoutError) as caught:
        driver.call(lambda: wait(endpoint))
    assert driver.now() - began == pytest.approx(3 + CANCEL_TIMEOUT, abs=1)
    if wait is not cancelled:
        assert isinstance(caught.value, RunpodTimeoutError)
        assert "not confirmed" in str(caught.value)
    assert asked[-1] == f"POST /v2/ep/cancel/{JOB}"


@in_no_time
def test_a_stream_is_out_of_time(driver: Driver) -> None:
    """The time of a stream runs from its first question to its end."""
    endpoint = driver.endpoint(Script(chunks("IN_PROGRESS", 1), chunks("IN_PROGRESS")))
    stream = endpoint.stream(JOB, timeout=9)
    assert driver.next(stream).output == 1
    with pytest.raises(RunpodTimeoutError, match=JOB) as caught:
        driver.next(stream)
    assert caught.value.job == endpoint.job(JOB)
    assert driver.take(stream) == []


def test_a_timeout_is_both_kinds() -> None:
    """A submission that ran out of time is found by either `except`."""
    for parent in (RunpodError, TimeoutError, RunpodTimeoutError, SubmissionUncertainError):
        assert issubclass(SubmissionTimeoutError, parent)


@in_no_time
def test_every_poll_is_in_range(driver: Driver) -> None:
    """The server refuses a `wait` below 1,000 ms or above 300,000, zero included."""
    script = Routes(
        runsync=job("IN_QUEUE"),
        run=job("IN_QUEUE"),
        status_sync=[job("IN_QUEUE"), job()],
        stream=[chunks("IN_QUEUE"), chunks("COMPLETED")],
    )
    endpoint = driver.endpoint(script)
    for timeout in (1, 3, 1_000, 100_000, None):
        # a machine that stands still may take all of a second, or of three
        with suppress(RunpodTimeoutError) if timeout in (1, 3) else nullcontext():
            driver.call(lambda timeout=timeout: endpoint.run_sync(input=1, timeout=timeout))
            driver.call(lambda timeout=timeout: endpoint.wait(JOB, timeout=timeout))
            driver.take(endpoint.stream(JOB, timeout=timeout))
    asked = [request.url.params.get("wait") for request in script.requests]
    waits = [int(wait) for wait in asked if wait is not None]
    assert len(waits) > 10
    assert all(1_000 <= wait <= 300_000 for wait in waits)
