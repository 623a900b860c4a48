"""Closing a client ends all its calls at once, with an error that says so."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from runpod_sdk import (
    AsyncRunpod,
    ClientClosedError,
    Runpod,
    StreamInterruptedError,
    SubmissionUncertainError,
)
from tests.transport.conftest import Way
from tests.transport.server import Server, Visit, good
from tests.transport.test_addresses import silent

__all__ = ["silent"]

MESSAGE = "the client was closed"
IN_QUEUE = b'{"id": "j1", "status": "IN_QUEUE"}'


def quiet(visit: Visit) -> bool:
    """Send no response."""
    visit.sock.recv(1)
    return False


def ended(way: Way, client: Any, call: Future[Any]) -> BaseException:
    """Close *client*, and return the error of *call*."""
    way.call(lambda: way.close(client))
    error = call.exception(10)
    assert error is not None
    assert MESSAGE in str(error)
    return error


def test_a_stream(way: Way) -> None:
    """The pending response is lost with the connection, and the stream reports it."""
    asked = threading.Event()

    def say(visit: Visit) -> bool:
        asked.set()
        return quiet(visit)

    with Server(say) as server, ThreadPoolExecutor(1) as pool:
        client = way.client(base_url=server.base_url)
        stream = client.endpoint("ep").stream("j1")
        call = pool.submit(way.next, stream)
        assert asked.wait(10)
        assert type(ended(way, client, call)) is StreamInterruptedError


@pytest.mark.parametrize("operation", ["status", "run", "wait"])
def test_a_callers_client(way: Way, operation: str) -> None:
    """The `http_client` stays open, but this client's calls end; later calls are refused."""
    if way.mode == "aiohttp":
        pytest.skip("it is no client of httpx")
    asked = threading.Event()

    def say(visit: Visit) -> bool:
        asked.set()
        return quiet(visit)

    asks: dict[str, Callable[[Any], Any]] = {
        "status": lambda endpoint: endpoint.status("j1", timeout=None),
        "run": lambda endpoint: endpoint.run(input=1, timeout=None),
        "wait": lambda endpoint: endpoint.wait("j1"),
    }
    cls: Any = httpx.AsyncClient if way.is_async else httpx.Client
    with Server(say) as server, ThreadPoolExecutor(1) as pool:
        http_client = cls(trust_env=False, verify=False)
        client = way.client(base_url=server.base_url, http_client=http_client)
        endpoint = client.endpoint("ep")
        call = pool.submit(way.call, lambda: asks[operation](endpoint))
        assert asked.wait(10)
        error = ended(way, client, call)
        uncertain = operation == "run"
        assert type(error) is (SubmissionUncertainError if uncertain else ClientClosedError)
        assert not http_client.is_closed
        with pytest.raises(ClientClosedError, match="closed"):
            way.call(lambda: endpoint.status("j1"))
        way.call(http_client.aclose if way.is_async else http_client.close)


def test_a_callers_client_that_was_closed(way: Way) -> None:
    """An `http_client` that the caller has closed is named in the same error."""
    if way.mode == "aiohttp":
        pytest.skip("it is no client of httpx")
    http_client: Any = (httpx.AsyncClient if way.is_async else httpx.Client)(
        trust_env=False, verify=False
    )
    client = way.client(base_url="http://127.0.0.1:9/v2", http_client=http_client)
    way.call(http_client.aclose if way.is_async else http_client.close)
    with pytest.raises(ClientClosedError, match="http_client is closed"):
        way.call(lambda: client.endpoint("ep").run(input=1))


def test_while_connecting(way: Way, silent: int) -> None:
    """Nothing was sent."""
    with ThreadPoolExecutor(1) as pool:
        client = way.client(base_url=f"http://127.0.0.1:{silent}/v2")
        begun = threading.Event()

        def ask() -> Any:
            begun.set()
            return client.endpoint("ep").run(input=1, timeout=None)

        call = pool.submit(way.call, ask)
        assert begun.wait(10)
        time.sleep(0.05)
        assert type(ended(way, client, call)) is ClientClosedError


def test_while_a_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging resolver delays neither the call nor `close`."""
    asked, answer = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> Any:
        asked.set()
        answer.wait(60)
        raise OSError("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with ThreadPoolExecutor(1) as pool:
        client = Runpod("key-of-a-test", base_url="http://api.test/v2")
        call = pool.submit(client.endpoint("ep").status, "j1", timeout=None)
        assert asked.wait(10)
        client.close()
        try:
            with pytest.raises(ClientClosedError, match=MESSAGE):
                call.result(10)
        finally:
            answer.set()


@pytest.mark.parametrize("transport", ["direct", "httpx"])
def test_in_a_signal_handler(transport: Any) -> None:
    """It waits for no lock of the code that it interrupts, a call or another `close`."""

    def close(*_: object) -> None:
        client.close()

    def trace(*_: object) -> None:
        if next(calls, None) is None:
            sys.settrace(None)
            signal.raise_signal(signal.SIGUSR1)

    old = signal.signal(signal.SIGUSR1, close)
    try:
        with Server(good) as server:
            for count in range(1, 600, 20):
                client = Runpod("key-of-a-test", base_url=server.base_url, transport=transport)
                endpoint = client.endpoint("ep")
                for method in (partial(endpoint.status, "j1"), client.close):
                    calls = iter(range(count))
                    sys.settrace(trace)
                    try:
                        with suppress(ClientClosedError):
                            method()
                    finally:
                        sys.settrace(None)
                with pytest.raises(ClientClosedError):
                    endpoint.status("j1")
    finally:
        signal.signal(signal.SIGUSR1, old)


def test_between_polls(way: Way) -> None:
    """A pause ends, too, and the error says so."""
    asked = threading.Event()

    def say(visit: Visit) -> bool:
        asked.set()
        return visit.say(IN_QUEUE)

    with Server(say) as server, ThreadPoolExecutor(1) as pool:
        client = way.client(base_url=server.base_url)
        call = pool.submit(way.call, lambda: client.endpoint("ep").wait("j1"))
        assert asked.wait(10)
        time.sleep(0.05)  # in the pause, or a next request, which is refused as any new one
        assert type(ended(way, client, call)) is ClientClosedError


CLIENTS = pytest.mark.parametrize("callers", [False, True], ids=["own", "callers"])


@CLIENTS
def test_in_the_queue_of_a_rate_limit(callers: bool) -> None:
    """A call that waits for the rate limit ends, and its slot is free."""
    full = threading.Semaphore(0)

    def say(visit: Visit) -> bool:
        full.release()
        return quiet(visit)

    http_client = httpx.Client(trust_env=False) if callers else None
    with Server(say) as server, ThreadPoolExecutor(21) as pool:
        client = Runpod("key-of-a-test", base_url=server.base_url, http_client=http_client)
        endpoint = client.endpoint("ep")
        calls = [pool.submit(endpoint.cancel, f"j{n}", timeout=None) for n in range(10)]
        for _ in range(10):  # the burst
            assert full.acquire(timeout=10)
        late = pool.submit(endpoint.cancel, "late", timeout=None)
        client.close()
        for call in (*calls, late):
            with pytest.raises(ClientClosedError, match=MESSAGE):
                call.result(10)
        if http_client is not None:
            http_client.close()


@CLIENTS
def test_a_map(callers: bool) -> None:
    """The results of jobs in progress say that the client was closed; no thread is left."""
    asked = threading.Semaphore(0)

    def say(visit: Visit) -> bool:
        asked.release()
        return quiet(visit)

    http_client = httpx.Client(trust_env=False) if callers else None
    threads = threading.active_count()
    with Server(say) as server, ThreadPoolExecutor(1) as pool:
        client = Runpod("key-of-a-test", base_url=server.base_url, http_client=http_client)
        results = client.endpoint("ep").map(range(3), concurrency=3)
        call = pool.submit(list, results)
        for _ in range(3):
            assert asked.acquire(timeout=10)
        client.close()
        found: Any = call.result(10)
        assert [type(result.error) for result in found] == [SubmissionUncertainError] * 3
        assert MESSAGE in str(found[0].error)
        with pytest.raises(ClientClosedError, match="closed"):
            client.endpoint("ep").map([1])
        if http_client is not None:
            http_client.close()
    assert threading.active_count() <= threads


def test_an_async_map(way: Way) -> None:
    """The same of the async client, on its own loop."""
    if not way.is_async:
        pytest.skip("above")
    asked = threading.Semaphore(0)

    def say(visit: Visit) -> bool:
        asked.release()
        return quiet(visit)

    async def main(client: AsyncRunpod) -> list[Any]:
        results = client.endpoint("ep").map(range(3), concurrency=3)
        found: list[Any] = []

        async def take() -> None:
            found.extend([result async for result in results])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take)
            for _ in range(3):
                assert await anyio.to_thread.run_sync(asked.acquire, True, 10)
            await client.aclose()
        return found

    with Server(say) as server:
        client = way.client(base_url=server.base_url)
        found = way.call(lambda: main(client))
    assert [type(result.error) for result in found] == [SubmissionUncertainError] * 3
