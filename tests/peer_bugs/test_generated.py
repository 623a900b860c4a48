"""
Faults of the code that the generator makes, O1 to O10: the facade lets none of them through.

All lines concern us.
"""

from __future__ import annotations

import copy
import json
import pickle
import threading
from typing import Any

import httpx
import pytest

from runpod_sdk import (
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    RunpodTimeoutError,
    ServerError,
)
from runpod_sdk import Runpod as SyncRunpod
from runpod_serverless_api.models import ExecutionPolicy, JobRequest
from tests.facade.clients import (
    JOB,
    KEY,
    Driver,
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
from tests.peer_bugs.virtual import silent, timed

PAGE = (
    "<!DOCTYPE html><html><head><title>524</title></head><body>" + "x" * 20_000 + "</body></html>"
)


def test_o1_an_unknown_value_of_an_enum(driver: Driver) -> None:
    """A status that is not in the enum was a ValueError."""
    endpoint = driver.endpoint(Script(job("PAUSED")))
    assert driver.call(lambda: endpoint.status(JOB)).status == "PAUSED"
    script = Script(chunks("PAUSED", 1), chunks("COMPLETED"))
    assert len(driver.take(driver.endpoint(script).stream(JOB))) == 1


@pytest.mark.parametrize("code", [*range(520, 528), 530, 561, 599, 600, 999])
def test_o2_a_status_that_python_does_not_know(driver: Driver, code: int) -> None:
    """`HTTPStatus(520)` is a ValueError, before anything could look at the answer."""
    endpoint = driver.endpoint(Script(answer("", code)), max_retries=0)
    for ask in (lambda: endpoint.status(JOB), lambda: endpoint.run(input=1)):
        with pytest.raises(ServerError, match=str(code)) as caught:
            driver.call(ask)
        assert caught.value.status_code == code


@pytest.mark.parametrize("code", [218, 299])
def test_o2_a_good_status_that_python_does_not_know(driver: Driver, code: int) -> None:
    """The same of a 2xx: it is a good answer."""
    endpoint = driver.endpoint(Script(answer({"id": JOB, "status": "IN_QUEUE"}, code)))
    assert driver.call(lambda: endpoint.status(JOB)).id == JOB


@pytest.mark.parametrize(
    "ask",
    [
        lambda endpoint: endpoint.status(JOB),
        lambda endpoint: endpoint.run(input=1),
        lambda endpoint: endpoint.cancel(JOB),
        lambda endpoint: endpoint.retry(JOB),
        lambda endpoint: endpoint.health(),
        lambda endpoint: endpoint.purge_queue(),
    ],
    ids=["status", "run", "cancel", "retry", "health", "purge_queue"],
)
def test_o3_there_is_a_timeout_by_default(ask: Any) -> None:
    """Without a timeout, the generated client waits for ever."""
    error, took = timed(silent, ask)
    assert isinstance(error, RunpodTimeoutError)
    assert took == pytest.approx(10)


@pytest.mark.parametrize("code", [402, 405, 418, 501, 301])
def test_o4_a_status_that_is_not_documented(driver: Driver, code: int) -> None:
    """An answer that the document does not know was parsed as None."""
    endpoint = driver.endpoint(Script(problem(code, "why")), max_retries=0)
    for ask in (
        lambda: endpoint.status(JOB),
        lambda: endpoint.run(input=1),
        lambda: endpoint.health(),
        lambda: endpoint.cancel(JOB),
        lambda: endpoint.purge_queue(),
    ):
        with pytest.raises(APIStatusError, match="why"):
            driver.call(ask)


@pytest.mark.parametrize("content", [PAGE, "", "[]", "null", '"text"', "{", "[1"], ids=range(7))
@pytest.mark.parametrize("code", [200, 400, 401, 404, 429, 500])
def test_o5_a_documented_status_with_another_body(driver: Driver, code: int, content: str) -> None:
    """A page, an empty body or a list was a JSONDecodeError or a ValueError."""
    endpoint = driver.endpoint(Script(answer(content, code)), max_retries=0)
    for ask in (
        lambda: endpoint.status(JOB),
        lambda: endpoint.health(),
        lambda: endpoint.run(input=1),
    ):
        expected = APIResponseValidationError if code == 200 else APIStatusError
        with pytest.raises(expected) as caught:
            driver.call(ask)
        assert getattr(caught.value, "status_code", 200) == code


@pytest.mark.parametrize("own", [False, True])
def test_o6_each_call_has_its_own_timeout(own: bool) -> None:
    """A timeout could be given for a client only, and doing so changed the original's."""

    async def ask(endpoint: Any) -> list[float]:
        import anyio

        lengths = []
        for timeout in (3, 0.5, None):
            began = anyio.current_time()
            with pytest.raises(RunpodTimeoutError):
                await (endpoint.health(timeout=timeout) if timeout else endpoint.health())
            lengths.append(anyio.current_time() - began)
        return lengths

    lengths, _ = timed(silent, ask, **({"timeout": 7} if own else {}))
    assert lengths == pytest.approx([3, 0.5, 7 if own else 10])


def test_o6_a_callers_client_is_left_as_it_is(driver: Driver) -> None:
    """Headers and timeouts of the client that was handed in are its own."""
    http_client = driver.http_client(Script(job()))
    before = (dict(http_client.headers), http_client.timeout, http_client.base_url)
    endpoint = driver.client(http_client=http_client).endpoint("ep")
    driver.call(lambda: endpoint.status(JOB, timeout=3))
    assert (dict(http_client.headers), http_client.timeout, http_client.base_url) == before
    assert http_client.timeout == httpx.Timeout(5.0)


def test_o7_no_repr_shows_the_token(driver: Driver) -> None:
    """`repr(client)` showed the token twice."""
    endpoint = driver.endpoint(Script(problem(401)))
    handle = endpoint.job(JOB)
    with pytest.raises(AuthenticationError) as caught:
        driver.call(lambda: handle.status())
    for thing in (endpoint.client, endpoint, handle, handle.stream(), caught.value):
        assert KEY not in f"{thing!r} {thing} {[thing]}"


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_o8_what_was_not_set_stays_so(driver: Driver, twin: Any) -> None:
    """The mark of what was not set lost its identity in a pickle, and went onto the wire."""
    script = Script(job("IN_QUEUE"))
    endpoint = driver.endpoint(script)
    model = twin(JobRequest(input_=1, policy=ExecutionPolicy(ttl=60_000)))
    driver.call(lambda: endpoint.run(model))
    assert json.loads(script.last.content) == {"input": 1, "policy": {"ttl": 60_000}}


@pytest.mark.parametrize(
    ("missing", "ask"),
    [
        ("id", lambda endpoint: endpoint.run(input=1)),
        ("status", lambda endpoint: endpoint.status(JOB)),
    ],
    ids=["id", "status"],
)
def test_o8_a_required_field_that_is_missing(driver: Driver, missing: str, ask: Any) -> None:
    """A field that was missing was a KeyError."""
    body = {"id": JOB, "status": "COMPLETED"}
    del body[missing]
    endpoint = driver.endpoint(Script(answer(body)))
    with pytest.raises(APIResponseValidationError, match=missing):
        driver.call(lambda: ask(endpoint))


@pytest.mark.parametrize("code", [200, 400, 418, 502])
@pytest.mark.parametrize("content", [PAGE, "y" * 50_000, json.dumps({"detail": "z" * 50_000})])
def test_o9_a_message_does_not_hold_the_body(driver: Driver, code: int, content: str) -> None:
    """The whole body was part of the message."""
    endpoint = driver.endpoint(Script(answer(content, code)), max_retries=0)
    with pytest.raises((APIStatusError, APIResponseValidationError)) as caught:
        driver.call(lambda: endpoint.status(JOB))
    assert len(str(caught.value)) < 1_000
    assert len(str(caught.value.body)) >= 20_000


def test_o10_one_pool_for_all_threads() -> None:
    """The pool was made on first use without a lock: threads made several, and leaked them."""
    connected = threading.Semaphore(0)
    ended = threading.Semaphore(0)
    many = 16

    def serve(connection: Any, _: bytes) -> None:
        connected.release()
        reply = http_answer({"jobs": {}, "workers": {}}).replace(b"connection: close\r\n", b"")
        connection.sendall(reply)
        while read_request(connection):
            connection.sendall(reply)
        ended.release()

    barrier = threading.Barrier(many)

    def ask() -> None:
        barrier.wait(30)
        client.endpoint("ep").health(timeout=60)

    with SocketServer(serve) as server:
        client = SyncRunpod(KEY, base_url=server.base_url)
        threads = [threading.Thread(target=ask) for _ in range(many)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        client.close()
        made = 0
        while connected.acquire(blocking=False):
            made += 1
        assert 1 <= made <= many
        assert all(ended.acquire(timeout=10) for _ in range(made))


@in_no_time
def test_o10_there_are_retries_and_streams(driver: Driver) -> None:
    """The generated client sends nothing again, and knows no stream."""
    script = Script(problem(503), chunks("COMPLETED", 1), chunks("COMPLETED"))
    assert len(driver.take(driver.endpoint(script).stream(JOB))) == 1
    script = Script(problem(502), job())
    endpoint = driver.endpoint(script)
    assert driver.call(lambda: endpoint.status(JOB)).completed
