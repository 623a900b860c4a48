"""A signal handler's exception propagates unchanged from each wait of the sync client."""

from __future__ import annotations

import signal
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from runpod_sdk import Runpod
from tests.interruptions.ringing import CONNECTIONS, SOCKET, THREAD, handled, ringing
from tests.transport.server import Server, Visit
from tests.transport.test_addresses import silent

__all__ = ["silent"]

if not hasattr(signal, "setitimer"):
    pytest.skip("there are no timers here", allow_module_level=True)

IN_QUEUE = b'{"id": "j1", "status": "IN_QUEUE"}'
own_or_callers = pytest.mark.parametrize("callers", [False, True], ids=["own", "callers"])
kinds = pytest.mark.parametrize("kind", [TimeoutError, OSError])


@contextmanager
def interrupted(kind: type[Exception], server: Server, *, sent: bool, at: str) -> Iterator[None]:
    """Interrupt a call where it waits; see that it ends with the exception, and sends no more."""
    error = kind(5, "of the program's own")
    before: list[int] = []

    def interruption() -> Exception:
        before[:] = len(server.visits), server.connections
        return error

    def has_begun() -> bool:
        return bool(server.visits) or not sent

    with ringing(interruption, begun=has_begun, at=(at,)), pytest.raises(kind) as caught:
        yield
    assert caught.value is error
    assert before == [len(server.visits), server.connections]


def unread(visit: Visit) -> bool:
    return visit.say(IN_QUEUE)


def quiet(visit: Visit) -> bool:
    visit.sock.recv(1)
    return False


def half(visit: Visit) -> bool:
    visit.sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    return quiet(visit)


PHASES = {
    "look-up": THREAD,
    "connect": CONNECTIONS,
    "TLS": SOCKET,
    "send": SOCKET,
    "receive": SOCKET,
    "body": SOCKET,
    "sleep": THREAD,
}


@own_or_callers
@kinds
@pytest.mark.parametrize("phase", PHASES)
def test_each_phase(
    phase: str,
    kind: type[Exception],
    callers: bool,
    silent: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It propagates unchanged, and nothing is sent again."""
    with ExitStack() as stack:
        says = {"receive": quiet, "body": half}
        server = stack.enter_context(Server(says.get(phase, unread)))
        base_url = server.base_url
        if phase == "look-up":
            ended = threading.Event()
            stack.callback(ended.set)
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait(60) and [])
            base_url = "http://api.test/v2"
        elif phase == "connect":
            base_url = f"http://127.0.0.1:{silent}/v2"
        elif phase in ("TLS", "send"):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            scheme = "https" if phase == "TLS" else "http"
            base_url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/v2"
        http_client = None
        if callers:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            http_client = stack.enter_context(httpx.Client(trust_env=False, verify=context))
        client = stack.enter_context(Runpod("key", base_url=base_url, http_client=http_client))
        endpoint = client.endpoint("ep")
        asks = {
            "send": lambda: endpoint.run(input="x" * 9_000_000, timeout=60),
            "sleep": lambda: endpoint.wait("j1", timeout=60),
        }
        with interrupted(kind, server, sent=phase in says, at=PHASES[phase]):
            asks.get(phase, lambda: endpoint.status("j1", timeout=60))()


@own_or_callers
@kinds
def test_in_the_queue_of_a_rate_limit(kind: type[Exception], callers: bool) -> None:
    """It also propagates from a wait for the rate limit."""
    with ExitStack() as stack:
        server = stack.enter_context(
            Server(lambda visit: visit.say(b'{"removed": 0, "status": "completed"}'))
        )
        http_client = stack.enter_context(httpx.Client(trust_env=False)) if callers else None
        client = stack.enter_context(
            Runpod("key", base_url=server.base_url, http_client=http_client)
        )
        endpoint = client.endpoint("ep")
        for _ in range(2):  # as many as may be sent in ten seconds
            endpoint.purge_queue()
        with interrupted(kind, server, sent=True, at=THREAD):
            endpoint.purge_queue(timeout=60)


@own_or_callers
@kinds
@pytest.mark.parametrize("function", ["setblocking", "setsockopt", "connect", "getsockopt"])
def test_as_a_connection_is_made(function: str, kind: type[Exception], callers: bool) -> None:
    """It is not taken for an address that does not answer, and the socket is closed."""
    error, made = kind(5, "of the program's own"), list[socket.socket]()

    def ring(_: object, event: str, called: Any) -> None:
        if event in ("c_return", "c_exception") and called.__name__ == function:
            sys.setprofile(None)
            made.append(called.__self__)
            signal.raise_signal(signal.SIGALRM)

    with ExitStack() as stack:
        server = stack.enter_context(Server(unread))
        http_client = stack.enter_context(httpx.Client(trust_env=False)) if callers else None
        client = stack.enter_context(
            Runpod("key", base_url=server.base_url, http_client=http_client, max_retries=0)
        )
        endpoint = client.endpoint("ep")
        stack.enter_context(handled(error))
        stack.callback(sys.setprofile, None)
        sys.setprofile(ring)
        with pytest.raises(kind) as caught:
            endpoint.status("j1", timeout=60)
        assert caught.value is error
        assert [sock.fileno() for sock in made] == [-1]
        assert not server.visits
