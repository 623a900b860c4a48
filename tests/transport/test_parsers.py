"""A response means the same to httptools and to h11, however its bytes arrive."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runpod_sdk import Runpod, RunpodError
from tests.facade.clients import KEY
from tests.h11_only import h11_only
from tests.transport.server import GOOD, Server, Visit

pytest.importorskip("httptools")

LENGTH = b"Content-Length: %d\r\n" % len(GOOD)
CHUNKS = b"%x;name=value\r\n%s\r\n4\r\n    \r\n0\r\n" % (len(GOOD), GOOD)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
"""Each response, and whether its connection can be used again."""
READABLE = {
    "with its length": (b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + GOOD, True),
    "without a reason": (b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + GOOD, True),
    "after hints": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + GOOD,
        True,
    ),
    "in chunks": (b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n" + CHUNKS + b"\r\n", True),
    "with a trailer": (
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n" + CHUNKS + b"X-Late: yes\r\n\r\n",
        True,
    ),
    "until the end": (b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n" + GOOD, False),
    "of HTTP/1.0": (b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + GOOD, False),
    "that closes": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + LENGTH + b"\r\n" + GOOD, False),
    "with more behind it": (b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + GOOD + b"HTTP", False),
    "with another behind it": (
        b"HTTP/1.1 200 OK\r\n"
        + LENGTH
        + b"\r\n"
        + GOOD
        + b"HTTP/1.1 404 No\r\nX-B: c\r\nContent-Length: 3\r\n\r\n[1]",
        False,
    ),
    "with hints behind it": (
        b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + GOOD + b"HTTP/1.1 100 Continue\r\n\r\n",
        False,
    ),
    "with another protocol behind it": (
        b"HTTP/1.1 200 OK\r\n"
        + LENGTH
        + b"\r\n"
        + GOOD
        + b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        False,
    ),
    "with garbage behind it": (b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + GOOD + b"\0x", False),
    "with many headers": (
        b"HTTP/1.1 200 OK\r\nVary: a\r\nVARY: b\r\nX-Empty:\r\nX-Text:  \xe9 t \t\r\n"
        + b"".join(b"X-%d: %s\r\n" % (n, b"v" * n) for n in range(150))
        + LENGTH
        + b"\r\n"
        + GOOD,
        True,
    ),
    "with bare line feeds": (
        (b"HTTP/1.1 200 OK\r\n" + LENGTH + b"X-A: b\r\n\r\n").replace(b"\r", b"") + GOOD,
        True,
    ),
    "in chunks, with a length": (
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + LENGTH + b"\r\n" + CHUNKS + b"\r\n",
        True,
    ),
    "with a length, in chunks": (
        b"HTTP/1.1 200 OK\r\n" + LENGTH + CHUNKED + b"\r\n" + CHUNKS + b"\r\n",
        True,
    ),
    "with a folded header": (
        b"HTTP/1.1 200 OK\r\nX-A: b \r\n c\r\nX-B:\r\n d\r\n" + LENGTH + b"\r\n" + GOOD,
        True,
    ),
    "with control characters": (
        b"HTTP/1.1 200 OK\r\nX-A: \x01\x7fb\r\n" + LENGTH + b"\r\n" + GOOD,
        True,
    ),
    "in chunks with padded sizes": (
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n%x  \r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD),
        True,
    ),
    "with a long header": (
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"v" * 60_000 + b"\r\n" + LENGTH + b"\r\n" + GOOD,
        True,
    ),
}
BROKEN = {
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + GOOD[:9],
    "half of the chunks": b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n" + CHUNKS[:30],
    "no end of the chunks": b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n" + CHUNKS,
    "a bad chunk": b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\nxyz\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc",
    "a bad header": b"HTTP/1.1 200 OK\r\nno colon\r\n" + LENGTH + b"\r\n" + GOOD,
    "a null character": b"HTTP/1.1 200 OK\r\nX-A: \0\r\n" + LENGTH + b"\r\n" + GOOD,
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"X-Long: %s\r\n" % (b"v" * 500) * 400,
    "an endless trailer": b"HTTP/1.1 200 OK\r\n"
    + CHUNKED
    + b"\r\n"
    + CHUNKS
    + b"X-Long: "
    + b"v" * 400_000,
}

Meaning = tuple[object, ...]


class Script:
    """A server whose first response is given, in the given pieces; it then closes, if asked."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closes = False

    def say(self, visit: Visit) -> bool:
        if visit.turn > 1:  # the connection was used again
            return visit.say()
        for piece in self.pieces:
            visit.sock.sendall(piece)
        return not self.closes


@contextmanager
def server() -> Iterator[tuple[Script, Server]]:
    script = Script()
    with Server(script.say) as running:
        yield script, running


def meaning(base_url: str, *, by_h11: bool) -> Meaning:
    """Return what a response says to a new client: its output and headers, or its failure."""
    with (
        h11_only() if by_h11 else nullcontext(),
        Runpod(KEY, base_url=base_url, max_retries=0) as client,
    ):
        try:
            state = client.endpoint("ep").status("j1", timeout=5)
        except RunpodError as error:
            return (type(error),)
        return state.output, state.headers, client.endpoint("ep").status("j1").output


def split(data: bytes, places: list[int], last: int) -> list[bytes]:
    """Cut *data* at *places*, which are taken modulo *last*."""
    cuts = sorted({place % last for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(cuts)]


@given(name=st.sampled_from(sorted(READABLE)), places=st.lists(st.integers(0, 300), max_size=6))
@example(name="after hints", places=[1, 2, 40, 41, 42, 43, 60])
@example(name="in chunks", places=list(range(200)))
@example(name="with another behind it", places=[])
@example(name="with a folded header", places=[])
@example(name="with control characters", places=[])
@example(name="in chunks with padded sizes", places=[])
@example(name="with hints behind it", places=[])
@example(name="with another protocol behind it", places=[])
def test_a_response(scripted: Any, name: str, places: list[int]) -> None:
    script, running = scripted
    data, keeps = READABLE[name]
    # What is behind a response comes with its end: later, it could be taken for the next one.
    last = data.index(GOOD) + 1 if "behind" in name else len(data)
    script.pieces, script.closes = split(data, places, last), name == "until the end"
    meanings: list[Meaning] = []
    for by_h11 in (False, True):
        before = running.connections
        meanings.append(meaning(running.base_url, by_h11=by_h11))
        assert running.connections - before == (1 if keeps else 2)
    assert meanings[0] == meanings[1]
    assert meanings[0][0] == 1


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_response(scripted: Any, name: str) -> None:
    script, running = scripted
    script.pieces, script.closes = [BROKEN[name]], "endless" not in name
    meanings = [meaning(running.base_url, by_h11=by_h11) for by_h11 in (False, True)]
    assert meanings[0] == meanings[1]
    assert len(meanings[0]) == 1


class Alarm(BaseException):
    """Raised by a signal handler, in a callback of the parser."""


CALLBACKS = ["on_message_begin", "on_header", "on_headers_complete", "on_message_complete"]


@pytest.mark.parametrize("name", CALLBACKS)
def test_an_interruption_in_a_callback(scripted: Any, name: str) -> None:
    """It is not replaced by an exception of the parser, and the connection is not used again."""
    script, running = scripted
    script.pieces, script.closes = [READABLE["with its length"][0]], False
    alarm = Alarm()

    def trace(frame: FrameType, event: str, _: object) -> None:
        if frame.f_code.co_name == name:
            sys.settrace(None)
            raise alarm

    with Runpod(KEY, base_url=running.base_url) as client:
        before = running.connections
        sys.settrace(trace)
        try:
            with pytest.raises(Alarm) as caught:
                client.endpoint("ep").status("j1")
        finally:
            sys.settrace(None)
        assert caught.value is alarm
        assert alarm.__context__ is None
        assert client.endpoint("ep").status("j1").output == 1
        assert running.connections - before == 2


@pytest.fixture(scope="module")
def scripted() -> Iterator[Any]:
    with server() as pair:
        yield pair
