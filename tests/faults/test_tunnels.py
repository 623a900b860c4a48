"""A proxy that opens no tunnel to the server: nothing was sent, and the error says so."""

from __future__ import annotations

import select
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.faults.catalogue import TUNNEL, TUNNEL_FORBIDDEN, TUNNEL_TIMEOUT, Row
from tests.faults.lines import CERTIFICATE, HOST, says, server_tls, trusted
from tests.faults.modes import ALL_WAYS, JOB, TALLY, Case, Outcome, run_one
from tests.faults.sockets import TimedSocket, encrypted
from tests.faults.virtual_time import TIME
from tests.transport.server import Say, Server, Visit

__all__ = ["trusted"]

# httpcore leaves the sockets of what is cancelled to the garbage collector.
pytestmark = [
    pytest.mark.usefixtures("trusted", "virtual_time"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.parametrize("mode", ALL_WAYS),
]

PASSWORD = "hunter2-CANARY"
DONE = says({"id": JOB, "status": "COMPLETED", "output": 1})


def status(line: str) -> Say:
    return lambda visit: visit.say(b"", status=line)


def hang(visit: Visit) -> bool:
    visit.sock.recv(1)
    return False


def untrusted(visit: Visit) -> bool:
    """Open the tunnel, and show an untrusted certificate."""
    visit.sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    encrypted(visit.sock, server_tls())
    return False


def to(server: Server) -> Say:
    """Open the tunnel to *server*."""

    def forward(visit: Visit) -> bool:
        with TimedSocket.connected_to(urlsplit(server.base_url).port or 0) as other:
            visit.sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            sides = {visit.sock: other, other: visit.sock}
            while True:
                TIME.wait(dict.fromkeys((side.fileno() for side in sides), select.POLLIN))
                for side in select.select([*sides], [], [], 0)[0]:
                    data = side.recv(65_536)
                    if not data:
                        return False
                    sides[side].sendall(data)

    return forward


def in_turn(*says: Say) -> Say:
    """Handle each request by the next of *says*, and the remaining ones by the last."""
    left = list(says)
    return lambda visit: (left.pop(0) if len(left) > 1 else left[0])(visit)


@pytest.fixture
def ask(mode: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Return a function that submits a job through a proxy."""

    def submit(proxy: Server, timeout: float = 10.0, *, strange: bool = False) -> Outcome:
        backend, _, way = mode.partition(" by ")
        url = proxy.base_url.removesuffix("/v2").replace("//", f"//user:{PASSWORD}@")
        options: dict[str, Any] = {"base_url": f"https://{HOST}/v2"}
        if way == "httpx":
            cls: Any = httpx.Client if backend == "sync" else httpx.AsyncClient
            trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
            verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if strange else trusting
            options["http_client"] = cls(proxy=url, verify=verify, trust_env=False)
        else:
            monkeypatch.setenv("HTTPS_PROXY", url)
            if strange:
                monkeypatch.delenv("SSL_CERT_FILE")
        case = Case("ep", lambda endpoint: endpoint.run(input=1, timeout=timeout), timeout)
        return run_one(mode, case, **options)

    return submit


def check(outcome: Outcome, row: Row, mode: str) -> str:
    """Check the error, and that it has no password; return its message."""
    TALLY[row.title, "run", mode] += 1
    assert type(outcome.error) is row.sees
    assert not outcome.late
    text = str(outcome.error)
    assert PASSWORD not in text
    return text


@pytest.mark.parametrize("line", ["403 Forbidden", "407 Proxy Authentication Required"])
def test_a_proxy_that_forbids(mode: str, ask: Callable[..., Outcome], line: str) -> None:
    """The proxy is requested once, and the error names it and a correction."""
    with Server(status(line)) as proxy:
        text = check(ask(proxy), TUNNEL_FORBIDDEN, mode)
    assert [visit.text[:7] for visit in proxy.visits] == [b"CONNECT"]
    assert f"({line[:3]}" in text
    assert "nothing was sent" in text
    if "httpx" not in mode:
        assert proxy.base_url.removesuffix("/v2") in text
    if line.startswith("407"):
        assert "add a user name and a password to the proxy's URL" in text


@pytest.mark.parametrize(
    "say",
    [status("502 Bad Gateway"), lambda _: False],
    ids=["502", "closes"],
)
def test_a_proxy_that_fails(mode: str, ask: Callable[..., Outcome], say: Say) -> None:
    """The proxy is requested again; if it opens a tunnel, there is one job."""
    with Server(say) as proxy:
        check(ask(proxy), TUNNEL, mode)
    assert len(proxy.visits) == 3
    with Server(DONE, server_tls()) as server, Server(in_turn(say, to(server))) as proxy:
        outcome = ask(proxy)
    assert outcome.error is None
    assert len(server.visits) == 1
    assert len(proxy.visits) == 2


def test_a_proxy_that_hangs(mode: str, ask: Callable[..., Outcome]) -> None:
    """The call times out in time, and no job can exist."""
    with Server(hang) as proxy:
        check(ask(proxy, 0.4), TUNNEL_TIMEOUT, mode)


def test_a_proxy_with_an_unknown_authority(mode: str, ask: Callable[..., Outcome]) -> None:
    """An untrusted certificate is not retried; the error says what to do."""
    with Server(untrusted) as proxy:
        text = check(ask(proxy, strange=True), TUNNEL_FORBIDDEN, mode)
    assert len(proxy.visits) == 1
    assert "CERTIFICATE_VERIFY_FAILED" in text
    assert ("verify=" if mode.endswith(" by httpx") else "SSL_CERT_FILE") in text
