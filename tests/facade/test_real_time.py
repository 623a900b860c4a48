"""One pause of each kind on a real clock; all other tests of pauses use a clock that jumps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from runpod_sdk import RunpodTimeoutError
from tests.facade.clients import JOB, Driver, Routes, Script, job, problem

SLACK = 5.0
"""Tolerance for a busy machine."""


def timed(ask: Callable[[], Any]) -> float:
    """Return how many seconds *ask* took."""
    began = time.monotonic()
    ask()
    return time.monotonic() - began


def test_a_pause_that_the_server_asks_for(driver: Driver) -> None:
    """`Retry-After` is waited out."""
    endpoint = driver.endpoint(Script(problem(429, retry_after="1"), job()))
    took = timed(lambda: driver.call(lambda: endpoint.run(input=1)))
    assert 1 <= took < 1 + SLACK


def test_a_pause_between_polls_and_the_end_of_the_time(driver: Driver) -> None:
    """A server that holds no answer is polled with pauses, until the timeout."""
    script = Routes(status_sync=job("IN_PROGRESS"))
    endpoint = driver.endpoint(script)

    def wait() -> None:
        with pytest.raises(RunpodTimeoutError):
            driver.call(lambda: endpoint.wait(JOB, timeout=0.5))

    assert 0.5 <= timed(wait) < 0.5 + SLACK
    assert len(script.requests) < 10
