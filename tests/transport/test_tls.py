"""TLS with each transport: trusted certificates, and reuse of connections."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from runpod_sdk import APIConnectionError, Runpod, RunpodTimeoutError
from tests.transport.conftest import Way
from tests.transport.server import Server, Visit, good

CERTIFICATE = Path(__file__).with_name("certificate.pem")


@pytest.fixture
def context() -> ssl.SSLContext:
    """Show the certificate of `api.test`."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(CERTIFICATE)
    return made


@pytest.fixture(autouse=True)
def api_test_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve `api.test` and its subdomains to this machine, without a proxy."""
    look_up = socket.getaddrinfo

    def here(host: Any, *rest: Any, **more: Any) -> Any:
        ours = host is not None and host.endswith(
            "api.test" if isinstance(host, str) else b"api.test"
        )
        return look_up("127.0.0.1" if ours else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def endpoint_of(way: Way, server: Server, name: str = "api.test", **options: Any) -> Any:
    """Create a client of *server* by its name, and its endpoint."""
    if way.mode == "uvloop":
        pytest.skip("uvloop looks names up by itself")
    port = urlsplit(server.base_url).port
    return way.client(base_url=f"https://{name}:{port}/v2", **options).endpoint("ep")


def test_a_certificate_that_the_environment_trusts(
    way: Way, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`SSL_CERT_FILE` names the certificate; calls share a connection, large ones, too."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with Server(good, context) as server:
        endpoint = endpoint_of(way, server)
        for input in (1, "x" * 1_000_000, 2):
            assert way.call(partial(endpoint.run, input=input)).id == "j1"
    assert len(server.visits) == 3
    assert server.connections == 1


def test_a_certificate_that_nobody_trusts(way: Way, context: ssl.SSLContext) -> None:
    """Nothing is sent to the server with that certificate, once; the error says so."""
    with Server(good, context) as server:
        endpoint = endpoint_of(way, server)
        with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            way.call(lambda: endpoint.run(input=1))
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE is not read"):
        assert variable in str(caught.value)
    assert type(caught.value) is APIConnectionError
    assert server.visits == []
    assert server.connections == 1


def test_a_name_that_is_not_the_servers(
    way: Way, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trusted certificate for another name is refused."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with Server(good, context) as server:
        endpoint = endpoint_of(way, server, "other.api.test", max_retries=0)
        with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            way.call(lambda: endpoint.run(input=1))
    assert "SSL_CERT_FILE" not in str(caught.value)  # which would not help
    assert server.visits == []


def test_interim_responses_at_full_speed(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not hold the sync client, which need not wait for the next one, beyond a timeout."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    def say(visit: Visit) -> bool:
        until = time.monotonic() + 3
        with contextlib.suppress(OSError):
            while time.monotonic() < until:
                visit.sock.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 100_000)
        return False

    with Server(say, context) as server:
        base_url = f"https://api.test:{urlsplit(server.base_url).port}/v2"
        client = Runpod("key-of-a-test", base_url=base_url, max_retries=0)
        with client, pytest.raises(RunpodTimeoutError):
            client.endpoint("ep").status("j1", timeout=0.2)
