"""
A signal handler that calls the client whose call it interrupts, such as to cancel a job on SIGTERM.

It runs in the same thread, so it must not wait for a lock that the interrupted code holds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from runpod_sdk import Endpoint, Runpod
from tests.interruptions.instants import SDK, Interrupter, watching
from tests.transport.server import Server, good

LOCKING = tuple(
    f"{SDK}/{part}" for part in ("_flows/rate_limit.py", "_io/http11/pool.py", "_telemetry/")
)
"""The code that threads share."""
LONGEST = 30.0
"""Seconds after which calls have stopped for ever."""


Call = Callable[[Endpoint], object]
CALLS: dict[str, Call] = {
    "run": lambda endpoint: endpoint.run(input=1),
    "status": lambda endpoint: endpoint.status("j1"),
    "cancel": lambda endpoint: endpoint.cancel("j1"),
}


class Handler(Interrupter):
    """Calls where an interrupter raises an exception."""

    def __init__(self, call: Callable[[], object], at: int = 0) -> None:
        super().__init__(at, files=LOCKING)
        self._call = call

    def interrupt(self) -> None:
        self._call()


def interrupt_at_each_instant(client: Runpod, interrupted: Call, called: Call) -> int:
    """Make a call for each of its instants, the other one at that instant; return how many."""
    at = -2  # the first calls import things and make connections
    while True:
        endpoint = client.endpoint(f"ep{at}")  # with rate limits of its own
        with watching(Handler(partial(called, endpoint), at)) as handler:
            handler.armed = True
            interrupted(endpoint)
        if handler.armed and at > 0:
            return at
        at += 1


@pytest.mark.parametrize("interrupted", ["status", "run"])
@pytest.mark.parametrize("called", ["status", "cancel"])
def test_a_call_in_a_signal_handler(interrupted: str, called: str) -> None:
    """Both calls end, and the connections stay usable."""
    found: list[int] = []
    with Server(good) as server, Runpod("key-of-a-test", base_url=server.base_url) as client:

        def interrupt() -> None:
            found.append(interrupt_at_each_instant(client, CALLS[interrupted], CALLS[called]))

        thread = threading.Thread(target=interrupt, daemon=True)
        thread.start()
        thread.join(LONGEST)
        assert found, "a call waits for a lock"
        assert found[0] > 100
        assert server.connections <= 2
