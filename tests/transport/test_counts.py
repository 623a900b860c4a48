"""
Numbers that are the same on every machine.

The number of requests and connections for a job, the number of copies of a body in memory, and
the modules that a client imports.
"""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import ssl
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from runpod_sdk import AsyncRunpod
from tests.transport.conftest import Way
from tests.transport.server import Server, Visit, good

QUEUED = b'{"id": "j1", "status": "IN_QUEUE"}'


def operations(server: Server) -> list[str]:
    """Return the names of the requested operations, in order."""
    return [
        visit.text.split(b" ")[1].decode().split("?")[0].split("/")[3] for visit in server.visits
    ]


def long_poll(visit: Visit) -> bool:
    """Respond to a submission at once, and to a long poll with the job's terminal state."""
    first = b"/run HTTP" in visit.text or b"/runsync" in visit.text
    return visit.say(QUEUED) if first else visit.say()


def test_a_job_is_two_requests(way: Way) -> None:
    """`run` and `wait` send one request each, and `run_sync` of a longer job sends two."""
    with Server(long_poll) as server:
        endpoint = way.client(base_url=server.base_url).endpoint("ep")
        job = way.call(lambda: endpoint.run(input=1))
        way.call(lambda: job.wait())
        way.call(lambda: endpoint.run_sync(input=1))
    assert operations(server) == ["run", "status-sync", "runsync", "status-sync"]


def test_a_short_job_is_one_request(way: Way) -> None:
    """`run_sync` of a job that ends within a second needs one request."""
    with Server(lambda visit: visit.say()) as server:
        endpoint = way.client(base_url=server.base_url).endpoint("ep")
        way.call(lambda: endpoint.run_sync(input=1))
    assert operations(server) == ["runsync"]


@pytest.mark.parametrize("transport", ["anyio", "aiohttp"])
def test_two_hundred_jobs_at_twenty_at_once(transport: str) -> None:
    """Jobs take two requests each, and at most as many connections as concurrent jobs."""
    if transport == "aiohttp":
        pytest.importorskip("aiohttp")

    async def main(base_url: str) -> None:
        client = AsyncRunpod(
            "key-of-a-test",
            base_url=base_url,
            rate_limits=False,
            transport="aiohttp" if transport == "aiohttp" else "anyio",
        )
        async with client:
            endpoint = client.endpoint("ep")
            jobs = iter(range(200))

            async def work() -> None:
                for number in jobs:
                    job = await endpoint.run(input=number)
                    await job.wait()

            await asyncio.gather(*[work() for _ in range(20)])

    with Server(long_poll) as server:
        asyncio.run(main(server.base_url))
    assert Counter(operations(server)) == {"run": 200, "status-sync": 200}
    assert server.connections <= 20


def objects_with(jobs: int, *, plain: bool) -> int:
    """Return how many objects the garbage collector scans while so many jobs are waited for."""
    released, waiting = threading.Event(), threading.Semaphore(0)

    def hold(visit: Visit) -> bool:
        if b"/run HTTP" in visit.text:
            return visit.say(QUEUED)
        waiting.release()
        return released.wait(10)

    def all_wait() -> int:
        assert all(waiting.acquire(timeout=10) for _ in range(jobs))
        gc.collect()
        return len(gc.get_objects())

    async def by_map(base_url: str) -> int:
        async with AsyncRunpod(
            "key-of-a-test", base_url=base_url, rate_limits=False, telemetry=False
        ) as client:
            results = client.endpoint("ep").map(range(jobs), concurrency=jobs)
            taking = asyncio.ensure_future(anext(results))
            try:
                return await asyncio.to_thread(all_wait)
            finally:
                taking.cancel()
                await asyncio.wait([taking])

    with Server(hold) as server, ExitStack() as stack:
        stack.callback(released.set)
        if not plain:
            return asyncio.run(by_map(server.base_url))
        for _ in range(jobs):
            address = "127.0.0.1", urlsplit(server.base_url).port
            sock = stack.enter_context(socket.create_connection(address))
            sock.sendall(b"GET /v2/ep/status-sync/j1 HTTP/1.1\r\n\r\n")
        return all_wait()


ROOT = Path(__file__).parents[2]
FEW, MANY = 10, 40
COUNT_OBJECTS = f"""
from tests.transport.test_counts import objects_with
ours, servers = (
    objects_with({MANY}, plain=plain) - objects_with({FEW}, plain=plain) for plain in (False, True)
)
print(ours - servers)
"""


def test_objects_of_a_waiting_job() -> None:
    """
    They are few: the garbage collector scans them again and again with thousands in flight.

    They are counted in a new process. Where tests have given many different attributes to objects
    of a class, each of its objects has a dict of its own.
    """
    command = [sys.executable, "-c", COUNT_OBJECTS]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    assert 0 < int(done.stdout) / (MANY - FEW) < 62


SIZE = 4 * 2**20
LARGE = b'{"id": "j1", "status": "COMPLETED", "output": "' + b"x" * SIZE + b'"}'


def copies(way: Way, call: Callable[[], Any]) -> float:
    """Return the largest number of copies of a body of `SIZE` in memory during *call*."""
    way.call(call)
    tracemalloc.start()
    try:
        way.call(call)
        return tracemalloc.get_traced_memory()[1] / SIZE
    finally:
        tracemalloc.stop()


def test_copies_of_an_answer(way: Way) -> None:
    """There are three copies: the bytes, their text, and the value."""
    with Server(lambda visit: visit.say(LARGE)) as server:
        endpoint = way.client(base_url=server.base_url).endpoint("ep")
        assert copies(way, lambda: endpoint.status("j1")) < 3.2


def test_copies_of_a_request(way: Way) -> None:
    """There is one, the bytes; the server, in the same process, has two."""
    text = "x" * SIZE
    with Server(lambda visit: visit.say()) as server:
        endpoint = way.client(base_url=server.base_url).endpoint("ep")
        assert copies(way, lambda: endpoint.run(input=text)) < 3.1


def loaded(code: str) -> set[str]:
    """Return the modules that *code* imports in a new interpreter."""
    script = f"{code}; import json, sys; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-I", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


HTTPX = {"httpx", "httpcore", "click", "rich"}
"""httpx, and what it imports, with its command line."""
HEAVY = {"asyncio", "email", "ssl", "socket", "attr", "anyio", "httpx", "httpcore", "h11"}
API = {"runpod_serverless_api", "runpod_sdk.models"}
CLIENTS = {
    "Runpod": {"asyncio", "logging", "anyio", "aiohttp", "trio", *HTTPX, *API},
    "AsyncRunpod": {"asyncio", "anyio", "h11", "aiohttp", *HTTPX, *API},
}


def test_what_the_package_loads() -> None:
    """It imports nothing heavy: names are loaded on first use."""
    ours = loaded("import runpod_sdk") - loaded("pass")
    assert not ours & HEAVY
    assert len(ours) <= 45


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_client_loads(client: str) -> None:
    """It imports what it needs to connect, and the API only with an endpoint."""
    ours = loaded(f"import runpod_sdk; runpod_sdk.{client}('key-of-a-test')")
    assert not ours & CLIENTS[client]


FIRST_RESULTS = """
import json, socket, sys

look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: look_up("127.0.0.1", *rest, **more)

from runpod_sdk import AsyncRunpod, Runpod

KEY = "key-of-a-test"
clients = [Runpod(KEY, base_url=url) for url in sys.argv[1:]]
results = [client.endpoint("ep").run_sync(input=1).output for client in clients]
modules = [sorted(sys.modules)]

import asyncio

async def main():
    for url in sys.argv[1:]:
        async with AsyncRunpod(KEY, base_url=url) as client:
            results.append((await client.endpoint("ep").run_sync(input=1)).output)

asyncio.run(main())
print(json.dumps([results, *modules, sorted(sys.modules)]))

# Later, the program imports httpx: a mock is seen, and a client of httpx is used.
from unittest import mock
import httpx

with mock.patch("httpx.HTTPTransport.handle_request", side_effect=ZeroDivisionError):
    try:
        clients[0].endpoint("ep").health()
    except ZeroDivisionError:
        print("mocked")
http_client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(418)))
for client in (Runpod(KEY, http_client=http_client), clients[0]):
    try:
        print(client.endpoint("ep").status("j1").output)
    except Exception as error:
        print(type(error).__name__, error.status_code)
"""


def test_what_a_first_result_loads(tmp_path: Path) -> None:
    """
    Results of each client over HTTP and HTTPS need nothing of httpx, and under asyncio no anyio;
    those of the sync client need neither asyncio nor logging.

    A mock of httpx that starts afterwards is seen, and a client of httpx can be passed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = Path(__file__).with_name("certificate.pem")
    context.load_cert_chain(certificate)
    script = tmp_path / "first_results.py"
    script.write_text(FIRST_RESULTS, encoding="utf-8")
    with Server(good) as plain, Server(good, context) as encrypted:
        port = encrypted.base_url.split("/")[2].partition(":")[2]
        done = subprocess.run(
            [sys.executable, script, plain.base_url, f"https://api.test:{port}/v2"],
            capture_output=True,
            text=True,
            check=True,
            env={"SSL_CERT_FILE": str(certificate)},
        )
    first, *later = done.stdout.splitlines()
    results, after_sync, after_both = json.loads(first)
    assert results == [1, 1, 1, 1]
    assert not {"asyncio", "logging"} & set(after_sync)
    assert not {"anyio", *HTTPX} & set(after_both)
    assert later == ["mocked", "APIStatusError 418", "1"]
    assert (plain.connections, encrypted.connections) == (2, 2)
