"""A timeout that the caller passes is a total, for each transport and each phase, in real time."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runpod_sdk import RunpodTimeoutError
from tests.faults.catalogue import GOOD_JOB
from tests.faults.modes import ALL_WAYS, JOB, Case, Outcome, in_virtual_time, run_all, run_one
from tests.faults.server import (
    Behaviour,
    Exchange,
    Server,
    answer,
    by_endpoint,
    chain,
    drip,
    flood,
    head,
    send,
    silence,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning"),
]
CHUNKED = send(head(200, transfer_encoding="chunked"))
ENDLESS: dict[str, Behaviour] = {
    "no-answer": silence,
    "one-byte-chunks": chain(CHUNKED, flood(b"1\r\nx\r\n", 10**9)),
    "chunks-that-drip": chain(CHUNKED, drip(b"1\r\n \r\n", 0.01)),
    "head-that-drips": chain(send(b"HTTP/1.1 200 OK\r\nx-long: "), drip(b"x", 0.01)),
    "body-that-drips": chain(send(head(200, 10**6)), drip(b" ", 0.01)),
}
STRICT = 0.3
GENEROUS = 2.0
"""Longer than the timeout, shorter than the transfer, in seconds: allows a busy machine."""


@pytest.mark.parametrize("mode", ALL_WAYS)
def test_a_strict_total(mode: str) -> None:
    """For bytes at any rate, the call ends at its timeout."""
    cases = [
        Case(name, lambda endpoint: endpoint.status(JOB, timeout=STRICT), STRICT)
        for name in ENDLESS
    ]
    with Server(by_endpoint(lambda id: ENDLESS[id])) as server:
        outcomes = run_all(mode, cases, base_url=server.base_url, max_response_size=10**8)
    for outcome in outcomes:
        assert type(outcome.error) is RunpodTimeoutError, outcome.case.endpoint
        assert outcome.took < STRICT + GENEROUS, outcome.case.endpoint


def test_a_name_that_is_not_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent, and the timeout is kept although the look-up cannot be interrupted."""
    hanging, ended = 20.0, threading.Event()

    def hang(*arguments: Any, **named: Any) -> Any:
        flags = named.get("flags") or (arguments[5] if len(arguments) > 5 else 0)
        if not flags & socket.AI_NUMERICHOST:  # which trio requests first, and waits for
            ended.wait(hanging)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    def outcome(mode: str) -> Outcome:
        ask = lambda endpoint: endpoint.run(input=1, timeout=STRICT)  # noqa: E731
        return run_one(mode, Case("ep", ask, STRICT), base_url="http://api.test/v2")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    modes = [mode for mode in ALL_WAYS if mode != "uvloop"]
    with ThreadPoolExecutor(len(modes)) as pool:
        outcomes = list(pool.map(outcome, modes))
        ended.set()
    for mode, found in zip(modes, outcomes, strict=True):
        assert type(found.error) is RunpodTimeoutError, mode
        assert found.took < hanging / 2, mode


@in_virtual_time
@pytest.mark.parametrize("mode", ALL_WAYS)
def test_no_limit(mode: str) -> None:
    """With `timeout=None` neither a call nor its attempt ends by the client's own timeout."""

    def late(exchange: Exchange) -> bool:
        exchange.sleep(0.5)
        return answer({**GOOD_JOB, "jobs": {}, "workers": {}})(exchange)

    asks: dict[str, Any] = {
        "status": lambda endpoint: endpoint.status(JOB, timeout=None),
        "health": lambda endpoint: endpoint.health(timeout=None),
        "run": lambda endpoint: endpoint.run(input=1, timeout=None),
        "cancel": lambda endpoint: endpoint.cancel(JOB, timeout=None),
    }
    cases = [Case(name, ask) for name, ask in asks.items()]
    with Server(by_endpoint(lambda _: late)) as server:
        outcomes = run_all(mode, cases, base_url=server.base_url, timeout=0.2)
    assert [outcome.error for outcome in outcomes] == [None] * len(cases)
    assert len(server.requests) == len(cases)
