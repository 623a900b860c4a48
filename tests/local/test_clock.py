"""Time that advances on request."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk.local import LocalEndpoint, VirtualClock

from . import support
from .conftest import Serve
from .support import Api, Gate, echo


@given(st.lists(st.integers(0, 10**6) | st.timedeltas(timedelta(0), timedelta(days=365))))
def test_it_goes_on_by_what_it_is_told(lengths: list[float | timedelta]) -> None:
    """It starts at zero and stands still in between."""
    clock, total = VirtualClock(), 0.0
    for length in lengths:
        clock.advance(length)
        total += length.total_seconds() if isinstance(length, timedelta) else length
        assert clock() == clock() == total


@pytest.mark.parametrize("length", [-1, timedelta(-1), float("nan"), float("inf")])
def test_it_never_goes_back(length: Any) -> None:
    """Nor to the end of time."""
    with pytest.raises(ValueError, match="zero or more"):
        VirtualClock().advance(length)


def test_results_expire(serve: Serve) -> None:
    """Half an hour of retention passes at once, for the next request that comes."""
    clock = VirtualClock()
    api: Api = serve(echo, clock=clock)
    job_id = api.run(1)
    assert api.wait(job_id)["status"] == "COMPLETED"
    clock.advance(timedelta(minutes=30) - timedelta(seconds=1))
    assert api.status(job_id)["output"] == 1
    clock.advance(1)
    assert api.refused("GET", f"/status/{job_id}") == (404, "job not found")


def test_those_who_wait_are_told(serve: Serve) -> None:
    """A request that is held for a job is answered when its TTL or execution timeout passes."""
    clock, gate = VirtualClock(), Gate()
    api: Api = serve(lambda _: gate.wait(), clock=clock)
    running, queued = api.run(), api.run(policy={"ttl": 60_000})
    gate.reached()
    with (
        api.held("GET", f"/status-sync/{running}") as failing,
        api.held("GET", f"/status-sync/{queued}") as vanishing,
    ):
        clock.advance(600)
        assert vanishing.answer()["http"] == 404
        failed = failing.answer()
    assert (failed["error"], failed["executionTime"]) == ("executionTimeout exceeded", 600_000)
    gate.open()


def test_times_are_those_of_the_clock(serve: Serve) -> None:
    """A handler that advances it has taken so long, exactly."""
    clock = VirtualClock()

    def handler(_: Any) -> None:
        clock.advance(42.5)

    api: Api = serve(handler, clock=clock)
    done = api.run_sync()
    assert (done["delayTime"], done["executionTime"]) == (0, 42_500)


def test_one_clock_for_many(serve: Serve) -> None:
    """All endpoints follow it; neither closed endpoints nor endpoints without a start delay it."""
    clock = VirtualClock()
    closed = LocalEndpoint(echo, clock=clock).start()
    closed.close()
    LocalEndpoint(echo, clock=clock)
    apis: list[Api] = [serve(echo, clock=clock) for _ in range(2)]
    jobs = [api.run_sync()["id"] for api in apis]
    clock.advance(60)
    for api, job_id in zip(apis, jobs, strict=True):
        assert api.refused("GET", f"/status/{job_id}")[0] == 404


def test_it_advances_from_anywhere(serve: Serve) -> None:
    """Threads and event loops may advance it at once, and nothing of it is lost."""
    clock = VirtualClock()
    api: Api = serve(echo, clock=clock)

    def advance() -> None:
        for _ in range(50):
            clock.advance(1)

    async def advance_too() -> None:
        advance()

    threads = [threading.Thread(target=advance) for _ in range(3)]
    for thread in threads:
        thread.start()
    asyncio.run(advance_too())
    for thread in threads:
        thread.join(support.PATIENCE)
    assert clock() == 200
    assert api.run_sync(1)["output"] == 1


def test_closing_while_it_advances() -> None:
    """Neither waits for the other forever."""
    clock, over = VirtualClock(), threading.Event()

    def advance() -> None:
        while not over.is_set():
            clock.advance(1)

    thread = threading.Thread(target=advance)
    thread.start()
    for _ in range(5):
        with LocalEndpoint(echo, clock=clock):
            pass
    over.set()
    thread.join(support.PATIENCE)
    assert not thread.is_alive()
