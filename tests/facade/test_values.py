"""The values: immutable, comparable, and what they say of a job."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import attrs
import pytest

from runpod_sdk import (
    EndpointHealth,
    ExecutionPolicy,
    JobCancelledError,
    JobCounts,
    JobFailedError,
    JobState,
    JobStatus,
    JobTimedOutError,
    PurgeResult,
    S3Config,
    StreamChunk,
    WorkerCounts,
    local,
)
from runpod_sdk.local import LocalEndpoint
from tests.facade.clients import JOB, Driver, Routes, Script, answer, chunks, job

HEALTH = answer({"jobs": {"completed": 1, "new": 2}, "workers": {"idle": 3}, "also": 4})
PURGE = answer({"removed": 2, "status": "completed", "also": 1})
CHUNKS = answer({"status": "COMPLETED", "stream": [{"output": {"a": 1}, "metrics": 2, "also": 3}]})
STATE = job(output=[1], delayTime=1_500, executionTime=20, workerId="w", retries=1, also={"b": 2})


def state_of(driver: Driver, status: str, **fields: Any) -> JobState:
    endpoint = driver.endpoint(Script(job(status, **fields)))
    state: JobState = driver.call(lambda: endpoint.status(JOB))
    return state


def values(driver: Driver) -> list[Any]:
    """Make a value of every class."""
    routes = Routes(
        status=STATE, health=HEALTH, purge_queue=PURGE, stream=[CHUNKS, chunks("COMPLETED")]
    )
    endpoint = driver.endpoint(routes)
    health = driver.call(lambda: endpoint.health())
    return [
        driver.call(lambda: endpoint.status(JOB)),
        health,
        health.jobs,
        health.workers,
        driver.call(lambda: endpoint.purge_queue()),
        *driver.take(endpoint.stream(JOB)),
        ExecutionPolicy(ttl=50),
        S3Config(access_id="a", access_secret="b", bucket_name="c", endpoint_url="d"),
        endpoint,
        endpoint.job(JOB),
    ]


def test_no_value_can_be_changed(driver: Driver) -> None:
    """Neither an existing field nor a new one."""
    for value in values(driver):
        for field in attrs.fields(type(value)):
            with pytest.raises((AttributeError, TypeError)):
                setattr(value, field.name, None)
        with pytest.raises((AttributeError, TypeError)):
            value.nothing = 1


def test_values_are_equal_by_what_they_say(driver: Driver) -> None:
    """Two answers with the same content are equal, from any client."""
    for one, other in zip(values(driver)[:8], values(driver)[:8], strict=True):
        assert one == other
        assert one is not other
        assert one != object()


def test_values_can_be_copied_and_pickled(driver: Driver) -> None:
    """Copies are equal, of the same class, and as immutable."""
    for value in values(driver)[:8]:
        for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
            assert type(twin) is type(value)
            assert twin == value
            assert repr(twin) == repr(value)
            if hasattr(value, "to_dict"):
                assert twin.to_dict() == value.to_dict()


def test_to_dict_is_a_new_dict(driver: Driver) -> None:
    """A change of the dict does not change the value."""
    state = state_of(driver, "COMPLETED", output=1)
    state.to_dict().clear()
    assert state.to_dict() == {"id": JOB, "status": "COMPLETED", "output": 1}


def test_the_fields_of_a_state(driver: Driver) -> None:
    """Times are `timedelta`, names are Python's, and what is not known is in `extra`."""
    state = values(driver)[0]
    assert state.delay_time == timedelta(seconds=1.5)
    assert state.execution_time == timedelta(milliseconds=20)
    assert (state.worker_id, state.retries, state.extra) == ("w", 1, {"also": {"b": 2}})


@pytest.mark.parametrize(
    ("status", "started", "completed", "succeeded", "error"),
    [
        ("IN_QUEUE", False, False, False, None),
        ("IN_PROGRESS", True, False, False, None),
        ("COMPLETED", True, True, True, None),
        ("FAILED", True, True, False, JobFailedError),
        ("CANCELLED", True, True, False, JobCancelledError),
        ("TIMED_OUT", True, True, False, JobTimedOutError),
        ("PAUSED", True, False, False, None),
        ("completed", True, False, False, None),
    ],
)
def test_what_a_status_means(
    driver: Driver, status: str, started: bool, completed: bool, succeeded: bool, error: Any
) -> None:
    """`started`, `completed`, `succeeded` and `raise_for_status` go by the status alone."""
    state = state_of(driver, status, error="why")
    assert (state.started, state.completed, state.succeeded) == (started, completed, succeeded)
    if error is None:
        assert state.raise_for_status() is state
    else:
        with pytest.raises(error, match=f"{JOB}.*why") as caught:
            state.raise_for_status()
        assert type(caught.value) is error
        assert caught.value.state is state


def test_the_error_of_an_exception_is_read_for_the_message(driver: Driver) -> None:
    """A handler's exception is JSON in a string: the message says its type and text."""
    details = {
        "error_type": "<class 'ValueError'>",
        "error_message": "no such model",
        "error_traceback": "Traceback …",
    }
    state = state_of(driver, "FAILED", error=json.dumps(details))
    assert json.loads(state.error or "") == details
    with pytest.raises(JobFailedError, match="ValueError: no such model") as caught:
        state.raise_for_status()
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (KeyError("prompt"), "KeyError: 'prompt'"),
        (ValueError("two\nlines: of it"), "ValueError: two\nlines: of it"),
        (RuntimeError(), "RuntimeError"),
        (json.JSONDecodeError("no", "{", 0), "json.decoder.JSONDecodeError: no: line 1 column"),
    ],
)
def test_an_exception_of_a_handler_that_yields_has_its_type(
    driver: Driver, raised: Exception, said: str
) -> None:
    """RunPod's worker sends it as a text, in which only the traceback has the type."""

    def handler(job: dict[str, Any]) -> Iterator[int]:
        yield 1
        raised.add_note("a note: it comes last")
        raise raised

    with LocalEndpoint(handler) as local, local.client() as client:
        whole = client.endpoint(local.endpoint_id).run_sync(input=1, check=False).error or ""
    assert whole.startswith(f"handler: {raised} \ntraceback: Traceback (")
    state = state_of(driver, "FAILED", error=whole)
    assert state.error == whole
    with pytest.raises(JobFailedError, match=f"^job {JOB} failed: {re.escape(said)}") as caught:
        state.raise_for_status()
    assert "Traceback" not in f"{caught.value} {state!r}"
    cut = state_of(driver, "FAILED", error="handler: no \ntraceback: Traceb")
    with pytest.raises(JobFailedError, match=r"failed: handler: no$"):
        cut.raise_for_status()


@pytest.mark.parametrize("name", ["output", "has_output", "progress"])
def test_output_and_progress_are_apart(driver: Driver, name: str) -> None:
    """`output` is a running job's progress, and a finished job's output."""
    expected = {
        ("IN_PROGRESS", "x"): {"output": None, "has_output": False, "progress": "x"},
        ("COMPLETED", "x"): {"output": "x", "has_output": True, "progress": None},
        ("COMPLETED", None): {"output": None, "has_output": True, "progress": None},
        ("FAILED", "x"): {"output": "x", "has_output": True, "progress": None},
    }
    for (status, output), said in expected.items():
        assert getattr(state_of(driver, status, output=output), name) == said[name]
    assert not state_of(driver, "COMPLETED").has_output


@pytest.mark.parametrize(
    "field",
    [
        {"delayTime": 1e308},
        {"delayTime": "5"},
        {"executionTime": True},
        {"retries": "1"},
        {"workerId": 5},
        {"delayTime": None},
        {"retries": 1.5},
    ],
    ids=str,
)
def test_an_odd_field_is_none_and_not_lost(driver: Driver, field: dict[str, Any]) -> None:
    """A field of another type than the document says is None, and is in `to_dict`."""
    state = state_of(driver, "COMPLETED", **field)
    read = (state.delay_time, state.execution_time, state.retries, state.worker_id)
    assert read == (None, None, None, None)
    assert state.to_dict() == {"id": JOB, "status": "COMPLETED", **field}


def test_a_fraction_of_a_millisecond(driver: Driver) -> None:
    """One page of the documentation shows a fraction: it is one of a millisecond."""
    assert state_of(driver, "COMPLETED", executionTime=2.5).execution_time == timedelta(
        milliseconds=2.5
    )


def test_a_long_output_is_short_in_the_repr(driver: Driver) -> None:
    """A repr is for people: a megabyte of output is cut."""
    state = state_of(driver, "COMPLETED", output="x" * 1_000_000, error="y" * 1_000_000)
    assert len(repr(state)) < 2_000


@pytest.mark.parametrize(
    ("cls", "fields"),
    [
        (
            JobState,
            "id status output has_output progress error delay_time execution_time worker_id"
            " retries extra started completed succeeded raise_for_status output_as to_dict"
            " request_id headers files",
        ),
        (StreamChunk, "output text metrics extra to_dict"),
        (EndpointHealth, "jobs workers extra to_dict"),
        (JobCounts, "completed failed in_progress in_queue retried extra"),
        (WorkerCounts, "idle initializing ready running throttled unhealthy extra"),
        (PurgeResult, "removed status extra to_dict"),
        (ExecutionPolicy, "execution_timeout ttl low_priority"),
        (S3Config, "access_id access_secret bucket_name endpoint_url object_path"),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_the_names_of_a_value(cls: type, fields: str) -> None:
    """A value has the names of public-api.md, and no other public ones."""
    names = {field.name for field in attrs.fields(cls)}
    names |= {name for name, _ in inspect.getmembers(cls)}
    assert {name for name in names if not name.startswith("_")} == set(fields.split())


def test_the_statuses() -> None:
    """`JobStatus` is an enum of strings."""
    assert {*JobStatus} == {
        "IN_QUEUE",
        "IN_PROGRESS",
        "COMPLETED",
        "FAILED",
        "CANCELLED",
        "TIMED_OUT",
    }
    assert json.dumps([JobStatus.FAILED]) == '["FAILED"]'


def test_a_job_is_its_id_and_endpoint(driver: Driver) -> None:
    """Handles of the same job are equal and can be keys."""
    endpoint = driver.endpoint(Script(job()))
    assert endpoint.job("a") == endpoint.job("a") != endpoint.job("b")
    assert {endpoint.job("a"): 1}[endpoint.job("a")] == 1
    assert endpoint.job("a").endpoint is endpoint
    assert endpoint.client.endpoint("ep") == endpoint != endpoint.client.endpoint("other")


def test_a_stream_can_be_iterated_once_and_closed(driver: Driver) -> None:
    """A stream is its own iterator, ends for good, and can be closed at any time."""
    endpoint = driver.endpoint(Script(chunks("COMPLETED", 1, 2), chunks("COMPLETED")))
    stream = endpoint.stream(JOB)
    assert (stream.__aiter__() if driver.is_async else iter(stream)) is stream
    assert [chunk.output for chunk in driver.take(stream)] == [1, 2]
    assert driver.take(stream) == []
    for _ in range(2):
        driver.call(lambda: driver.close(stream))


def test_a_stream_is_a_context_manager(driver: Driver) -> None:
    """Leaving the `with` ends the iteration."""
    stream = driver.endpoint(Script(chunks("COMPLETED", 1, 2))).stream(JOB)

    async def used() -> Any:
        async with stream as same:
            return same, await anext(same)

    def blocked() -> Any:
        with stream as same:
            return same, next(same)

    same, chunk = driver.call(used if driver.is_async else blocked)
    assert same is stream
    assert chunk.output == 1
    assert driver.take(stream) == []


def test_every_operation_on_a_real_job(driver: Driver) -> None:
    """Submit, ask, wait, stream, cancel, retry, count and purge, against the local endpoint."""

    def handler(job: Any) -> Any:
        if job["input"] == "fail":
            raise ValueError("told to")
        yield from job["input"]

    with local.LocalEndpoint(handler, return_aggregate_stream=True) as served:
        client = driver.client(api_key=served.api_key, base_url=served.base_url)
        endpoint = client.endpoint(served.endpoint_id)
        good = driver.call(lambda: endpoint.run(input=[1, 2]))
        assert driver.call(lambda: good.output(timeout=60)) == [1, 2]
        assert [chunk.output for chunk in driver.take(good.stream(timeout=60))] == [1, 2]
        state = driver.call(lambda: good.status())
        assert state.succeeded
        assert state.worker_id
        assert state.delay_time is not None
        with pytest.raises(JobFailedError, match="told to"):
            driver.call(lambda: endpoint.run_sync(input="fail", timeout=60))
        bad = driver.call(lambda: endpoint.run(input="fail"))
        assert driver.call(lambda: bad.wait(timeout=60)).status == "FAILED"
        assert driver.call(lambda: bad.retry()).status == "IN_QUEUE"
        assert driver.call(lambda: bad.wait(timeout=60)).status == "FAILED"
        assert driver.call(lambda: endpoint.health()).jobs.completed == 1
        assert driver.call(lambda: endpoint.purge_queue()).removed == 0
        driver.call(lambda: driver.close(client))
