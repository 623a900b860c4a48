"""Requests about a job that was submitted just now, and that some servers do not know yet."""

from __future__ import annotations

import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import errors
from runpod_sdk._flows import api
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.recent_jobs import RecentJobs
from runpod_sdk._flows.send import call
from runpod_sdk._flows.stream import ChunkReader
from runpod_sdk._flows.submit import run, run_sync
from runpod_sdk._flows.wait import wait
from runpod_sdk.settings import PROPAGATION
from tests.flows.virtual import (
    ENDPOINT,
    JOB,
    Service,
    Timeline,
    VirtualIO,
    collect,
    drive,
    session,
)

REQUEST = api.JobRequest(input_=1)
STORY = Timeline(0.2, 8.0, chunks=("a", "b"))
Ask = Callable[[EndpointContext, float | None], Awaitable[Any]]


async def waits(here: EndpointContext, timeout: float | None) -> Any:
    return (await wait(here, JOB, here.deadline(timeout))).output


async def streams(here: EndpointContext, timeout: float | None) -> Any:
    return await collect(ChunkReader(here, JOB, timeout))


async def looks(here: EndpointContext, timeout: float | None) -> Any:
    return (await call(here, api.status(ENDPOINT, JOB), here.deadline(timeout))).id


async def cancels(here: EndpointContext, timeout: float | None) -> Any:
    return (await call(here, api.cancel(ENDPOINT, JOB), here.deadline(timeout))).id


ASKS: dict[str, tuple[Ask, Any]] = {
    "wait": (waits, ["a", "b"]),
    "stream": (streams, ["a", "b"]),
    "status": (looks, JOB),
    "cancel": (cancels, JOB),
}
each_ask = pytest.mark.parametrize("ask", ASKS)


def asked(io: VirtualIO) -> list[str]:
    return [what for _, what, _ in io.calls]


@each_ask
@given(st.floats(0.0, PROPAGATION - 0.5), st.sampled_from([0, 2]), st.booleans())
def test_a_job_that_is_not_known_everywhere_yet(
    ask: str, unknown_for: float, max_retries: int, long_polls: bool
) -> None:
    """Each request is repeated, even if the operation is not retried otherwise."""
    timeline = Timeline(0.2, 8.0, chunks=("a", "b"), unknown_for=unknown_for, long_polls=long_polls)
    io = VirtualIO(Service(timeline, started=False))
    here = session(io, max_retries=max_retries)
    assert drive(run(here, REQUEST, None)).id == JOB
    flow, expected = ASKS[ask]
    assert drive(flow(here, None)) == expected  # type: ignore[arg-type]
    if long_polls and ask == "wait":  # the server is not mistaken for one without long polls
        assert asked(io)[-1] == "status-sync"


@each_ask
def test_a_job_that_stays_unknown(ask: str) -> None:
    """After five seconds the job is not found; the timeout still applies."""
    flow, _ = ASKS[ask]
    for timeout in (60.0, 2.1):
        io = VirtualIO(Service(Timeline(unknown_for=1e6), started=False))
        here = session(io)
        drive(run(here, REQUEST, None))
        outcome = drive(flow(here, timeout))  # type: ignore[arg-type]
        outcome = outcome[0] if ask == "stream" else outcome
        late = timeout == 2.1 and ask in ("wait", "stream")
        assert isinstance(outcome, errors.RunpodTimeoutError if late else errors.NotFoundError)
        assert io.now() <= min(timeout, PROPAGATION + 0.5) + 0.1
        assert len(io.calls) > 5


@each_ask
def test_a_job_that_others_submitted(ask: str) -> None:
    """The submission time is unknown, so a 404 is final at once."""
    io = VirtualIO(Service(Timeline(unknown_for=1e6)))
    flow, _ = ASKS[ask]
    outcome = drive(flow(session(io), None))  # type: ignore[arg-type]
    assert isinstance(outcome[0] if ask == "stream" else outcome, errors.NotFoundError)
    assert asked(io) == (["status-sync", "status"] if ask == "wait" else [asked(io)[0]])


@each_ask
def test_a_job_that_was_known(ask: str) -> None:
    """After a first response about the job, a 404 is final, even if the job is recent."""
    service = Service(STORY, started=False)
    io = VirtualIO(service)
    here = session(io)
    drive(run(here, REQUEST, None))
    drive(looks(here, None))
    service.timeline = Timeline(unknown_for=1e6)
    before, now = len(io.calls), io.now()
    outcome = drive(ASKS[ask][0](here, None))  # type: ignore[arg-type]
    assert isinstance(outcome[0] if ask == "stream" else outcome, errors.NotFoundError)
    assert len(io.calls) - before == (2 if ask == "wait" else 1)
    assert io.now() < now + 0.1


def test_a_long_poll_that_is_not_offered() -> None:
    """It is requested once more than for another job, and then no more."""
    io = VirtualIO(Service(Timeline(0.2, 8.0, long_polls=False), started=False))
    assert drive(run_sync(session(io), REQUEST, None)).succeeded
    assert asked(io).count("status-sync") == 2


ids = st.sampled_from(["a", "b", "c"])
steps = st.tuples(st.sampled_from(["add", "discard", "wait"]), ids, st.floats(0.0, 4.0))


@given(st.lists(steps, max_size=30))
def test_who_is_new(given_steps: list[tuple[str, str, float]]) -> None:
    """A job is recent if it was added less than five seconds ago and not discarded."""
    newcomers, now = RecentJobs(), 100.0
    expected: dict[str, float] = {}
    for what, id, seconds in given_steps:
        now += seconds
        if what == "add":
            newcomers.add(ENDPOINT, id, now)
            expected[id] = now
        elif what == "discard":
            newcomers.discard(ENDPOINT, id)
            expected.pop(id, None)
        for one in ("a", "b", "c"):
            new = one in expected and now - expected[one] <= PROPAGATION
            assert newcomers.has(ENDPOINT, one, now) == new
            assert not newcomers.has("another", one, now)


def test_another_clock() -> None:
    """A client that changes from trio to asyncio has another clock; no job stays recent."""
    newcomers = RecentJobs()
    newcomers.add(ENDPOINT, JOB, 1e6)
    assert not newcomers.has(ENDPOINT, JOB, 10.0)


def test_what_is_kept_of_jobs_that_nobody_asks_after() -> None:
    """A client that submits for days keeps only the jobs of the last seconds."""
    newcomers = RecentJobs()
    tracemalloc.start()
    try:
        for number in range(50_000):
            newcomers.add(ENDPOINT, f"job-{number}", number * 0.1)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
