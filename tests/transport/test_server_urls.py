"""The base URL of a client, as its requests and errors contain it."""

from __future__ import annotations

import socket
import sys
from typing import Any

import pytest

from runpod_sdk import APIConnectionError, __version__
from tests.transport.conftest import Way
from tests.transport.server import Server, good

URLS = [
    ("http://{}/v2/", "127.0.0.1", "/v2"),
    ("http://API.Test:{}", "api.test", ""),
    ("http://bücher.test:{}/a%2Fb/é{{}}~", "xn--bcher-kva.test", "/a%2Fb/%C3%A9%7B%7D~"),
    ("http://BÜCHER.test:{}/v2//", "xn--bcher-kva.test", "/v2"),
    ("http://faß.test:{}/", "xn--fa-hia.test", ""),
]


@pytest.fixture(autouse=True)
def tests_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve the names of this module to this machine, without a proxy."""
    look_up = socket.getaddrinfo

    def here(host: Any, *rest: Any, **more: Any) -> Any:
        return look_up("127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("url", "host", "path"), URLS)
@pytest.mark.filterwarnings("ignore:.*does not encrypt the API key")
def test_a_request(way: Way, url: str, host: str, path: str) -> None:
    """Host and path are ASCII, the same with each transport; the SDK names itself."""
    if way.mode == "uvloop":
        pytest.skip("uvloop looks names up by itself")
    with Server(good) as server:
        address = server.base_url.split("/")[2]
        base_url = url.format(address if "127" in host else address.rpartition(":")[2])
        endpoint = way.client(base_url=base_url).endpoint("ep")
        way.call(lambda: endpoint.status("j1"))
    head = server.visits[0].text.decode("ascii").split("\r\n")
    assert head[0] == f"GET {path}/ep/status/j1 HTTP/1.1"
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    assert fields["host"] == f"{host}:{address.rpartition(':')[2]}"
    python = ".".join(map(str, sys.version_info[:3]))
    assert fields["user-agent"] == f"runpod_sdk/{__version__} python/{python}"


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        ("https://127.0.0.1:{}/v2", "127.0.0.1:{}"),
        ("http://bücher.test:{}/v2", "xn--bcher-kva.test:{}"),
        ("http://[::1]:{}", "[::1]:{}"),
    ],
)
def test_an_error(way: Way, base_url: str, address: str) -> None:
    """An error contains the host and the port, and nothing else of the URL."""
    if way.mode == "uvloop":
        pytest.skip("uvloop looks names up by itself")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    endpoint = way.client(base_url=base_url.format(port), max_retries=0).endpoint("ep")
    with pytest.raises(APIConnectionError) as caught:
        way.call(lambda: endpoint.run(input=1))
    assert f"no connection to {address.format(port)} (ConnectError: " in str(caught.value)
