"""A host with unreachable IPv6: each transport tries its IPv4 address, too (RFC 8305)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from runpod_sdk import APIConnectionError, RunpodTimeoutError
from tests.transport.conftest import Way
from tests.transport.server import Server, good

HOST = "api.test"


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 here")


@pytest.fixture(params=["own", "callers"])
def callers(request: pytest.FixtureRequest, way: Way) -> bool:
    """Run the test with the client's own connections, and with an `http_client`."""
    if way.mode == "uvloop":
        pytest.skip("uvloop looks names up by itself")
    if request.param == "callers" and way.mode == "aiohttp":
        pytest.skip("it is no client of httpx")
    return bool(request.param == "callers")


@contextmanager
def silent_ipv6(port: int) -> Iterator[None]:
    """Make the port silent for IPv6: its queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_INET6))
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(("::1", port))
        listener.listen(0)
        for _ in range(4):
            sock = stack.enter_context(socket.socket(socket.AF_INET6))
            sock.setblocking(False)
            sock.connect_ex(("::1", port))
        yield


def ask(
    way: Way, callers: bool, monkeypatch: pytest.MonkeyPatch, port: int, timeout: float = 10
) -> Any:
    """Send a request to a host with an IPv6 and an IPv4 address, in this order."""
    look_up = socket.getaddrinfo

    def here(host: Any, *rest: Any, **more: Any) -> Any:
        if host not in (HOST, HOST.encode()):
            return look_up(host, *rest, **more)
        six, four = ("::1", port, 0, 0), ("127.0.0.1", port)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", six),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", four),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", here)
    http_client: Any = None
    if callers:
        http_client = (httpx.AsyncClient if way.is_async else httpx.Client)(
            trust_env=False, verify=False
        )
    base_url = f"http://{HOST}:{port}/v2"
    client = way.client(base_url=base_url, http_client=http_client, max_retries=0)
    try:
        return way.call(lambda: client.endpoint("ep").status("j1", timeout=timeout))
    finally:
        if callers:
            way.call(http_client.aclose if way.is_async else http_client.close)


def port_of(server: Server) -> int:
    return urlsplit(server.base_url).port or 0


def test_silent(way: Way, callers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """IPv4 is tried, too, and answers long before the timeout."""
    with Server(good) as server, silent_ipv6(port_of(server)):
        assert ask(way, callers, monkeypatch, port_of(server)).id == "j1"
    assert server.connections == 1


def test_refused(way: Way, callers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """IPv4 is tried at once."""
    with Server(good) as server:
        assert ask(way, callers, monkeypatch, port_of(server)).id == "j1"
    with pytest.raises(APIConnectionError):
        ask(way, callers, monkeypatch, port_of(server))


def test_silent_and_refused(way: Way, callers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """If neither answers, the call times out."""
    with Server(good) as server:
        port = port_of(server)
    with silent_ipv6(port), pytest.raises(RunpodTimeoutError):
        ask(way, callers, monkeypatch, port, 0.4)
