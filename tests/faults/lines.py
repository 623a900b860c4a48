"""Helpers for tests of slow and broken connections: a server with TLS, behind a proxy."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.faults.proxy import Cut, Pace, Proxy
from tests.transport.server import Say, Server, Visit

CERTIFICATE = Path(__file__).parents[1] / "transport" / "certificate.pem"
"""The certificate of `HOST`."""
HOST = "api.test"


@cache
def server_tls() -> ssl.SSLContext:
    """Return the TLS of a server that shows `CERTIFICATE`."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(CERTIFICATE)
    return made


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients trust `CERTIFICATE`, and resolve `HOST` to this machine."""
    look_up = socket.getaddrinfo

    def here(host: Any, *rest: Any, **more: Any) -> Any:
        return look_up("127.0.0.1" if host in (HOST, HOST.encode()) else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def client_options(mode: str) -> dict[str, Any]:
    """Return the options of a client that trusts `CERTIFICATE`, also with an `http_client`."""
    backend, _, way = mode.partition(" by ")
    if way != "httpx":
        return {}
    cls: Any = httpx.Client if backend == "sync" else httpx.AsyncClient
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    return {"http_client": cls(verify=context, trust_env=False)}


def says(state: dict[str, Any]) -> Say:
    """Respond to each request with *state*."""
    body = json.dumps(state).encode()

    def say(visit: Visit) -> bool:
        return visit.say(body)

    return say


@contextmanager
def behind_proxy(
    say: Say, *, tls: bool, cuts: Sequence[Cut | None] = (), pace: Pace | None = None
) -> Iterator[tuple[str, Server, Proxy]]:
    """Run a server behind a proxy; yield the proxy's base URL, the server and the proxy."""
    with Server(say, server_tls() if tls else None) as server:
        port = urlsplit(server.base_url).port or 0
        with Proxy(port, cuts, pace=pace) as proxy:
            origin = f"https://{HOST}" if tls else "http://127.0.0.1"
            yield f"{origin}:{proxy.port}/v2", server, proxy
