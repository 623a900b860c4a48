"""Connections that broke while they were idle, because of sleep, a NAT or a VPN."""

from __future__ import annotations

import ctypes
import importlib.util
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from runpod_sdk import RunpodTimeoutError, SubmissionTimeoutError
from tests.transport.conftest import Way
from tests.transport.server import Server, Visit, good

KEPT = 6


class Forgetful:
    """A server whose forgotten connections never respond again."""

    def __init__(self) -> None:
        self.together = threading.Barrier(KEPT)
        self.forgotten = 0
        """Connections up to this number are broken."""

    def say(self, visit: Visit) -> bool:
        if visit.connection <= self.forgotten:
            visit.sock.recv(1)  # until the other side gives up
            return False
        if not self.forgotten:
            self.together.wait(10)  # so that each of the first has a connection of its own
        return visit.say()


@pytest.fixture(params=["own", "callers"])
def callers(request: pytest.FixtureRequest, way: Way) -> bool:
    """Run the test with the client's own connections, and with an `http_client`."""
    if request.param == "callers" and way.mode == "aiohttp":
        pytest.skip("it is no client of httpx")
    return bool(request.param == "callers")


def client_of(way: Way, server: Server, *, callers: bool, **options: Any) -> tuple[Any, Any]:
    """Create a client, and its `http_client`, if it has one."""
    http_client: Any = None
    if callers:
        http_client = (httpx.AsyncClient if way.is_async else httpx.Client)(
            trust_env=False, verify=False
        )
    client = way.client(base_url=server.base_url, http_client=http_client, **options)
    return client, http_client


def close(way: Way, http_client: Any) -> None:
    if http_client is not None:
        way.call(http_client.aclose if way.is_async else http_client.close)


def test_six_dead_connections(way: Way, callers: bool) -> None:
    """After the first broken connection, the next attempt opens a new one."""
    service = Forgetful()
    with Server(service.say) as server, ThreadPoolExecutor(KEPT) as pool:
        client, http_client = client_of(way, server, callers=callers)
        endpoint = client.endpoint("ep")
        ask = lambda _: way.call(lambda: endpoint.status("j1", timeout=10))  # noqa: E731
        list(pool.map(ask, range(KEPT)))
        assert server.connections == KEPT
        service.forgotten = KEPT
        hurried = client.with_options(timeout=0.6).endpoint("ep")  # the same connections
        state = way.call(lambda: hurried.status("j1", timeout=10))
        assert state.completed
        close(way, http_client)
    assert server.connections == KEPT + 1
    assert len(server.visits) == KEPT + 2


@pytest.mark.parametrize(
    ("operation", "expected"),
    [("run", SubmissionTimeoutError), ("stream", RunpodTimeoutError)],
)
def test_what_is_not_sent_again(
    way: Way, callers: bool, operation: str, expected: type[Exception]
) -> None:
    """A submission or a stream on a broken connection is not repeated; the next one succeeds."""
    for seconds in (0.3, 4):  # the machine may stand still for all of the shorter time
        error, server = ask_after_the_loss(way, operation, seconds, callers=callers)
        if len(server.visits) == KEPT + 2:
            break
    assert type(error) is expected
    assert server.connections == KEPT + 1
    assert len(server.visits) == KEPT + 2


def ask_after_the_loss(
    way: Way, operation: str, seconds: float, *, callers: bool
) -> tuple[BaseException, Server]:
    """Return the error of *operation* on a broken connection; then submit a job, on a new one."""
    service = Forgetful()
    with Server(service.say) as server, ThreadPoolExecutor(KEPT) as pool:
        client, http_client = client_of(way, server, callers=callers)
        endpoint = client.endpoint("ep")
        ask = lambda _: way.call(lambda: endpoint.status("j1", timeout=10))  # noqa: E731
        list(pool.map(ask, range(KEPT)))
        service.forgotten = KEPT
        asks: dict[str, Callable[[], Any]] = {
            "run": lambda: way.call(lambda: endpoint.run(input=1, timeout=seconds)),
            "stream": lambda: way.take(endpoint.stream("j1", timeout=seconds)),
        }
        with pytest.raises(RunpodTimeoutError) as caught:
            asks[operation]()
        assert way.call(lambda: endpoint.run(input=1, timeout=10)).id == "j1"
        close(way, http_client)
    return caught.value, server


def unplug(sock: socket.socket) -> None:
    """Let the kernel drop data for *sock*, unacknowledged, as if the machine were off."""
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # of BPF: return 0
    program = struct.pack("HL", 1, ctypes.addressof(drop_all))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


_SO_ATTACH_FILTER = 26


@pytest.mark.skipif(sys.platform != "linux", reason="the option is of Linux")
def test_a_machine_that_is_gone(way: Way) -> None:
    """An unacknowledged request leaves time for another attempt within the client's timeout."""
    if way.mode == "aiohttp":
        pytest.skip("it does not show the connection that a request goes out on")
    with Server(good) as server:
        client = way.client(base_url=server.base_url, timeout=2)
        endpoint = client.endpoint("ep")
        assert way.call(lambda: endpoint.run(input=1)).id == "j1"
        assert way.call(lambda: endpoint.status("j1")).completed
        unplug(server.visits[0].sock)
        assert way.call(lambda: endpoint.status("j1")).completed
    assert server.connections == 2
    assert len(server.visits) == 3


PROGRAM = """
import os, sys, time

asleep = 0.0
clock_gettime, base_url = time.clock_gettime, sys.argv[1]
time.clock_gettime = lambda clock: (
    clock_gettime(clock) + (asleep if clock == time.CLOCK_BOOTTIME else 0)
)

import anyio.lowlevel
from runpod_sdk import AsyncRunpod, Runpod

def slept(seconds):
    global asleep
    asleep += seconds

def open_files():
    return len(os.listdir("/proc/self/fd"))

with Runpod("key-of-a-test", base_url=base_url) as client:
    endpoint = client.endpoint("sync")
    endpoint.status("j1")
    endpoint.run(input=1)
    slept(5)
    endpoint.run(input=1)
    before = open_files()
    slept(40)
    endpoint.status("j1")
    assert open_files() <= before, "sync"

async def main(name, **options):
    async with AsyncRunpod("key-of-a-test", base_url=base_url, **options) as client:
        endpoint = client.endpoint(name)
        await endpoint.status("j1")
        await endpoint.run(input=1)
        slept(5)
        await endpoint.run(input=1)
        before = open_files()
        slept(40)
        await endpoint.status("j1")
        for _ in range(3):
            await anyio.lowlevel.checkpoint()  # they are closed by the loop
        assert open_files() <= before, name

anyio.run(main, "asyncio", backend="asyncio")
anyio.run(main, "trio", backend="trio")
if sys.argv[2:]:
    anyio.run(lambda: main("aiohttp", transport="aiohttp"), backend="asyncio")
"""


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="the clock is another one")
def test_a_submission_after_the_machine_slept() -> None:
    """
    It is sent on a new connection, although the process was idle for less than a second.

    After a longer sleep, each request is, and the two connections before are closed.
    """
    ways = ["sync", "asyncio", "trio"]
    if importlib.util.find_spec("aiohttp"):
        ways.append("aiohttp")
    with Server(good) as server:
        command = [sys.executable, "-W", "always::ResourceWarning", "-c", PROGRAM]
        program = subprocess.run(
            [*command, server.base_url, *ways[3:]], stderr=subprocess.PIPE, timeout=60
        )
    assert (program.returncode, program.stderr) == (0, b"")
    for way in ways:
        connections = [v.connection for v in server.visits if b"/v2/%s/" % way.encode() in v.text]
        first = connections[0]
        assert connections == [first, first, first + 1, first + 2], way
