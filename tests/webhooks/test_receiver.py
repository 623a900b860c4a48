"""Receivers, called by a local endpoint: through uvicorn, and through wsgiref."""

from __future__ import annotations

import asyncio
import io
import json
import queue
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx
import pytest
import uvicorn

from runpod_sdk import ClientClosedError, JobState, NotFoundError, RunpodTimeoutError, webhooks
from runpod_sdk.local import Limits, LocalEndpoint
from tests.facade.clients import JOB, MODES, Driver, Routes, driver, problem
from tests.facade.clients import job as answer_job

SECRET = "a secret of some length"
PATIENCE = 20.0
KINDS = ("asgi", "wsgi")


class _Threads(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def get_stderr(self) -> Any:
        return io.StringIO()  # a handler that fails is shown there


class Serving:
    """
    A receiver behind a real server.

    `fault` is what its handler raises, if anything, and `held` what it waits for, once `entered`.
    """

    def __init__(self, kind: str, stack: ExitStack) -> None:
        self.deliveries = queue.Queue[webhooks.Delivery]()
        self.calls = 0
        self.fault: Exception | None = None
        self.entered, self.held = threading.Event(), threading.Event()
        self.held.set()
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        self.receiver = webhooks.Receiver(
            f"http://127.0.0.1:{port}/hook?of=us", SECRET, max_body=2**20
        )
        stop: Callable[[], object]
        if kind == "asgi":
            config = uvicorn.Config(self.receiver.asgi(self._take_async), log_level="critical")
            server = uvicorn.Server(config)
            target: Callable[[], object] = lambda: server.run([listener])  # noqa: E731
            stop = lambda: setattr(server, "should_exit", True)  # noqa: E731
        else:
            listener.close()
            served = make_server(
                "127.0.0.1", port, self.receiver.wsgi(self._take), _Threads, _Silent
            )
            target, stop = lambda: served.serve_forever(0.01), served.shutdown
            stack.callback(served.server_close)
        thread = threading.Thread(target=target)
        thread.start()
        stack.callback(thread.join, PATIENCE)
        stack.callback(stop)
        while kind == "asgi" and not server.started:
            time.sleep(0.01)

    def _take(self, delivery: webhooks.Delivery) -> None:
        self.calls += 1
        self.entered.set()
        assert self.held.wait(PATIENCE)
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.deliveries.put(delivery)

    async def _take_async(self, delivery: webhooks.Delivery) -> None:
        await asyncio.to_thread(self._take, delivery)

    def next(self) -> webhooks.Delivery:
        return self.deliveries.get(timeout=PATIENCE)


@pytest.fixture(scope="module", params=KINDS)
def serving(request: pytest.FixtureRequest) -> Iterator[Serving]:
    with ExitStack() as stack:
        yield Serving(request.param, stack)


def handler(job: dict[str, Any]) -> Any:
    if job["input"] == "fail":
        raise ValueError("as asked")
    return {"of": job["input"]}


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEndpoint]:
    with LocalEndpoint(handler, limits=Limits(webhook_retry_delays=(0, 0))) as local:
        yield local


@pytest.mark.parametrize("given", ["x", "fail"])
def test_a_job_is_delivered(serving: Serving, local: LocalEndpoint, given: str) -> None:
    """What the handler gets is the job's end, its input, and what the URL was signed for."""
    with local.client() as client:
        endpoint = client.endpoint(local.endpoint_id)
        url = serving.receiver.url_for("order-17")
        job = endpoint.run(input=given, webhook=url)
        delivery = serving.next()
        assert delivery.state.id == job.id
        assert delivery.state.succeeded == (given == "x")
        assert delivery.state.output == job.status().output
        assert delivery.input == given
        assert delivery.reference == "order-17"


def test_a_handler_that_fails_is_called_again(serving: Serving, local: LocalEndpoint) -> None:
    """It is answered 500, and the next try is no duplicate."""
    before = serving.calls
    serving.fault = RuntimeError("not now")
    with local.client() as client:
        endpoint = client.endpoint(local.endpoint_id)
        job = endpoint.run(input="again", webhook=serving.receiver.url_for())
        assert serving.next().state.id == job.id
    assert serving.calls == before + 2


def call(url: str, body: Any = None, **options: Any) -> httpx.Response:
    job = {"id": "j", "status": "COMPLETED", "output": 1} if body is None else body
    content = job if isinstance(job, bytes) else json.dumps(job).encode()
    return httpx.post(
        url, content=content, trust_env=False, verify=False, timeout=PATIENCE, **options
    )


def test_how_calls_are_answered(serving: Serving) -> None:
    """The first is taken and handled, the second taken, and others are told what is wrong."""
    url = serving.receiver.url_for()
    old = webhooks.sign_url(url.partition("?")[0], SECRET, now=1.0)
    before = serving.calls
    assert call(url).status_code == 200
    assert call(url).status_code == 200
    assert serving.calls == before + 1
    serving.next()
    assert call(url + "x").status_code == 403
    assert call(url.partition("?")[0]).status_code == 400
    assert call(old).status_code == 410
    assert call(url, b"{").status_code == 400
    assert call(url, b"x" * (2**20 + 1)).status_code == 413
    refused = httpx.get(url, trust_env=False)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert SECRET not in call(url + "x").text
    assert serving.calls == before + 1


def test_a_call_that_comes_while_the_first_is_handled(serving: Serving) -> None:
    """It is not taken: were it, nobody would call again when the first has failed."""
    url, body = serving.receiver.url_for(), {"id": "slow", "status": "COMPLETED"}
    serving.fault = RuntimeError("not now")
    serving.entered.clear()
    serving.held.clear()
    with ThreadPoolExecutor(1) as meanwhile:
        first = meanwhile.submit(call, url, body)
        try:
            assert serving.entered.wait(PATIENCE)
            assert call(url, body).status_code == 503
        finally:
            serving.held.set()
        assert first.result().status_code == 500
    assert call(url, body).status_code == 200
    assert serving.next().state.id == "slow"


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with driver(request.param) as opened:
        yield opened


def wait(mode: Driver, receiver: webhooks.Receiver, job: Any, **options: Any) -> JobState:
    ask: Any = receiver.wait_async if mode.is_async else receiver.wait
    state: JobState = mode.call(lambda: ask(job, **options))
    return state


def told(receiver: webhooks.Receiver, status: str = "COMPLETED") -> None:
    """Call a receiver as RunPod would, once somebody waits."""
    receiver.receive(receiver.url_for(), json.dumps({"id": JOB, "status": status, "output": 1}))


def made() -> webhooks.Receiver:
    return webhooks.Receiver("https://me.test/", SECRET)


def test_the_call_comes_first(mode: Driver, serving: Serving, local: LocalEndpoint) -> None:
    """Who waits is woken by the call, and has asked nobody."""
    client = mode.client(api_key=local.api_key, base_url=local.base_url)
    endpoint = client.endpoint(local.endpoint_id)
    url = serving.receiver.url_for()
    job = mode.call(lambda: endpoint.run(input="first", webhook=url))
    state = wait(mode, serving.receiver, job, timeout=PATIENCE)
    assert state.output == {"of": "first"}
    serving.next()


def test_the_call_wakes_and_nothing_is_asked(mode: Driver) -> None:
    """A call from another thread ends the wait, long before it would ask."""
    asked, receiver = Routes(status=answer_job("IN_PROGRESS")), made()
    job = mode.endpoint(asked).job(JOB)
    timer = threading.Timer(0.05, told, [receiver])
    timer.start()
    assert wait(mode, receiver, job).output == 1
    timer.join()
    assert asked.requests == []


def test_the_call_is_lost(mode: Driver) -> None:
    """Then asking finds it out; what an answer lacks is no reason to give up."""
    polls = [problem(502), answer_job("IN_PROGRESS"), answer_job(output=2)]
    asked = Routes(status=polls)
    job = mode.endpoint(asked, max_retries=0).job(JOB)
    assert wait(mode, made(), job, poll_every=0.01).output == 2
    assert len(asked.requests) == 3


def test_the_call_came_before(mode: Driver) -> None:
    """A call that came before anybody waited has the job asked after at once."""
    asked, receiver = Routes(status=answer_job(output=3)), made()
    told(receiver)
    assert wait(mode, receiver, mode.endpoint(asked).job(JOB)).output == 3
    assert len(asked.requests) == 1


def test_a_job_that_was_retried(mode: Driver) -> None:
    """Its earlier end ends nothing, and is not asked after again and again."""
    asked, receiver = Routes(status=answer_job("IN_QUEUE")), made()
    told(receiver, "FAILED")
    timer = threading.Timer(0.2, told, [receiver])
    timer.start()
    assert wait(mode, receiver, mode.endpoint(asked).job(JOB)).succeeded
    timer.join()
    assert len(asked.requests) == 1


def test_a_call_that_comes_once_more_after_a_retry(mode: Driver) -> None:
    """It has the job asked after, and is not believed."""
    waits = answer_job("IN_QUEUE")
    asked, receiver = Routes(status=[waits, waits, answer_job(output=4)]), made()
    told(receiver, "FAILED")
    timer = threading.Timer(0.2, told, [receiver, "FAILED"])
    timer.start()
    assert wait(mode, receiver, mode.endpoint(asked).job(JOB), poll_every=0.5).output == 4
    timer.join()


def test_the_time_is_up(mode: Driver) -> None:
    """The error has the job, and how it was last seen."""
    asked = Routes(status=answer_job("IN_PROGRESS"))
    job = mode.endpoint(asked).job(JOB)
    with pytest.raises(RunpodTimeoutError, match="still IN_PROGRESS") as caught:
        wait(mode, made(), job, timeout=0.5, poll_every=0.2)
    assert caught.value.job == job


def test_a_job_that_nobody_knows(mode: Driver) -> None:
    """That is no reason to wait on."""
    job = mode.endpoint(Routes()).job(JOB)
    with pytest.raises(NotFoundError, match="page not found"):
        wait(mode, made(), job, poll_every=0.01)


def test_a_client_that_is_closed(mode: Driver) -> None:
    """No later poll can do better, so the wait ends."""
    client = mode.client(http_client=mode.http_client(Routes(status=answer_job("IN_PROGRESS"))))
    job = client.endpoint("ep").job(JOB)
    mode.call(lambda: mode.close(client))
    with pytest.raises(ClientClosedError):
        wait(mode, made(), job, timeout=5, poll_every=0.01)


class Unread(io.RawIOBase):
    """The body of a call that is not worth reading."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("a byte of it was asked for")


def wsgi_answer(receiver: webhooks.Receiver, url: str, body: Any, **environ: Any) -> str:
    """Call the WSGI application; return the status that it answers with."""
    answers: list[str] = []

    def start(status: str, headers: Any, exc_info: Any = None) -> Any:
        answers.append(status[:3])

    query = url.partition("?")[2]
    list(
        receiver.wsgi()(
            {"REQUEST_METHOD": "POST", "QUERY_STRING": query, "wsgi.input": body, **environ}, start
        )
    )
    return answers[0]


def asgi_answer(receiver: webhooks.Receiver, url: str, receive: Any) -> str:
    """Call the ASGI application; return the status that it answers with."""
    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message.get("status"))

    query = url.partition("?")[2].encode()
    scope = {"type": "http", "method": "POST", "query_string": query, "headers": []}
    asyncio.run(receiver.asgi()(scope, receive, send))
    return str(answers[0])


@pytest.mark.parametrize(
    ("url", "status"),
    [
        (made().url_for("a") + "x", "403"),
        (webhooks.sign_url("https://me.test/", "another secret, as long"), "403"),
        (webhooks.sign_url("https://me.test/", SECRET, now=0), "410"),
        ("https://me.test/", "400"),
    ],
    ids=["changed", "another secret", "expired", "not signed"],
)
def test_no_byte_of_a_call_is_read_that_can_not_be_genuine(url: str, status: str) -> None:
    """The proof is in the URL; who has none can't have the process read much."""

    async def receive() -> Any:
        raise AssertionError("a byte of it was asked for")

    assert asgi_answer(made(), url, receive) == status
    for more in ({"CONTENT_LENGTH": str(60 * 2**20)}, {"wsgi.input_terminated": True}):
        assert wsgi_answer(made(), url, Unread(), **more) == status
    with pytest.raises(webhooks.WebhookError) as caught:
        made().check(url)
    assert str(caught.value.status_code) == status


def test_a_url_that_was_signed_is_good() -> None:
    receiver = made()
    receiver.check(receiver.url_for("a"))


class Pieces(io.RawIOBase):
    """A body that comes in pieces, however much is asked for."""

    def __init__(self, body: bytes) -> None:
        self._rest = io.BytesIO(body)

    def read(self, size: int = -1) -> bytes:
        return self._rest.read(min(size, 7))


def test_a_body_of_chunks() -> None:
    """It is taken where the server says that its input has an end, and up to the largest size."""
    body = json.dumps({"id": JOB, "status": "COMPLETED", "output": 1}).encode()
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
    ends = {**chunked, "wsgi.input_terminated": True}
    receiver = webhooks.Receiver("https://me.test/", SECRET, max_body=len(body))
    url = receiver.url_for()
    assert wsgi_answer(receiver, url, Unread(), **chunked) == "411"
    assert wsgi_answer(receiver, url, Pieces(body + b" "), **ends) == "413"
    assert wsgi_answer(receiver, url, Pieces(body[:-1]), **ends) == "400"
    assert wsgi_answer(receiver, url, Pieces(body), **ends) == "200"
    delivered: list[webhooks.Delivery] = []
    receiver = made()
    app = receiver.wsgi(delivered.append)
    environ = {"REQUEST_METHOD": "POST", "QUERY_STRING": receiver.url_for().partition("?")[2]}
    list(app({**environ, **ends, "wsgi.input": io.BytesIO(body)}, lambda *_: lambda _: None))
    assert [delivery.state.output for delivery in delivered] == [1]


def test_a_body_that_comes_in_pieces() -> None:
    """Of a known length, of which no more is read."""
    body = json.dumps({"id": JOB, "status": "COMPLETED"}).encode()
    receiver = made()
    length = {"CONTENT_LENGTH": str(len(body))}
    assert wsgi_answer(receiver, receiver.url_for(), Pieces(body + b"x"), **length) == "200"


def test_a_body_without_end() -> None:
    """No more of it is read than the largest body has, and one piece."""
    receiver = webhooks.Receiver("https://me.test/", SECRET, max_body=1_000)
    read = 0

    async def receive() -> Any:
        nonlocal read
        read += 100
        assert read <= 2_000
        return {"type": "http.request", "body": b" " * 100, "more_body": True}

    assert asgi_answer(receiver, receiver.url_for(), receive) == "413"


def test_a_call_that_comes_again() -> None:
    """`receive` returns a delivery once, and again after it was forgotten."""
    receiver, body = made(), json.dumps({"id": JOB, "status": "COMPLETED"})
    delivery = receiver.receive(receiver.url_for("a"), body)
    assert delivery is not None
    assert receiver.receive(receiver.url_for("b"), body) is None
    receiver.forget(delivery)
    assert receiver.receive(receiver.url_for("c"), body) is not None


def test_a_call_with_a_long_integer() -> None:
    receiver = made()
    body = f'{{"id": "{JOB}", "status": "COMPLETED", "output": {"7" * 5000}}}'
    delivery = receiver.receive(receiver.url_for(), body)
    assert delivery is not None
    assert delivery.state.output % 1000 == 777


def test_mistakes() -> None:
    """A receiver that could sign nothing, or await nothing, says so when it is made."""
    with pytest.raises(ValueError, match="https://"):
        webhooks.Receiver("me.test/hook", SECRET)
    with pytest.raises(ValueError, match="16 bytes"):
        webhooks.Receiver("https://me.test/", "short")

    async def handle(_: webhooks.Delivery) -> None: ...

    with pytest.raises(TypeError, match="coroutine"):
        made().wsgi(handle)
    for serve in (made().wsgi, made().asgi):
        with pytest.raises(TypeError, match="handler must be a function"):
            serve("handle")  # type: ignore[operator]
    assert SECRET not in repr(made())


def test_what_is_no_job_of_this_kind(mode: Driver) -> None:
    """The other client's job, or an id: the message names the way that there is."""
    receiver, job = made(), mode.client().endpoint("ep").job(JOB)
    same: Any = receiver.wait_async if mode.is_async else receiver.wait
    other: Any = receiver.wait if mode.is_async else receiver.wait_async
    of_an_id = r"endpoint.job\(id\) makes one of an id"
    for ask, given, said in (
        (other, job, "for a Job call wait, for an AsyncJob await wait_async"),
        (same, JOB, of_an_id),
        (same, None, of_an_id),
    ):
        asked = ask(given) if ask == receiver.wait_async else None  # a coroutine, to be stepped
        with pytest.raises(TypeError, match=said):
            ask(given) if asked is None else asked.send(None)
    with pytest.raises(TypeError, match="delivery must be the Delivery of a call"):
        receiver.forget(JOB)  # type: ignore[arg-type]


class _SilentStore:
    def add(self, key: str) -> Any: ...

    def discard(self, key: str) -> None: ...


@pytest.mark.parametrize("seen", [set(), {}, [], 5, "", webhooks.Seen], ids=range(6))
def test_a_store_of_another_kind(seen: Any) -> None:
    """A set tells not what is new: each call would be a duplicate."""
    with pytest.raises(TypeError, match=r"seen must be a SeenStore, such as webhooks.Seen\(\)"):
        webhooks.Receiver("https://me.test/", SECRET, seen=seen)


def test_a_store_that_tells_nothing() -> None:
    """No call is lost without a word."""
    receiver = webhooks.Receiver("https://me.test/", SECRET, seen=_SilentStore())
    with pytest.raises(TypeError, match=r"_SilentStore.add\(\) must return whether the key is new"):
        receiver.receive(receiver.url_for(), f'{{"id": "{JOB}", "status": "COMPLETED"}}')
