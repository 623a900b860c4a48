"""
Faults of RunPod's Go client, G1 to G15: each test would fail on that fault.

G4  An example that does not compile: every example of this repository is run, by tests/examples.
"""

from __future__ import annotations

import gc
import inspect
import json
import threading
from typing import Any

import anyio
import httpx
import pytest

from runpod_sdk import (
    APIResponseValidationError,
    APIStatusError,
    AsyncRunpod,
    ExecutionPolicy,
    JobFailedError,
    Runpod,
    RunpodTimeoutError,
    StreamInterruptedError,
    local,
)
from tests.facade.clients import (
    JOB,
    KEY,
    Driver,
    Routes,
    Script,
    SocketServer,
    answer,
    chunks,
    in_no_time,
    job,
    problem,
)
from tests.facade.clients import driver as drive
from tests.peer_bugs.virtual import Service, timed


def test_g1_nothing_is_left_behind_by_a_timeout() -> None:
    """A call that timed out left a goroutine blocked for ever, racing for its results."""
    with (
        SocketServer(lambda connection, _: server.closing.wait(30) and None) as server,
        Runpod(KEY, base_url=server.base_url) as client,
    ):
        endpoint = client.endpoint("ep")
        before = set(threading.enumerate())
        for ask in (endpoint.status, endpoint.cancel, endpoint.wait):
            with pytest.raises(RunpodTimeoutError):
                ask(JOB, timeout=0.3)
        new = set(threading.enumerate()) - before
        assert {thread.name for thread in new if not server.owns(thread)} == set()
        assert len(server.requests) == 3


@pytest.mark.parametrize("mode", ["asyncio", "trio"])
def test_g1_no_task_is_left_behind_by_a_timeout(mode: str) -> None:
    """The same of the async client: its loop is as empty afterwards as it was before."""

    async def tasks() -> int:
        gc.collect()
        return len(anyio.get_running_tasks())

    with drive(mode) as driver:
        endpoint = driver.endpoint(Routes(status_sync=job("IN_QUEUE")))
        before = driver.call(tasks)
        with pytest.raises(RunpodTimeoutError):
            driver.call(lambda: endpoint.wait(JOB, timeout=0.1))
        assert driver.call(tasks) <= before


@pytest.mark.parametrize(
    ("output", "rest"), [([1, 2, 3], [2, 3]), ([], None), ("other", None), ([9, 2, 3], None)]
)
def test_g2_chunks_of_a_lost_answer_are_not_lost_in_silence(
    driver: Driver, output: Any, rest: list[int] | None
) -> None:
    """An abandoned call had taken chunks from the server, and nobody was told."""
    script = Script(chunks("IN_PROGRESS", 1), httpx.ReadTimeout("slow"), job(output=output))
    stream = driver.endpoint(script).stream(JOB)
    assert driver.next(stream).output == 1
    if rest is None:
        with pytest.raises(StreamInterruptedError, match=JOB):
            driver.next(stream)
    else:
        assert [chunk.output for chunk in driver.take(stream)] == rest


def test_g3_a_stream_needs_no_one_to_read_it(driver: Driver) -> None:
    """A reader that began late, or stopped early, blocked the client after a hundred chunks."""
    many = Script(chunks("IN_PROGRESS", *range(1_000)), chunks("COMPLETED"))
    stream = driver.endpoint(many).stream(JOB)
    assert many.requests == []
    assert [chunk.output for chunk in driver.take(stream, 3)] == [0, 1, 2]
    driver.call(lambda: driver.close(stream))
    assert driver.take(stream) == []
    assert len(many.requests) == 1


def test_g3_the_pattern_of_the_documentation(driver: Driver) -> None:
    """Submit, then take all chunks: more of them than any buffer holds."""

    def handler(job: Any) -> Any:
        yield from range(job["input"])

    with local.LocalEndpoint(handler) as served:
        client = driver.client(api_key=served.api_key, base_url=served.base_url)
        handle = driver.call(lambda: client.endpoint(served.endpoint_id).run(input=300))
        taken = driver.take(handle.stream(timeout=60))
        assert [chunk.output for chunk in taken] == list(range(300))
        driver.call(lambda: driver.close(client))


@pytest.mark.parametrize("value", [{}, [], "text", 5, None, False], ids=repr)
def test_g5_an_empty_input_is_sent(driver: Driver, value: Any) -> None:
    """An empty input was left out, and one that is no object could not be said."""
    script = Script(job("IN_QUEUE"))
    endpoint = driver.endpoint(script)
    driver.call(lambda: endpoint.run(input=value))
    assert script.last.content == json.dumps({"input": value}, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "error", ["boom", {"code": 7}, ["a", 1], 5, True, None, "", '{"error_type": 5}', "{"], ids=repr
)
def test_g6_an_error_of_any_form_is_a_failed_job(driver: Driver, error: Any) -> None:
    """An error that was an object could not be decoded, and the failure was lost."""
    endpoint = driver.endpoint(Script(job("FAILED", error=error)))
    state = driver.call(lambda: endpoint.status(JOB))
    assert state.status == "FAILED"
    assert state.to_dict()["error"] == error
    assert state.error is None or isinstance(state.error, str)
    with pytest.raises(JobFailedError, match=JOB):
        driver.call(lambda: endpoint.run_sync(input=1))


@in_no_time
def test_g7_progress_does_not_survive_into_the_result(driver: Driver) -> None:
    """Each poll was decoded into the same struct: old progress showed up as the output."""
    script = Script(job("IN_QUEUE"), job("IN_PROGRESS", output="4/10", retries=1), job())
    endpoint = driver.endpoint(script)
    state = driver.call(lambda: endpoint.run_sync(input=1))
    assert (state.output, state.has_output, state.progress) == (None, False, None)
    assert state.retries is None


def test_g8_an_answer_without_id_is_an_error(driver: Driver) -> None:
    """An answer of runsync without an id was a nil pointer."""
    for body in ({"status": "COMPLETED", "output": 1}, {"id": None, "status": "IN_QUEUE"}):
        endpoint = driver.endpoint(Script(answer(body)))
        with pytest.raises(APIResponseValidationError) as caught:
            driver.call(lambda endpoint=endpoint: endpoint.run_sync(input=1))
        assert caught.value.body == body


def test_g9_defaults_are_what_is_documented() -> None:
    """The documented default was 120 s, that of the code 90; a stream was cut off after 93 s."""
    documented = {
        "run_sync": 90.0,
        "wait": None,
        "stream": None,
    }
    for cls in (Runpod, AsyncRunpod):
        assert inspect.signature(cls).parameters["timeout"].default == 10.0
        assert inspect.signature(cls).parameters["max_retries"].default == 2
        for method, default in documented.items():
            signature = inspect.signature(getattr(cls(KEY).endpoint("ep"), method))
            assert signature.parameters["timeout"].default == default

    async def take(endpoint: Any) -> list[Any]:
        return [chunk.output async for chunk in endpoint.stream(JOB)]

    service = Service(runs=1_000, chunks=[10, 500, 900])
    taken, took = timed(service, take)
    assert taken == [0, 1, 2]
    assert took == pytest.approx(1_000)


@pytest.mark.parametrize("runs", [1, 5, 50, 59])
def test_g10_all_the_time_is_for_the_job(runs: float) -> None:
    """After runsync had used the timeout up, three seconds of polling were left."""
    state, took = timed(
        Service(runs=runs, output="done"), lambda endpoint: endpoint.run_sync(input=1, timeout=60)
    )
    assert state.output == "done"
    assert took == pytest.approx(runs)


def test_g11_zero_is_not_infinity(driver: Driver) -> None:
    """A request timeout of zero was none at all."""
    script = Script(job())
    with pytest.raises(ValueError, match="greater than zero"):
        driver.client(timeout=0)
    endpoint = driver.endpoint(script)
    with pytest.raises(ValueError, match="greater than zero"):
        driver.call(lambda: endpoint.run_sync(input=1, timeout=0))
    assert script.requests == []


@pytest.mark.parametrize("code", [400, 404, 500])
def test_g12_the_body_of_a_refusal_is_kept(driver: Driver, code: int) -> None:
    """What came with anything but 200 was thrown away."""
    endpoint = driver.endpoint(Script(problem(code, "this is why")), max_retries=0)
    with pytest.raises(APIStatusError, match="this is why") as caught:
        driver.call(lambda: endpoint.status(JOB))
    assert caught.value.body["detail"] == "this is why"  # type: ignore[call-overload, index]


@pytest.mark.parametrize("code", [201, 202])
def test_g12_any_2xx_is_no_error(driver: Driver, code: int) -> None:
    """201 and 202 were errors."""
    endpoint = driver.endpoint(Script(answer({"id": JOB, "status": "IN_QUEUE"}, code)))
    assert driver.call(lambda: endpoint.run(input=1)).id == JOB


def test_g13_a_failed_job_is_an_error(driver: Driver) -> None:
    """A failed job was returned with a nil error."""
    with local.LocalEndpoint(lambda job: {"error": "because"}) as served:
        client = driver.client(api_key=served.api_key, base_url=served.base_url)
        with pytest.raises(JobFailedError, match="because"):
            driver.call(lambda: client.endpoint(served.endpoint_id).run_sync(input=1))
        driver.call(lambda: driver.close(client))


def test_g14_there_is_a_pause_between_polls() -> None:
    """Polls followed each other without delay, those of a job in the queue too."""
    for ask in (
        lambda endpoint: endpoint.run_sync(input=1, timeout=30),
        lambda endpoint: endpoint.job(JOB).output(timeout=30),
    ):
        service = Service(instant=True)
        error, _ = timed(service, ask)
        assert isinstance(error, RunpodTimeoutError)
        assert len(service.asked) <= 30


def test_g14_the_result_is_not_late_for_it() -> None:
    """The pause follows an answer that says nothing new, and not one that was held."""
    for runs in (0.5, 1.5, 42.0):
        state, took = timed(Service(runs=runs), lambda endpoint: endpoint.wait(JOB))
        assert state.completed
        assert took == pytest.approx(runs)


@pytest.mark.parametrize("low", [True, False])
def test_g15_low_priority_can_be_said(driver: Driver, low: bool) -> None:
    """`lowPriority` was missing."""
    script = Script(job("IN_QUEUE"))
    endpoint = driver.endpoint(script)
    driver.call(lambda: endpoint.run(input=1, policy=ExecutionPolicy(low_priority=low)))
    assert script.bodies == [{"input": 1, "policy": {"lowPriority": low}}]
