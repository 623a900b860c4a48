"""A server that responds during a large upload, and does not read the rest."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from runpod_sdk import PayloadTooLargeError
from tests.faults.catalogue import EARLY_ANSWER
from tests.faults.lines import HOST, client_options, server_tls, trusted
from tests.faults.modes import TALLY, Case, Outcome, run_one
from tests.faults.test_transfers import collect, each_way

__all__ = ["trusted"]

# httpcore leaves the sockets of what is cancelled under trio to the garbage collector.
pytestmark = [
    pytest.mark.usefixtures("trusted"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]

LARGE = "x" * 3_000_000
"""More bytes than the system buffers for a peer that does not read."""
BODY = b'{"error": "the request is too large"}'
REFUSAL = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n"
JOB = b'{"id": "j1", "status": "IN_QUEUE"}'
ACCEPTED = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(JOB), JOB)
RESET = struct.pack("ii", 1, 0)
"""A linger time after which closing resets the connection."""


@contextmanager
def answering_early(
    *says: bytes, tls: bool, resets: bool = False
) -> Iterator[tuple[str, list[Any]]]:
    """
    Run a server that reads the beginning of each request, sends *says*, and stops reading.

    Yields its base URL and its connections.
    """
    connections: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
                )  # sends all before a reset
                if tls:
                    sock = server_tls().wrap_socket(sock, server_side=True)
                connections.append(sock)
                sock.recv(1000)
                for text in says:
                    sock.sendall(text)
                if resets:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    sock.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        origin = f"https://{HOST}" if tls else "http://127.0.0.1"
        yield f"{origin}:{listener.getsockname()[1]}/v2", connections
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        for sock in connections:
            sock.close()


def upload(mode: str, url: str) -> Outcome:
    case = Case("ep", lambda endpoint: endpoint.run(input=LARGE, timeout=20))
    outcome = run_one(mode, case, base_url=url, **client_options(mode))
    collect(mode)
    return outcome


@each_way
@pytest.mark.parametrize("resets", [False, True], ids=["reads no more", "resets"])
def test_a_refusal(mode: str, tls: bool, resets: bool) -> None:
    """
    An early refusal is raised at once, and the upload is not repeated.

    A reset can overtake the response in aiohttp, and in an `http_client`'s TLS. Then the upload is
    repeated: the server did not get all of the request.
    """
    with answering_early(INTERIM, REFUSAL, tls=tls, resets=resets) as (url, connections):
        outcome = upload(mode, url)
    assert type(outcome.error) is PayloadTooLargeError
    assert "the request is too large" in str(outcome.error)
    assert outcome.took < 10
    may_be_lost = resets and (mode.endswith("by aiohttp") or (tls and mode.endswith("by httpx")))
    assert len(connections) <= (3 if may_be_lost else 1)


@each_way
def test_a_job(mode: str, tls: bool) -> None:
    """An early response may accept the job; it is not submitted again."""
    with answering_early(ACCEPTED, tls=tls) as (url, connections):
        outcome = upload(mode, url)
    TALLY[EARLY_ANSWER.title, "run", mode] += 1
    assert outcome.error is None
    assert outcome.value.id == "j1"
    assert len(connections) == 1
