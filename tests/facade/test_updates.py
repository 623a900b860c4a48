"""News of a job while it is waited for: each change once, and the end."""

from __future__ import annotations

from typing import Any

import pytest

from runpod_sdk import JobState, NotFoundError, RunpodTimeoutError
from tests.facade.clients import JOB, Driver, Routes, Script, in_no_time, job, problem


def news(state: JobState) -> tuple[str, Any]:
    return state.status, state.progress


STORY = [
    job("IN_QUEUE"),
    job("IN_QUEUE"),
    job("IN_PROGRESS"),
    job("IN_PROGRESS", output={"step": 1}),
    job("IN_PROGRESS", output={"step": 1}),
    job("IN_PROGRESS", output={"step": 2}),
    job("COMPLETED", output="done"),
]
TOLD = [
    ("IN_QUEUE", None),
    ("IN_PROGRESS", None),
    ("IN_PROGRESS", {"step": 1}),
    ("IN_PROGRESS", {"step": 2}),
    ("COMPLETED", None),
]


@in_no_time
def test_updates(driver: Driver) -> None:
    """First the present state at once, then each change once, and the terminal state last."""
    script = Script(*STORY)
    updates = driver.endpoint(script).job(JOB).updates()
    assert script.requests == []
    first = driver.next(updates)
    assert news(first) == TOLD[0]
    assert script.asked == [f"GET /status/{JOB}"]
    assert [news(state) for state in driver.take(updates)] == TOLD[1:]
    assert driver.take(updates) == []
    assert set(script.asked[1:]) == {f"GET /status/{JOB}"}  # as all of it comes at once
    assert len(script.requests) == len(STORY)


@in_no_time
def test_a_job_that_has_ended_is_one_update(driver: Driver) -> None:
    """Well or badly: it is a state, and no error."""
    script = Script(job("FAILED", error="out of paint"))
    assert [state.status for state in driver.take(driver.endpoint(script).updates(JOB))] == [
        "FAILED"
    ]
    assert len(script.requests) == 1


@in_no_time
@pytest.mark.parametrize("call", ["wait", "run_sync", "job.wait", "job.output"])
def test_a_function_is_told(driver: Driver, call: str) -> None:
    """The updates are the same, and the call's result does not change."""
    script = Script(*STORY)
    endpoint = driver.endpoint(script)
    told: list[JobState] = []

    async def awaited(state: JobState) -> None:
        told.append(state)

    how: dict[str, Any] = {"on_update": awaited if driver.is_async else told.append}
    result = driver.call(
        lambda: {
            "wait": lambda: endpoint.wait(JOB, **how),
            "run_sync": lambda: endpoint.run_sync(input=1, **how),
            "job.wait": lambda: endpoint.job(JOB).wait(**how),
            "job.output": lambda: endpoint.job(JOB).output(**how),
        }[call]()
    )
    assert [news(state) for state in told] == TOLD
    assert (result if call == "job.output" else result.output) == "done"


@pytest.mark.parametrize("call", ["wait", "output"])
def test_a_function_is_told_a_result_that_is_known(driver: Driver, call: str) -> None:
    """Without a request; arguments are checked as before the first."""
    script = Script(job(output="done"))
    handle = driver.endpoint(script).job(JOB)
    again = getattr(handle, call)
    told: list[JobState] = []
    driver.call(handle.wait)
    driver.call(lambda: again(on_update=told.append))
    assert [state.output for state in told] == ["done"]
    for wrong in ({"timeout": -1}, {"on_timeout": "kill"}, {"on_update": 5}):
        with pytest.raises((TypeError, ValueError)):
            driver.call(lambda wrong=wrong: again(**wrong))
    assert len(script.requests) == 1


@in_no_time
def test_what_the_function_raises_interrupts_the_wait(driver: Driver) -> None:
    """For any class; the job is named, and cancelled if the caller asked for it."""
    for error in (LookupError("enough"), NotFoundError("theirs", status_code=404)):
        script = Routes(
            status=job("IN_PROGRESS"), status_sync=job("IN_PROGRESS"), cancel=job("CANCELLED")
        )
        endpoint = driver.endpoint(script)

        def stop(_: JobState, error: Exception = error) -> None:
            raise error

        with pytest.raises(type(error)) as caught:
            driver.call(lambda e=endpoint, s=stop: e.wait(JOB, on_update=s, on_timeout="cancel"))
        assert caught.value is error
        assert error.__notes__ == [f"job {JOB}: it was cancelled"]
        assert script.asked == [f"GET /status/{JOB}", f"POST /cancel/{JOB}"]


@in_no_time
def test_outages_are_survived(driver: Driver) -> None:
    script = Script(problem(502), job("IN_QUEUE"), *[problem(502)] * 9, job("COMPLETED"))
    states = driver.take(driver.endpoint(script).updates(JOB))
    assert [state.status for state in states] == ["IN_QUEUE", "COMPLETED"]


@in_no_time
def test_time_runs_out(driver: Driver) -> None:
    """From the first question; the error has the job, and its last state."""
    updates = driver.endpoint(Script(job("IN_PROGRESS"))).job(JOB).updates(timeout=20)
    driver.next(updates)
    began = driver.now()
    with pytest.raises(RunpodTimeoutError) as caught:
        driver.next(updates)
    assert driver.now() - began <= 20.1
    assert caught.value.job.id == JOB
    assert caught.value.state.status == "IN_PROGRESS"


@in_no_time
def test_what_it_costs(driver: Driver) -> None:
    """While nothing changes, about a request each five seconds; a server may answer at once."""
    script = Script(job("IN_PROGRESS"))
    updates = driver.endpoint(script).updates(JOB, timeout=300)
    driver.next(updates)
    with pytest.raises(RunpodTimeoutError):
        driver.next(updates)
    assert 55 <= len(script.requests) <= 75
    waits = [int(request.url.params.get("wait", 0)) for request in script.requests]
    assert waits[:5] == [0, 0, 0, 0, 0]
    assert min(waits[5:]) >= 1000
    assert max(waits) == 5000


@in_no_time
def test_a_server_that_ends_its_long_polls_for_news(driver: Driver) -> None:
    """It is polled as long as in a wait, also after a change."""
    steps = [job("IN_PROGRESS", output=number) for number in range(4)]
    script = Routes(
        status=[steps[0]], status_sync=[steps[0], steps[1], steps[2], steps[3], job("COMPLETED")]
    )
    states = driver.take(driver.endpoint(script).updates(JOB))
    assert [state.progress for state in states] == [0, 1, 2, 3, None]
    waits = [int(request.url.params.get("wait", 0)) for request in script.requests]
    assert waits[-3:] == [30_000] * 3


@in_no_time
def test_a_server_without_long_polls(driver: Driver) -> None:
    """It is polled at /status; so is a server that knows the job there only."""
    script = Routes(status=STORY)
    states = driver.take(driver.endpoint(script).updates(JOB))
    assert [news(state) for state in states] == TOLD


@in_no_time
def test_no_such_job(driver: Driver) -> None:
    with pytest.raises(NotFoundError):
        driver.take(driver.endpoint(Script(problem(404))).updates(JOB))


@pytest.mark.parametrize("driver", ["sync", "asyncio"], indirect=True)
def test_a_map_tells_of_each_input(driver: Driver) -> None:
    script = Routes(run=job("IN_QUEUE"), status=[job("IN_QUEUE"), job("COMPLETED", output=1)])
    told: list[Any] = []
    endpoint = driver.endpoint(script)
    results = endpoint.map(["a"], on_update=lambda index, state: told.append((index, state.status)))
    assert [result.output for result in driver.take(results)] == [1]
    assert told == [(0, "IN_QUEUE"), (0, "COMPLETED")]


@pytest.mark.parametrize("driver", ["sync", "asyncio"], indirect=True)
def test_what_the_function_of_a_map_raises_ends_it(driver: Driver) -> None:
    def stop(*_: Any) -> None:
        raise NotFoundError("theirs", status_code=404)

    endpoint = driver.endpoint(Routes(run=job("IN_QUEUE"), status=job("IN_QUEUE")))
    with pytest.raises(NotFoundError, match="theirs"):
        driver.take(endpoint.map(["a"], on_update=stop))


def test_a_function_that_can_not_be_called() -> None:
    from runpod_sdk import Runpod

    with Runpod("rpa_KEY0123456789") as client:
        endpoint = client.endpoint("ep")
        for ask in (
            lambda: endpoint.wait(JOB, on_update=5),  # type: ignore[arg-type]
            lambda: endpoint.run_sync(input=1, on_update=5),  # type: ignore[arg-type]
            lambda: endpoint.map([1], on_update=5),  # type: ignore[call-overload]
        ):
            with pytest.raises(TypeError, match="on_update must be a function, not 5"):
                ask()


@pytest.mark.parametrize("driver", ["sync jumping"], indirect=True)
def test_an_async_function_is_for_the_async_client(driver: Driver) -> None:
    async def told(_: JobState) -> None:
        pass

    with pytest.raises(TypeError, match="use AsyncRunpod"):
        driver.endpoint(Script(job())).wait(JOB, on_update=told)
