"""The effects of time alone on a job, with a clock that the test sets."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest

from runpod_sdk.local import Limits, VirtualClock

from . import support
from .conftest import Serve
from .support import Api, Clock, Gate

GONE = (404, "job not found")


async def forever(_: Any) -> Any:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("path", "query", "seconds"),
    [("/run", "", 1800), ("/runsync", "", 60), ("/runsync", "?wait=1000", 300)],
)
def test_a_result_is_kept_for_as_long_as_it_is_said(
    serve: Serve, clock: Clock, path: str, query: str, seconds: int
) -> None:
    """A result can be asked for until its retention has passed, and is unknown after that."""
    api = serve(lambda _: "done", clock=clock)
    job_id = api.ok("POST", path + query, json={"input": 1})["id"]
    api.wait(job_id)
    clock.advance(seconds - 1)
    assert api.status(job_id)["output"] == "done"
    clock.advance(1)
    for operation in ("status", "status-sync", "stream"):
        assert api.refused("GET", f"/{operation}/{job_id}") == GONE
    for operation in ("cancel", "retry"):
        assert api.refused("POST", f"/{operation}/{job_id}") == GONE


def test_times_are_counted_by_the_clock(serve: Serve, clock: Clock) -> None:
    """The delay is from submission to pick-up, the execution from there to the end."""
    gate = Gate()
    api = serve(lambda _: gate.wait(), clock=clock)
    first, second = api.run(), api.run()
    gate.reached()
    clock.advance(1.5)
    gate.open()
    assert api.wait(first).items() >= {"delayTime": 0, "executionTime": 1500}.items()
    gate.reached()
    clock.advance(0.25)
    assert api.status(second)["delayTime"] == 1500
    gate.open()
    assert api.wait(second).items() >= {"delayTime": 1500, "executionTime": 250}.items()


def test_an_execution_timeout_fails_the_job(serve: Serve, clock: Clock) -> None:
    """It ends as FAILED, as recorded, and the handler is stopped."""
    stopped, begun = threading.Event(), threading.Event()

    async def handler(job: dict[str, Any]) -> Any:
        if job["input"] is None:
            return "next"
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    api = serve(handler, clock=clock)
    job_id = api.run(1, policy={"executionTimeout": 5000})
    assert begun.wait(support.PATIENCE)
    clock.advance(4)
    assert api.status(job_id)["status"] == "IN_PROGRESS"
    clock.advance(4)
    failed = api.status(job_id)
    assert set(failed) == support.FAILED
    assert failed["error"] == "executionTimeout exceeded"
    assert failed["executionTime"] == 8000
    assert stopped.wait(support.PATIENCE)
    assert api.run_sync()["output"] == "next"
    assert api.health()["jobs"] == {
        "completed": 1,
        "failed": 1,
        "inProgress": 0,
        "inQueue": 0,
        "retried": 0,
    }


def test_the_endpoint_has_an_execution_timeout_of_its_own(serve: Serve, clock: Clock) -> None:
    """It holds for jobs without a policy, and runs from the start of the job."""
    api = serve(forever, clock=clock, limits=Limits(execution_timeout=timedelta(minutes=1)))
    first, second = api.run(), api.run()
    api.settled()
    for job_id in (first, second):
        while api.status(job_id)["status"] == "IN_QUEUE":
            pass
        clock.advance(60)
        assert api.wait(job_id)["error"] == "executionTimeout exceeded"


@pytest.mark.parametrize("operation", ["status-sync", "stream"])
@pytest.mark.parametrize("policy", ["executionTimeout", "ttl"])
def test_time_ends_long_polls_too(serve: Serve, clock: Clock, operation: str, policy: str) -> None:
    """A waiting request is answered, without another request."""
    api = serve(forever, clock=clock, limits=Limits(sweep_interval=0.01))
    job_id = api.run(1, policy={policy: 5000})
    with api.held("GET", f"/{operation}/{job_id}") as held:
        clock.advance(5)
        answer = held.answer()
    assert answer["status"] == "FAILED" if policy == "executionTimeout" else answer["http"] == 404


def test_a_job_is_gone_when_its_ttl_has_passed(serve: Serve, clock: Clock) -> None:
    """Queued or running, it is unknown from then on, and no longer runs."""
    cancelled = threading.Event()
    begun = threading.Event()

    async def handler(job: dict[str, Any]) -> Any:
        assert job["input"] != "queued"
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    api = serve(handler, clock=clock)
    running = api.run("running", policy={"ttl": 10000})
    queued = api.run("queued", policy={"ttl": 10000})
    assert begun.wait(support.PATIENCE)
    clock.advance(9)
    assert (api.status(running)["status"], api.status(queued)["status"]) == (
        "IN_PROGRESS",
        "IN_QUEUE",
    )
    clock.advance(1)
    assert api.refused("GET", f"/status/{running}") == GONE
    assert api.refused("GET", f"/status/{queued}") == GONE
    assert cancelled.wait(support.PATIENCE)
    assert set(api.health()["jobs"].values()) == {0}


def test_a_finished_job_outlives_its_ttl(serve: Serve, clock: Clock) -> None:
    """From the end on, only the retention counts."""
    api = serve(lambda _: "done", clock=clock)
    job_id = api.run(1, policy={"ttl": 10000})
    api.wait(job_id)
    clock.advance(1000)
    assert api.status(job_id)["output"] == "done"


def test_status_can_set_the_ttl(serve: Serve, clock: Clock) -> None:
    """It counts from the call that sets it, with either verb."""
    api = serve(forever, clock=clock)
    longer, shorter = api.run(1, policy={"ttl": 10000}), api.run()
    clock.advance(9)
    assert api.ok("GET", f"/status/{longer}", params={"ttl": "20000"})["id"] == longer
    assert api.ok("POST", f"/status/{shorter}", params={"ttl": "10000"})["id"] == shorter
    clock.advance(10)
    assert api.status(longer)["id"] == longer
    assert api.refused("GET", f"/status/{shorter}") == GONE
    clock.advance(10)
    assert api.refused("GET", f"/status/{longer}") == GONE


def test_a_retry_begins_a_new_life(serve: Serve, clock: Clock) -> None:
    """Its delay counts from the submission; its TTL and retention start again."""
    errors = ["once"]
    api = serve(
        lambda _: {"error": errors.pop()} if errors else "done",
        clock=clock,
        limits=Limits(ttl=100, retention=50),
    )
    job_id = api.run()
    api.wait(job_id)
    clock.advance(49)
    api.ok("POST", f"/retry/{job_id}")
    done = api.wait(job_id)
    assert done.items() >= {"status": "COMPLETED", "delayTime": 49000}.items()
    clock.advance(49)
    assert api.status(job_id) == done


@pytest.mark.parametrize("value", [0, -1, float("nan"), timedelta(0)])
def test_limits_are_positive(value: Any) -> None:
    """A time that could never pass, or a size that nothing has, is a mistake."""
    with pytest.raises(ValueError, match="retention must be greater than zero"):
        Limits(retention=value)


@pytest.mark.parametrize("value", ["5", True, None])
def test_limits_are_numbers(value: Any) -> None:
    """The same numbers as elsewhere: no text is read as one."""
    clock = VirtualClock()
    for use in (lambda: Limits(retention=value), lambda: clock.advance(value)):
        with pytest.raises(TypeError, match="number of seconds or a timedelta"):
            use()
    with pytest.raises(TypeError, match=r"a list of durations, such as \[5, 15\]"):
        Limits(webhook_retry_delays=value)
    for size in (value, 1.5):
        with pytest.raises(TypeError, match="run_body must be a whole number"):
            Limits(run_body=size)


def test_time_passes_by_itself(serve: Serve) -> None:
    """Without a clock of the test's, jobs still expire."""
    api: Api = serve(forever, limits=Limits(execution_timeout=0.05, sweep_interval=0.01))
    assert api.run_sync()["error"] == "executionTimeout exceeded"
