"""Which address of a host is connected to."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from runpod_sdk import APIConnectionError, AsyncRunpod, Runpod, RunpodTimeoutError
from runpod_sdk._io.http11.happy_eyeballs import HEAD_START
from tests.transport.server import Server, good

Address = tuple[socket.AddressFamily, tuple[Any, ...]]


def at(port: int) -> Address:
    return socket.AF_INET, ("127.0.0.1", port)


def port_of(server: Server) -> int:
    return urlsplit(server.base_url).port or 0


@pytest.fixture
def refusing() -> Iterator[int]:
    """Return a port without a listener."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[int]:
    """Return a port that does not answer, as its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def status(monkeypatch: pytest.MonkeyPatch, *addresses: Address, **options: Any) -> Any:
    """Send a request under asyncio to a host with these addresses, in this order."""
    found = [(family, socket.SOCK_STREAM, 6, "", address) for family, address in addresses]

    async def main() -> Any:
        async def getaddrinfo(*_: object, **__: object) -> Any:
            return found

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        options.setdefault("max_retries", 0)
        async with AsyncRunpod("key-of-a-test", base_url="http://api.test/v2", **options) as client:
            state = await client.endpoint("ep").status("j1")
        for _ in range(3):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}  # no attempt is left
        return state

    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return asyncio.run(main())


def test_the_first_refuses(monkeypatch: pytest.MonkeyPatch, refusing: int) -> None:
    """The next address is tried at once: forty have refused before twenty delays have passed."""
    with Server(good) as server:
        addresses = [*[at(refusing)] * 40, at(port_of(server))]
        assert status(monkeypatch, *addresses, timeout=20 * HEAD_START).id == "j1"
    assert server.connections == 1


def test_a_silent_one_and_those_that_refuse(
    monkeypatch: pytest.MonkeyPatch, silent: int, refusing: int
) -> None:
    """The sync client also tries the next address at once where one has refused."""
    with Server(good) as server:
        found = [at(silent), *[at(refusing)] * 40, at(port_of(server))]
        infos = [(family, socket.SOCK_STREAM, 6, "", address) for family, address in found]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        with Runpod("key-of-a-test", base_url="http://api.test/v2", max_retries=0) as client:
            assert client.endpoint("ep").status("j1", timeout=20 * HEAD_START).id == "j1"
    assert server.connections == 1


def test_the_first_is_silent(monkeypatch: pytest.MonkeyPatch, silent: int) -> None:
    """The next address is tried, too, and used if it answers, within the timeout."""
    with Server(good) as server:
        assert status(monkeypatch, at(silent), at(port_of(server)), timeout=5.0).id == "j1"
    assert server.connections == 1


def test_the_first_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other address is tried."""
    with Server(good) as server, Server(good) as other:
        assert status(monkeypatch, at(port_of(server)), at(port_of(other))).id == "j1"
    assert (server.connections, other.connections) == (1, 0)


def test_none_answers(monkeypatch: pytest.MonkeyPatch, refusing: int, silent: int) -> None:
    """The error contains each address's error; if an address is silent, the call times out."""
    with pytest.raises(APIConnectionError, match=f"no connection to .*{refusing}"):
        status(monkeypatch, at(refusing))
    with pytest.raises(RunpodTimeoutError):
        status(monkeypatch, at(refusing), at(silent), timeout=0.5)


def test_families_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """If one IP version is unreachable, not all of its addresses are tried first."""
    ports = [1, 2, 3, 4, 5]
    six = [(socket.AF_INET6, ("::1", port, 0, 0)) for port in ports[:3]]
    four = [at(port) for port in ports[3:]]
    with pytest.raises(APIConnectionError) as caught:
        status(monkeypatch, *six, *four)
    said = re.findall(r"'(?:::1|127\.0\.0\.1)', (\d)", str(caught.value))
    assert said == ["1", "4", "2", "5", "3"]


def test_a_time_that_is_up_while_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a cancellation at any time, no connection is left open; it would raise a warning."""
    with Server(good) as server:
        for number in range(200):
            with contextlib.suppress(RunpodTimeoutError, APIConnectionError):
                status(monkeypatch, at(port_of(server)), timeout=number * 2e-5 + 1e-6)
    gc.collect()
