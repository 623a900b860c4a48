"""
Values that a forked process has copied: each works there, or says in which process it does.

A thread of the parent holds the value's lock while it forks; the child has no such thread.
"""

from __future__ import annotations

import gc
import io
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from runpod_sdk import Runpod, RunpodError
from runpod_sdk.local import LocalEndpoint, LostReply, SlowStart, VirtualClock
from runpod_sdk.webhooks import Receiver, Seen
from tests.forking import in_child, needs_fork, no_warning
from tests.transport.server import Server, Visit

pytestmark = [needs_fork, no_warning]
WAIT = 10


class Gate:
    """Holds up the first thread that passes, until it is opened."""

    def __init__(self) -> None:
        self._reached, self._opened = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def passing(self) -> None:
        if threading.current_thread() is self._thread:
            self._reached.set()
            self._opened.wait(WAIT)

    @contextmanager
    def held_by(self, work: Callable[[], object]) -> Iterator[None]:
        """Let a thread do *work* up to here for the length of the block."""
        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        try:
            assert self._reached.wait(WAIT)
            yield
        finally:
            self._opened.set()
            self._thread.join(WAIT)


class SlowKey(str):
    """A key whose thread is held up where a lock is held: in the dictionary that looks it up."""

    gate: Gate

    def __hash__(self) -> int:
        self.gate.passing()
        return super().__hash__()


def slow_key(gate: Gate) -> SlowKey:
    key = SlowKey("key")
    key.gate = gate
    return key


@pytest.mark.parametrize("callers", [False, True], ids=["own", "callers"])
def test_a_client_with_calls_in_progress(callers: bool) -> None:
    """The child has its own connections; closing them ends no call of the parent."""
    asked, go_on = threading.Semaphore(0), threading.Event()

    def say(visit: Visit) -> bool:
        if b"/slow/" in visit.text:
            asked.release()
            go_on.wait(WAIT)
        return visit.say()

    http_client = httpx.Client(trust_env=False) if callers else None
    with Server(say) as server, ThreadPoolExecutor(2) as pool:
        client = Runpod("key-of-a-test", base_url=server.base_url, http_client=http_client)
        client.endpoint("ep").status("j1")
        calls = [pool.submit(client.endpoint("slow").run, input=n) for n in range(2)]
        for _ in calls:
            assert asked.acquire(timeout=WAIT)
        before = server.connections

        def use_and_close() -> object:
            status = client.endpoint("ep").status("j1").status
            client.close()
            if http_client is not None:
                http_client.close()
            return status

        assert in_child(use_and_close) == "COMPLETED"
        assert server.connections == before + 1
        go_on.set()
        assert [call.result(WAIT).id for call in calls] == ["j1", "j1"]
        client.close()
        if http_client is not None:
            http_client.close()


def test_the_copies_of_idle_connections_are_closed() -> None:
    """Without a warning of the interpreter, and without closing the parent's connection."""
    gc.collect()  # what earlier tests left is not of this child
    with Server(Visit.say) as server, Runpod("key-of-a-test", base_url=server.base_url) as client:
        client.endpoint("ep").status("j1")
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", ResourceWarning)
            assert in_child(lambda: [str(warning.message) for warning in seen]) == "[]"
        client.endpoint("ep").status("j1")
        assert server.connections == 1


def test_a_client_that_was_closed_before() -> None:
    client = Runpod("key-of-a-test", base_url="http://127.0.0.1:1/v2", max_retries=0)
    client.close()

    def error() -> str:
        with pytest.raises(RunpodError) as caught:
            client.endpoint("ep").status("j1")
        return type(caught.value).__name__

    assert in_child(error) == "ClientClosedError"


def test_a_caller_s_client_that_a_thread_uses() -> None:
    """The fork does not wait for the lock of a pool that a thread of the parent holds."""
    gate = Gate()
    with (
        httpx.Client(trust_env=False) as http_client,
        Runpod("key-of-a-test", base_url="http://test/v2", http_client=http_client),
    ):

        def use() -> None:
            with http_client._transport._pool._optional_thread_lock:  # type: ignore[attr-defined]
                gate.passing()

        with gate.held_by(use):
            assert in_child(lambda: "forked") == "forked"


def test_what_was_seen() -> None:
    gate, seen = Gate(), Seen()
    assert seen.add("before")
    with gate.held_by(lambda: seen.add(slow_key(gate))):
        assert in_child(lambda: [seen.add("before"), seen.add("new")]) == "[False, True]"
    assert seen.add("new")


def test_a_receiver() -> None:
    """The child accepts a call that a thread of the parent was handling during the fork."""
    gate, receiver = Gate(), Receiver("https://here.test/hook", "a secret of some length")
    url = receiver.url_for()
    body = b'{"id": "job-1", "status": "COMPLETED"}'

    class Handle:
        id = slow_key(gate)

        def status(self, **_: object) -> SimpleNamespace:
            return SimpleNamespace(completed=True)

    def receive() -> str:
        with receiver.taking(url, body) as delivery:
            return "duplicate" if delivery is None else delivery.state.id

    with gate.held_by(lambda: receiver.wait(Handle(), poll_every=0.01)):  # type: ignore[arg-type]
        assert in_child(receive) == "job-1"


def test_a_receiver_that_deals_with_a_call() -> None:
    receiver = Receiver("https://here.test/hook", "a secret of some length")
    url, body = receiver.url_for(), b'{"id": "job-1", "status": "COMPLETED"}'

    def receive() -> str:
        with receiver.taking(url, body) as delivery:
            return str(delivery)

    with receiver.taking(url, body):
        assert in_child(receive) == "None"  # it was seen before, and is not in hand here


class SlowTerminal(io.StringIO):
    """A terminal that is stuck while something is drawn."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._gate.passing()
        return super().write(text)


def test_a_terminal_with_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bars stay with the parent; the child can print, and has its own bars."""
    pytest.importorskip("rich")
    gate = Gate()
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal = SlowTerminal(gate)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", terminal)
    with LocalEndpoint(lambda job: job["input"]) as local, local.client() as client:
        endpoint = client.endpoint(local.endpoint_id)
        stdout = sys.stdout  # the terminal, behind what the local endpoint keeps of it

        def run(count: int) -> list[Any]:
            return [result.output for result in endpoint.map(range(count), progress=True)]

        def child() -> str:
            print("printed by the child")
            outputs = run(2)
            said = terminal.getvalue()
            return f"{outputs} {'printed by the child' in said} {sys.stdout is stdout}"

        with gate.held_by(lambda: run(3)):
            assert in_child(child) == "[0, 1] True True"
    assert "printed by the child" not in terminal.getvalue()


def test_a_local_endpoint() -> None:
    """A child can be its client; it can neither close nor control what runs in its parent."""
    clock = VirtualClock()
    with LocalEndpoint(lambda job: job["input"], clock=clock) as local:
        fault = local.faults.add(LostReply("purge-queue"))

        def ask() -> Any:
            with Runpod(local.api_key, base_url=local.base_url) as client:
                return client.endpoint(local.endpoint_id).run_sync(input=7).output

        def leave() -> str:
            with local:
                return "left"

        assert in_child(ask) == "7"
        assert in_child(leave) == "left"
        assert in_child(local.close) == "None"
        controls: list[Callable[[], object]] = [
            lambda: local.faults.add(LostReply("run")),
            lambda: local.faults.add(SlowStart(1)),
            fault.remove,
            lambda: clock.advance(1),
        ]
        for control in controls:
            answer = in_child(control)
            assert answer.startswith("RuntimeError: this local endpoint runs in the process that")
        assert ask() == 7


def test_a_local_endpoint_of_the_child() -> None:
    """A local endpoint that was not started can be used in the child and in the parent."""
    local = LocalEndpoint(lambda job: job["input"])

    def run() -> Any:
        with local, local.client() as client:
            local.faults.add(SlowStart(0.001))
            return client.endpoint(local.endpoint_id).run_sync(input=7).output

    assert in_child(run) == "7"
    with local:
        assert local.base_url


def test_a_clock() -> None:
    """A child does not wait for a thread of its parent that is letting time pass."""
    gate, clock = Gate(), VirtualClock()
    clock.follow(gate.passing)
    with gate.held_by(lambda: clock.advance(1)):

        def advance() -> float:
            clock.unfollow(gate.passing)
            clock.advance(2)
            return clock()

        assert in_child(advance) == "3.0"
    assert clock() == 1.0
