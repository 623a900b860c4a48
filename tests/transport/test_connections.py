"""Connections: when they are reused, when not, and what they may transfer."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import httpcore
import httpx
import pytest

from runpod_sdk import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    AsyncRunpod,
    ClientClosedError,
    NotFoundError,
    Runpod,
    RunpodError,
    StreamInterruptedError,
    SubmissionUncertainError,
)
from tests.transport.conftest import Way
from tests.transport.server import GOOD, Say, Server, Visit, good

LARGE = b'{"id": "j1", "status": "COMPLETED", "output": "' + b"x" * 3_000_000 + b'"}'


def endpoint_of(way: Way, server: Server, **options: Any) -> Any:
    """Create a client of *server*, and its endpoint."""
    return way.client(base_url=server.base_url, **options).endpoint("ep")


def test_one_connection_for_one_call_after_another(way: Way) -> None:
    """Each call uses the connection of the previous call, for all operations."""
    with Server(good) as server:
        endpoint = endpoint_of(way, server)
        for _ in range(10):
            way.call(lambda: endpoint.status("j1"))
            way.call(lambda: endpoint.run(input={"some": "input"}))
    assert len(server.visits) == 20
    assert server.connections == 1


def test_as_many_connections_as_calls_at_once() -> None:
    """Threads share connections: there are at most as many as concurrent calls."""
    with Server(good) as server, Runpod("key-of-a-test", base_url=server.base_url) as client:
        endpoint = client.endpoint("ep")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: endpoint.status("j1"), range(200)))
    assert len(server.visits) == 200
    assert 1 <= server.connections <= 8


ASKS: dict[str, Callable[[Any], Any]] = {
    "run": lambda endpoint: endpoint.run(input=1),
    "status": lambda endpoint: endpoint.status("j1"),
}


class Closing:
    """Responds, and closes each connection."""

    def __init__(self) -> None:
        self._closed = threading.Semaphore(0)

    def say(self, visit: Visit) -> bool:
        visit.say()
        visit.sock.shutdown(socket.SHUT_RDWR)
        self._closed.release()
        return False

    def wait(self) -> None:
        """Wait, on an event loop too, until one more connection is closed."""
        assert self._closed.acquire(timeout=10)


@pytest.mark.parametrize("operation", ASKS)
def test_a_connection_that_the_server_closed(way: Way, operation: str) -> None:
    """The close is seen before a request is sent, so no request is lost and no job sent twice."""
    closing = Closing()
    with Server(closing.say) as server:
        endpoint = endpoint_of(way, server, max_retries=0)
        for _ in range(4):
            assert way.call(lambda: ASKS[operation](endpoint)).id == "j1"
            closing.wait()
    assert len(server.visits) == server.connections == 4


@pytest.mark.parametrize("operation", ASKS)
def test_a_connection_that_the_server_closed_meanwhile(way: Way, operation: str) -> None:
    """Nor if the event loop was busy at that time, and has not yet heard of it."""
    if not way.is_async:
        pytest.skip("it has no event loop")
    closing = Closing()

    async def ask_and_wait(endpoint: Any) -> None:
        for _ in range(4):
            assert (await ASKS[operation](endpoint)).id == "j1"
            closing.wait()

    with Server(closing.say) as server:
        endpoint = endpoint_of(way, server, max_retries=0)
        way.call(lambda: ask_and_wait(endpoint))
    assert len(server.visits) == server.connections == 4


def test_a_server_that_wants_no_more(way: Way) -> None:
    """`Connection: close` closes the connection."""
    with Server(lambda visit: visit.say(GOOD, "connection: close")) as server:
        endpoint = endpoint_of(way, server)
        for _ in range(3):
            way.call(lambda: endpoint.status("j1"))
    assert [visit.turn for visit in server.visits] == [1, 1, 1]


def test_a_redirect_and_a_cookie(way: Way) -> None:
    """Neither the key nor the request goes to another server, and no cookie is sent back."""
    with Server(good) as other:
        fields = ["set-cookie: session=1; path=/", f"location: {other.base_url}/ep/status/j1"]
        with Server(lambda visit: visit.say(GOOD, *fields, status="302 Found")) as server:
            endpoint = endpoint_of(way, server, max_retries=0)
            for _ in range(2):
                with pytest.raises(APIStatusError):
                    way.call(lambda: endpoint.status("j1"))
    assert other.visits == []
    assert len(server.visits) == 2
    assert b"\r\ncookie:" not in server.visits[1].text.lower()


def test_a_stream_on_a_kept_connection_that_breaks(way: Way) -> None:
    """The request is not sent again: its response may have contained chunks."""
    with Server(lambda visit: visit.turn == 1 and visit.say()) as server:
        endpoint = endpoint_of(way, server, max_retries=0)
        way.call(lambda: endpoint.status("j1"))
        with pytest.raises(StreamInterruptedError):
            way.take(endpoint.stream("j1"))
    assert [b"/stream/" in visit.text for visit in server.visits] == [False, True, False]


@pytest.mark.parametrize("used", [False, True])
def test_a_client_that_was_closed_before(way: Way, used: bool) -> None:
    """It sends nothing, whether it was used or not."""
    with Server(good) as server:
        endpoint = endpoint_of(way, server)
        ask = lambda: way.call(lambda: endpoint.status("j1"))  # noqa: E731
        if used:
            ask()
        way.call(endpoint.client.aclose if way.is_async else endpoint.client.close)
        with pytest.raises(ClientClosedError, match="nothing was sent"):
            ask()
    assert len(server.visits) == used


def test_what_comes_behind_an_answer_is_not_the_next_one(way: Way) -> None:
    """An unsolicited response after another response is never used as a response."""
    false = b'{"id": "false", "status": "COMPLETED"}'
    extra = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(false), false)

    def say(visit: Visit) -> bool:
        visit.sock.sendall(
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s%s" % (len(GOOD), GOOD, extra)
        )
        return True

    with Server(say) as server:
        endpoint = endpoint_of(way, server, max_retries=0)
        for _ in range(3):
            try:
                assert way.call(lambda: endpoint.status("j1")).id == "j1"
            except APIConnectionError:
                assert way.mode == "aiohttp"  # which treats it as a server error


def test_a_connection_that_carried_the_answer_to_another_request(way: Way) -> None:
    """It is not reused: else each response would belong to the previous request."""

    def say(visit: Visit) -> bool:
        asked = visit.text.split(b" ")[1].rsplit(b"/", 1)[1]
        answers = before.setdefault(visit.connection, [b"j0"])
        answers.append(asked)
        return visit.say(GOOD.replace(b"j1", answers[-2] if visit.connection == 1 else asked))

    before: dict[int, list[bytes]] = {}
    with Server(say) as server:
        endpoint = endpoint_of(way, server)
        with pytest.raises(APIResponseValidationError, match="another job"):
            way.call(lambda: endpoint.status("j1"))
        assert way.call(lambda: endpoint.status("j2")).id == "j2"
        assert way.call(lambda: endpoint.cancel("j3")).id == "j3"
    assert server.connections == 2


@pytest.mark.parametrize(
    "headers",
    [[f"x-{n}: {n}" for n in range(150)], ["x-long: " + "a" * 9_000], ["x: " + "a" * 60_000]],
    ids=["150", "long", "very long"],
)
def test_an_answer_with_many_headers(way: Way, headers: list[str]) -> None:
    """Gateways add headers; the response is read, and its job is not lost."""
    with Server(lambda visit: visit.say(GOOD, *headers)) as server:
        endpoint = endpoint_of(way, server)
        assert way.call(lambda: endpoint.run(input=1)).id == "j1"


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_an_answer_that_can_not_be_unpacked(way: Way, coding: str) -> None:
    """Its connection is not reused, because it may have other errors."""

    def say(visit: Visit) -> bool:
        bad = visit.connection == 1
        return visit.say(GOOD, *([f"content-encoding: {coding}"] if bad else []))

    with Server(say) as server:
        endpoint = endpoint_of(way, server, max_retries=0)
        with pytest.raises(APIConnectionError):
            way.call(lambda: endpoint.status("j1"))
        assert way.call(lambda: endpoint.status("j1")).id == "j1"
    assert [visit.turn for visit in server.visits] == [1, 1]


def test_a_server_that_sends_without_end(way: Way) -> None:
    """Unsolicited data is not stored, because it may be of any size."""
    if way.mode == "aiohttp":
        pytest.skip("aiohttp has its own mind about it")
    done, sent = threading.Event(), threading.Semaphore(0)
    rests: list[int] = []

    def say(visit: Visit) -> bool:
        visit.say()
        assert done.wait(10)
        done.clear()
        visit.sock.settimeout(0.15)
        pieces = iter(range(1_000))
        with contextlib.suppress(OSError):
            for _ in pieces:
                visit.sock.sendall(b"x" * 100_000)
        rests.append(len(list(pieces)))
        sent.release()
        return False

    with Server(say) as server:
        endpoint = endpoint_of(way, server, max_retries=0)
        for _ in range(2):
            assert way.call(lambda: endpoint.status("j1")).id == "j1"
            done.set()
            assert sent.acquire(timeout=10)
    assert server.connections == 2
    assert min(rests) > 500


def in_chunks(visit: Visit) -> bool:
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, GOOD[n : n + 1]) for n in range(len(GOOD)))
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    visit.sock.sendall(head + chunks + b"0\r\ntrailer: x\r\n\r\n")
    return True


def until_the_end(visit: Visit) -> bool:
    visit.sock.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + GOOD)
    return False


def after_others(visit: Visit) -> bool:
    visit.sock.sendall(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n")
    return visit.say()


FORMS: dict[str, Say] = {
    "in chunks": in_chunks,
    "until the end": until_the_end,
    "after interim ones": after_others,
    "packed": lambda visit: visit.say(gzip.compress(GOOD), "content-encoding: gzip"),
    "packed, spelled otherwise": lambda v: v.say(gzip.compress(GOOD), "Content-Encoding: GZip"),
    "large": lambda visit: visit.say(LARGE),
    "large and packed": lambda visit: visit.say(gzip.compress(LARGE), "content-encoding: gzip"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_answer(way: Way, form: str) -> None:
    """For each HTTP framing and encoding, the response is the same, also the next time."""
    with Server(FORMS[form]) as server:
        endpoint = endpoint_of(way, server)
        for _ in range(2):
            state = way.call(lambda: endpoint.status("j1"))
            assert state.output == (1 if "large" not in form else "x" * 3_000_000)


BROKEN: dict[str, Say] = {
    "packed and cut short": lambda v: v.say(gzip.compress(LARGE)[:-9], "content-encoding: gzip"),
    "not what it is said to be": lambda visit: visit.say(GOOD, "content-encoding: gzip"),
    "packed as nobody asked": lambda visit: visit.say(GOOD, "content-encoding: br"),
    "packed twice": lambda visit: visit.say(GOOD, "content-encoding: gzip, gzip"),
}


@pytest.mark.parametrize("form", BROKEN)
def test_a_body_that_can_not_be_unpacked(way: Way, form: str) -> None:
    """It is not a response: the job may exist, and is not submitted again."""
    with Server(BROKEN[form]) as server:
        endpoint = endpoint_of(way, server)
        with pytest.raises(SubmissionUncertainError):
            way.call(lambda: endpoint.run(input=1))
    assert len(server.visits) == 1


def test_a_large_request(way: Way) -> None:
    """Three megabytes are sent completely, and the connection is reused."""
    with Server(good) as server:
        endpoint = endpoint_of(way, server)
        for _ in range(2):
            way.call(lambda: endpoint.run(input="x" * 3_000_000))
    assert {len(visit.text.partition(b"\r\n\r\n")[2]) for visit in server.visits} == {3_000_012}
    assert server.connections == 1


@pytest.mark.parametrize("transport", ["anyio", "aiohttp"])
def test_a_call_that_was_cancelled_leaves_no_connection(transport: Any) -> None:
    """Its response may still arrive; no other call may receive it."""
    if transport == "aiohttp":
        pytest.importorskip("aiohttp")
    asked = threading.Event()
    go_on = threading.Event()

    def say(visit: Visit) -> bool:
        if b"/slow" in visit.text:
            asked.set()
            go_on.wait(10)
            return visit.say(b'{"id": "slow", "status": "COMPLETED"}')
        return visit.say()

    async def main(server: Server) -> None:
        options: Any = {"base_url": server.base_url, "transport": transport}
        async with AsyncRunpod("key-of-a-test", **options) as client:
            endpoint = client.endpoint("ep")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(endpoint.status, "slow")
                await anyio.to_thread.run_sync(asked.wait, 10)
                tasks.cancel_scope.cancel()
            go_on.set()
            for _ in range(3):
                assert (await endpoint.status("j1")).id == "j1"

    with Server(say) as server:
        anyio.run(main, server)
    assert server.connections == 2


@pytest.mark.parametrize("operation", ["status", "wait", "run"])
def test_a_client_that_is_closed_during_a_call(way: Way, operation: str) -> None:
    """The call ends at once with an error that says so; a submission may have been accepted."""
    asked, ended = threading.Event(), threading.Event()

    def say(visit: Visit) -> bool:
        asked.set()
        if visit.sock.recv(1) == b"":
            ended.set()
        return False

    asks: dict[str, Callable[[Any], Any]] = {
        "status": lambda endpoint: endpoint.status("j1", timeout=None),
        "wait": lambda endpoint: endpoint.wait("j1"),
        "run": lambda endpoint: endpoint.run(input=1, timeout=None),
    }
    expected = SubmissionUncertainError if operation == "run" else ClientClosedError
    with Server(say) as server, ThreadPoolExecutor(1) as pool:
        client = way.client(base_url=server.base_url)
        endpoint = client.endpoint("ep")
        call = pool.submit(way.call, lambda: asks[operation](endpoint))
        assert asked.wait(10)
        way.call(lambda: way.close(client))
        with pytest.raises(expected, match="the client was closed") as caught:
            call.result(10)
        assert type(caught.value) is expected
        assert ended.wait(10)
    assert len(server.visits) == 1


def test_errors_leave_the_connection_as_it_is(way: Way) -> None:
    """A refusal keeps the connection, like any other response."""
    with Server(lambda visit: visit.say(b"{}", status="404 Not Found")) as server:
        endpoint = endpoint_of(way, server)
        for _ in range(3):
            with pytest.raises(NotFoundError):
                way.call(lambda: endpoint.status("j1"))
    assert server.connections == 1


def test_a_proxy_of_the_environment(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy is used for other machines, as httpx does."""
    with Server(good) as proxy:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.removesuffix("/v2"))
        endpoint = way.client(base_url="http://api.test/v2").endpoint("ep")
        way.call(lambda: endpoint.status("j1"))
    assert proxy.visits[0].text.startswith(b"GET http://api.test/v2/ep/status/j1 HTTP/1.1\r\n")


def test_a_header_that_could_not_be_sent(way: Way) -> None:
    """Invalid HTTP is not sent, and a missing server leaves no uncertainty."""
    endpoint = way.client(base_url="http://127.0.0.1:1/v2", max_retries=0).endpoint("ep")
    with pytest.raises(RunpodError) as caught:
        way.call(lambda: endpoint.run(input=1))
    assert type(caught.value) is APIConnectionError


def test_a_connection_that_another_thread_is_about_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure beside it makes the client of a caller distrust idle connections, but not that."""
    asked, breaks, has_got_it, goes_on, arrived, closed = (threading.Event() for _ in range(6))
    use, close = httpcore.HTTPConnection.handle_request, httpcore.HTTPConnection.close

    def use_late(self: Any, request: Any) -> Any:
        if request.url.target.startswith(b"/v2/late/") and not has_got_it.is_set():
            has_got_it.set()
            goes_on.wait(10)
        return use(self, request)

    def close_late(self: Any) -> None:
        if has_got_it.is_set() and not goes_on.is_set():
            goes_on.set()
            arrived.wait(10)
        close(self)
        closed.set()

    def say(visit: Visit) -> bool:
        if b"/broken/" in visit.text:
            asked.set()
            breaks.wait(10)
            return False
        if b"/late/" in visit.text:
            arrived.set()
            closed.wait(10)
        return visit.say()

    monkeypatch.setattr(httpcore.HTTPConnection, "handle_request", use_late)
    monkeypatch.setattr(httpcore.HTTPConnection, "close", close_late)
    with (
        Server(say) as server,
        httpx.Client(trust_env=False) as http_client,
        Runpod(
            "key-of-a-test", base_url=server.base_url, http_client=http_client, max_retries=0
        ) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        endpoint = client.endpoint("ep")
        broken = pool.submit(client.endpoint("broken").status, "j1")
        assert asked.wait(10)
        endpoint.status("j1")  # on a second connection
        late = pool.submit(client.endpoint("late").status, "j1")
        assert has_got_it.wait(10)
        closed.clear()
        breaks.set()
        assert isinstance(broken.exception(10), APIConnectionError)
        endpoint.status("j1")  # before this, the pool closes what has expired
        for event in (goes_on, closed):
            event.set()
        assert late.result(10).output == 1
        assert server.connections == 2
