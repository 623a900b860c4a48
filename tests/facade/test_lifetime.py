"""Whose connections are closed, and when."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import httpx
import pytest
import trio

from runpod_sdk import (
    APIResponseValidationError,
    AsyncRunpod,
    ClientClosedError,
    Runpod,
    local,
)
from tests.facade.clients import JOB, KEY, Driver, Script, SocketServer, http_answer, job


def test_a_callers_client_is_never_closed(driver: Driver) -> None:
    """Neither by `close` nor at the end of a `with`."""
    http_client = driver.http_client(Script(job()))
    for _ in range(2):
        client = driver.client(http_client=http_client)
        assert driver.call(lambda client=client: client.endpoint("ep").status(JOB)).id == JOB
        driver.call(lambda client=client: driver.close(client))
        assert not http_client.is_closed
    if driver.is_async:

        async def used() -> None:
            async with AsyncRunpod(KEY, http_client=http_client) as client:
                await client.endpoint("ep").status(JOB)

        driver.call(used)
    else:
        with Runpod(KEY, http_client=http_client) as client:
            client.endpoint("ep").status(JOB)
    assert not http_client.is_closed


def test_our_own_connections_are_closed(driver: Driver) -> None:
    """After `close` the server sees the end of the connection."""
    ended = threading.Event()

    def serve(connection: Any, _: bytes) -> None:
        content = http_answer({"id": JOB, "status": "IN_QUEUE"})
        connection.sendall(content.replace(b"connection: close\r\n", b""))
        if connection.recv(1) == b"":
            ended.set()

    with SocketServer(serve) as server:
        client = driver.client(base_url=server.base_url)
        driver.call(lambda: client.endpoint("ep").status(JOB))
        assert not ended.is_set()
        driver.call(lambda: driver.close(client))
        assert ended.wait(10)


def test_a_closed_client_can_not_be_used(driver: Driver) -> None:
    """A client that is closed says so; closing twice, or unused, is no matter."""
    client = driver.client()
    endpoint = client.endpoint("ep")
    for _ in range(2):
        driver.call(lambda: driver.close(client))
    with pytest.raises(ClientClosedError, match="closed"):
        driver.call(lambda: endpoint.status(JOB))


def test_a_context_manager_gives_the_client(driver: Driver) -> None:
    """`with Runpod() as client` is that client, closed at the end, error or not."""
    kept: list[Any] = []

    async def used() -> None:
        async with AsyncRunpod(KEY) as client:
            kept.append(client)
            raise KeyError("mine")

    def blocked() -> None:
        with Runpod(KEY) as client:
            kept.append(client)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        driver.call(used if driver.is_async else blocked)
    with pytest.raises(ClientClosedError, match="closed"):
        driver.call(lambda: kept[0].endpoint("ep").status(JOB))


def test_no_request_before_one_is_asked_for(driver: Driver) -> None:
    """Making clients, endpoints, jobs and streams sends nothing."""
    script = Script(job())
    client = driver.client(http_client=driver.http_client(script))
    handle = client.endpoint("ep").job(JOB)
    handle.stream()
    handle.endpoint.stream(JOB)
    assert script.requests == []


def test_a_connection_is_used_again(driver: Driver) -> None:
    """A client keeps its connection to a server."""
    with local.LocalEndpoint(lambda job: 1) as served:
        client = driver.client(api_key=served.api_key, base_url=served.base_url)
        endpoint = client.endpoint(served.endpoint_id)
        for _ in range(3):
            driver.call(lambda: endpoint.health())
        driver.call(lambda: driver.close(client))
    gc.collect()


@pytest.mark.parametrize("timeout", [1e10, sys.maxsize, 1e300], ids=repr)
def test_a_time_that_no_clock_holds(driver: Driver, timeout: float) -> None:
    """A timeout of centuries is none, though sockets refuse it."""
    with local.LocalEndpoint(lambda job: 1) as served:
        client = driver.client(api_key=served.api_key, base_url=served.base_url, timeout=timeout)
        endpoint = client.endpoint(served.endpoint_id)
        assert driver.call(lambda: endpoint.run_sync(input=1, timeout=timeout)).output == 1
        driver.call(lambda: driver.close(client))


def test_an_async_client_lives_through_event_loops() -> None:
    """One client, several `asyncio.run`: each loop gets its own connections."""

    def serve(connection: Any, _: bytes) -> None:
        connection.sendall(http_answer({"id": JOB, "status": "IN_QUEUE"}))

    async def ask() -> str:
        state = await client.endpoint("ep").status(JOB)
        return state.id

    async def last() -> None:
        async with client:
            await ask()

    with SocketServer(serve) as server:
        client = AsyncRunpod(KEY, base_url=server.base_url)
        assert [asyncio.run(ask()) for _ in range(2)] == [JOB, JOB]
        asyncio.run(last())


def test_trio_as_a_guest_of_asyncio() -> None:
    """Under trio, trio's clock and waits are used, although a loop of asyncio runs too."""

    async def ask(client: AsyncRunpod) -> str:
        async with client:
            state = await client.endpoint("ep").status(JOB, timeout=10)
            return state.id

    async def host(client: AsyncRunpod) -> Any:
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        trio.lowlevel.start_guest_run(
            ask,
            client,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=ended.set_result,
        )
        return (await ended).unwrap()

    def serve(connection: Any, _: bytes) -> None:
        connection.sendall(http_answer({"id": JOB, "status": "IN_QUEUE"}))

    with SocketServer(serve) as server:
        assert asyncio.run(host(AsyncRunpod(KEY, base_url=server.base_url))) == JOB


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_answer_that_is_not_read_to_its_end(backend: str) -> None:
    """Its generator is closed; trio warns of one that the garbage collector finds."""
    body = b'{"id": "j1", "output": "%s"}' % (b"x" * 300_000)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))

    async def ask() -> None:
        async with (
            httpx.AsyncClient(transport=transport) as http_client,
            AsyncRunpod(KEY, http_client=http_client, max_response_size=100_000) as client,
        ):
            with pytest.raises(APIResponseValidationError, match="larger"):
                await client.endpoint("ep").status("j1")

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        anyio.run(ask, backend=backend)
        gc.collect()
    assert [str(warning.message) for warning in seen] == []


def test_one_client_for_many_threads() -> None:
    """The sync client is used from many threads at once, and from within an event loop."""
    with (
        local.LocalEndpoint(lambda job: job["input"], workers=4) as served,
        served.client() as client,
    ):
        endpoint = client.endpoint(served.endpoint_id)
        outputs: list[Any] = []
        threads = [
            threading.Thread(
                target=lambda n=n: outputs.append(endpoint.run_sync(input=n, timeout=60).output)
            )
            for n in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(outputs) == list(range(16))

        async def within() -> Any:
            return endpoint.run_sync(input="in a loop", timeout=60).output

        assert asyncio.run(within()) == "in a loop"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_does_not_wait_for_its_parents_requests() -> None:
    """Twenty cancels may be in progress; the parent's cancels do not count in its child."""
    all_under_way = threading.Barrier(21)

    def serve(connection: Any, request: bytes) -> None:
        if b"/cancel/slow" in request:
            all_under_way.wait(10)
            server.closing.wait(30)
        job_id = "slow" if b"/cancel/slow" in request else "fast"
        connection.sendall(http_answer({"id": job_id, "status": "CANCELLED"}))

    with (
        ThreadPoolExecutor(20) as threads,
        SocketServer(serve) as server,
        Runpod(KEY, base_url=server.base_url, timeout=30) as client,
    ):
        endpoint = client.endpoint("ep")
        answers = [threads.submit(endpoint.cancel, "slow") for _ in range(20)]
        all_under_way.wait(10)
        child = os.fork()
        if not child:
            try:
                os._exit(0 if endpoint.cancel("fast", timeout=5).id == "fast" else 1)
            except BaseException:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        server.closing.set()
        assert {answer.result(30).id for answer in answers} == {"slow"}
