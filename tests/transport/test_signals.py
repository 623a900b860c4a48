"""A signal handler's exception propagates unchanged from each wait of the sync client."""

from __future__ import annotations

import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import FrameType
from urllib.parse import urlsplit

import httpx
import pytest

from runpod_sdk import Runpod
from tests.transport.server import Server, Visit
from tests.transport.test_addresses import silent

__all__ = ["silent"]

if not hasattr(signal, "setitimer"):
    pytest.skip("there are no timers here", allow_module_level=True)

IN_QUEUE = b'{"id": "j1", "status": "IN_QUEUE"}'
DELAY = 0.12
ERRORS = [TimeoutError("of the program's own"), OSError(5, "of the program's own")]
own_or_callers = pytest.mark.parametrize("callers", [False, True], ids=["own", "callers"])
errors = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)


Interrupted = Callable[[BaseException, Callable[[], object]], None]


@pytest.fixture
def interrupted() -> Iterator[Interrupted]:
    """Return a function that makes a call, during which a handler raises an exception."""
    before = signal.getsignal(signal.SIGALRM)

    def call(error: BaseException, ask: Callable[[], object]) -> None:
        def ring(_: int, frame: FrameType | None) -> None:
            at = frame  # which stays the argument's value, as in other handlers
            while at is not None:
                if at.f_code.co_name in ("_remove", "__del__"):  # raises nothing, so try again
                    signal.setitimer(signal.ITIMER_REAL, 0.001)
                    return
                at = at.f_back
            raise error

        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, DELAY)
        ask()

    yield call
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def unread(visit: Visit) -> bool:
    return visit.say(IN_QUEUE)


def quiet(visit: Visit) -> bool:
    visit.sock.recv(1)
    return False


def half(visit: Visit) -> bool:
    visit.sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    return quiet(visit)


PHASES = ["look-up", "connect", "TLS", "send", "receive", "body", "sleep"]


@own_or_callers
@errors
@pytest.mark.parametrize("phase", PHASES)
def test_each_phase(
    phase: str,
    error: Exception,
    callers: bool,
    interrupted: Interrupted,
    silent: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It propagates unchanged, and nothing is sent again."""
    with ExitStack() as stack:
        says = {"receive": quiet, "body": half}
        server = stack.enter_context(Server(says.get(phase, unread)))
        base_url = server.base_url
        if phase == "look-up":
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3) or [])
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
            "send": lambda: endpoint.run(input="x" * 9_000_000, timeout=5),
            "sleep": lambda: endpoint.wait("j1", timeout=5),
        }
        with pytest.raises(type(error)) as caught:
            interrupted(error, asks.get(phase, lambda: endpoint.status("j1", timeout=5)))
        assert caught.value is error
        assert len(server.visits) <= 1
        assert urlsplit(base_url).port is None or server.connections <= 1


@own_or_callers
@errors
def test_in_the_queue_of_a_rate_limit(
    error: Exception, callers: bool, interrupted: Interrupted
) -> None:
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
        with pytest.raises(type(error)) as caught:
            interrupted(error, lambda: endpoint.purge_queue(timeout=20))
        assert caught.value is error
    assert len(server.visits) == 2
