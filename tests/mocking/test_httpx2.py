"""Clients of httpx2 as `http_client`: errors, deadlines and secrets are those of httpx's."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from runpod_sdk import (
    APIConnectionError,
    AsyncRunpod,
    Runpod,
    RunpodTimeoutError,
    SubmissionUncertainError,
)
from tests.transport.server import Server, Visit, good

httpx2 = pytest.importorskip("httpx2")

KEY = "rpa_CANARY0123456789"
COLOURS = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


def ask(is_async: bool, base_url: str, call: Callable[[Any], Any], **options: Any) -> Any:
    """Call something of an endpoint of a client over one of httpx2."""
    options = {"rate_limits": False, "max_retries": 0, **options}
    if not is_async:
        with (
            httpx2.Client(trust_env=False) as http_client,
            Runpod(KEY, base_url=base_url, http_client=http_client, **options) as client,
        ):
            return call(client.endpoint("ep"))

    async def main() -> Any:
        async with (
            httpx2.AsyncClient(trust_env=False) as http_client,
            AsyncRunpod(KEY, base_url=base_url, http_client=http_client, **options) as client,
        ):
            return await call(client.endpoint("ep"))

    return asyncio.run(main())


@COLOURS
def test_an_answer(is_async: bool) -> None:
    """A state is complete, and can be pickled without httpx2's classes."""
    with Server(good) as server:
        state = ask(is_async, server.base_url, lambda endpoint: endpoint.status("j1"))
    assert state.output == 1
    assert state.headers["content-type"] == "application/json"
    assert b"httpx2" not in pickle.dumps(state)


@COLOURS
def test_a_large_input(is_async: bool) -> None:
    """A body that is sent in pieces."""
    with Server(good) as server:
        ask(is_async, server.base_url, lambda endpoint: endpoint.run(input="x" * 200_000))
        assert server.visits[0].text.endswith(b'x"}')


@COLOURS
def test_refused(is_async: bool) -> None:
    """No connection is an error of ours; nothing was sent, and the key is nowhere to be seen."""
    with Server(good) as server:
        base_url = server.base_url
    with pytest.raises(APIConnectionError) as caught:
        ask(is_async, base_url, lambda endpoint: endpoint.run(input=1))
    assert not isinstance(caught.value, SubmissionUncertainError)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert KEY not in "".join(shown.format())


@COLOURS
def test_cut_short(is_async: bool) -> None:
    """A submission without an answer may have been taken."""
    with Server(lambda visit: False) as server, pytest.raises(SubmissionUncertainError):
        ask(is_async, server.base_url, lambda endpoint: endpoint.run(input=1))


@COLOURS
def test_a_total_deadline(is_async: bool) -> None:
    """A server that sends a byte now and then does not prolong a call."""
    over = threading.Event()

    def drip(visit: Visit) -> bool:
        visit.sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")
        while not over.wait(0.05):
            visit.sock.sendall(b" ")
        return False

    with Server(drip) as server:
        began = time.monotonic()
        try:
            with pytest.raises(RunpodTimeoutError):
                ask(is_async, server.base_url, lambda endpoint: endpoint.status("j1", timeout=0.3))
        finally:
            over.set()
        assert time.monotonic() - began < 5


def test_map() -> None:
    """The sync client's `map` sends by the caller's client, in threads."""
    with Server(good) as server:
        results = ask(False, server.base_url, lambda endpoint: list(endpoint.map([1, 2])))
    assert [result.output for result in results] == [1, 1]


def test_the_wrong_kind() -> None:
    """An async client for the sync one is a TypeError that names both libraries."""
    wrong: Any = httpx2.AsyncClient()
    with pytest.raises(TypeError, match=r"httpx\.Client or httpx2\.Client, not httpx2"):
        Runpod(KEY, http_client=wrong)
