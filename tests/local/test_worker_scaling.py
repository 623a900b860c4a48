"""The number of workers and their states, in /health."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runpod_sdk.local import LocalEndpoint, VirtualClock

from .conftest import Serve
from .processes import until
from .support import Api, Gate, echo


def workers(api: Api) -> dict[str, int]:
    """Count the workers in each state in which there is one."""
    return {state: number for state, number in api.health()["workers"].items() if number}


def test_workers_are_there_before_jobs_are(serve: Serve) -> None:
    """By default, the maximum number of workers."""
    assert workers(serve(echo, workers=3)) == {"idle": 3, "ready": 3}


def test_workers_come_for_jobs_that_wait_and_go_when_idle(serve: Serve) -> None:
    """One for each job, as far as there may be so many."""
    clock, gate = VirtualClock(), Gate()
    api = serve(lambda _: gate.wait(), workers=2, min_workers=0, clock=clock)
    assert workers(api) == {}
    jobs = [api.run(number) for number in range(3)]
    gate.reached()
    gate.reached()
    assert workers(api) == {"running": 2}
    assert api.health()["jobs"]["inQueue"] == 1
    gate.open(3)
    assert len({api.wait(job_id)["workerId"] for job_id in jobs}) == 2
    assert workers(api) == {"idle": 2, "ready": 2}
    clock.advance(4.9)
    assert workers(api) == {"idle": 2, "ready": 2}
    clock.advance(0.1)
    until(lambda: workers(api) == {})


def test_some_stay(serve: Serve) -> None:
    """There are never fewer than the minimum, however idle they are."""
    clock = VirtualClock()
    api = serve(echo, workers=3, min_workers=1, idle_timeout=1, clock=clock)
    assert workers(api) == {"idle": 1, "ready": 1}
    clock.advance(3600)
    assert workers(api) == {"idle": 1, "ready": 1}


def test_a_worker_takes_its_time_to_start(serve: Serve) -> None:
    """Until then it is initializing, and its job waits, as the delay time shows."""
    clock = VirtualClock()
    api = serve(echo, min_workers=0, cold_start=timedelta(minutes=1), clock=clock)
    job_id = api.run("x")
    assert workers(api) == {"initializing": 1}
    clock.advance(59)
    assert api.status(job_id)["status"] == "IN_QUEUE"
    clock.advance(1)
    done = api.wait(job_id)
    assert (done["output"], done["delayTime"]) == ("x", 60_000)


def test_a_cold_start_in_real_time(serve: Serve) -> None:
    """No one has to ask for a worker to be started when it is time."""
    api = serve(echo, min_workers=0, cold_start=0.1)
    done = api.run_sync("x")
    assert done["output"] == "x"
    assert done["delayTime"] >= 100


def test_a_job_of_low_priority_is_no_reason_for_a_worker(serve: Serve) -> None:
    """It waits until there is one for another job."""
    api = serve(echo, min_workers=0)
    low = api.run("low", policy={"lowPriority": True})
    assert workers(api) == {}
    assert api.status(low)["status"] == "IN_QUEUE"
    high = api.run_sync("high")
    assert api.wait(low)["workerId"] == high["workerId"]


def test_a_handler_may_ask_for_a_new_worker(serve: Serve) -> None:
    """The next job is another worker's; its output is without the request."""

    def handler(job: dict[str, Any]) -> Any:
        return {"n": job["input"], "refresh_worker": job["input"] == 1}

    api = serve(handler)
    first, second, third = (api.run_sync(number) for number in (1, 2, 3))
    assert first["output"] == {"n": 1}
    assert first["workerId"] != second["workerId"] == third["workerId"]
    assert workers(api) == {"idle": 1, "ready": 1}


@pytest.mark.parametrize("fewest", [-1, 3])
def test_the_minimum_is_not_above_the_maximum(fewest: int) -> None:
    with pytest.raises(ValueError, match=r"min_workers must be (at least 0|from 0 to 2)"):
        LocalEndpoint(echo, workers=2, min_workers=fewest)
