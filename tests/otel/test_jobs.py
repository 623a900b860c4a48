"""A job is one span, from its submission until its end is seen, for each kind of wait."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
from functools import partial
from typing import Any

import httpx
import pytest

from runpod_sdk import JobFailedError, NotFoundError, RunpodTimeoutError, local
from tests.facade.clients import JOB, Driver, Routes, Script, chunks, in_no_time, job, problem
from tests.otel.exported import Exported, Told

TIMES: dict[str, Any] = {"delayTime": 2, "executionTime": 1, "workerId": "w1", "retries": 3}
DONE = job(output="x", **TIMES)
QUEUED = job("IN_QUEUE")
RUN, RUNSYNC = "POST /v2/{endpoint_id}/run", "POST /v2/{endpoint_id}/runsync"
WAIT = "GET /v2/{endpoint_id}/status-sync/{job_id}"
STREAM = "GET /v2/{endpoint_id}/stream/{job_id}"
STATUS = "GET /v2/{endpoint_id}/status/{job_id}"
CANCEL = "POST /v2/{endpoint_id}/cancel/{job_id}"
RETRY = "POST /v2/{endpoint_id}/retry/{job_id}"
HEALTH = "GET /v2/{endpoint_id}/health"
PARTS = ["execution", "queue"]


def slowly(answer: Any) -> Any:
    """Respond after some milliseconds, so that the job has taken the time that it reports."""

    def act(request: httpx.Request) -> httpx.Response:
        import time

        time.sleep(0.005)
        response: httpx.Response = answer(request)
        return response

    return act


def names(span: Told) -> list[str]:
    """Return the names of a span's children, in alphabetical order."""
    return sorted(inner.name for inner in span.within)


def only(told: Exported) -> Told:
    """Return the single root span."""
    (span,) = told.spans()
    return span


def test_run_sync(driver: Driver, told: Exported) -> None:
    """Submission, long poll, queue and execution are children of the job, with attributes."""
    endpoint = driver.endpoint(Routes(runsync=QUEUED, status_sync=slowly(DONE)))
    driver.call(lambda: endpoint.run_sync(input="secret"))
    span = only(told)
    assert names(span) == sorted([RUNSYNC, WAIT, *PARTS])
    assert (span.name, span.kind, span.status) == ("job ep", "INTERNAL", "UNSET")
    assert span.attributes == {
        "runpod.endpoint.id": "ep",
        "runpod.job.id": JOB,
        "runpod.job.status": "COMPLETED",
        "runpod.job.queue_time": 0.002,
        "runpod.job.execution_time": 0.001,
        "runpod.job.retries": 3,
        "runpod.worker.id": "w1",
    }
    parts = {inner.name: inner for inner in span.within}
    queue, execution = parts["queue"], parts["execution"]
    assert queue.start == parts[RUNSYNC].start
    assert queue.end - queue.start == 2_000_000
    assert (execution.start, execution.end) == (queue.end, queue.end + 1_000_000)
    for part in (queue, execution):
        assert (part.kind, part.status) == ("INTERNAL", "UNSET")
        assert part.attributes == {"runpod.endpoint.id": "ep", "runpod.job.id": JOB}
    assert all(span.start <= one.start <= one.end <= span.end for one in span.all())


def test_times_that_can_not_be_are_cut(driver: Driver, told: Exported) -> None:
    """A server that reports an hour that has not passed does not lengthen the job's span."""
    hour = job(delayTime=3_600_000, executionTime=-5)
    endpoint = driver.endpoint(Routes(runsync=hour))
    driver.call(lambda: endpoint.run_sync(input=1))
    span = only(told)
    assert names(span) == sorted([RUNSYNC, *PARTS])
    assert all(span.start <= one.start <= one.end <= span.end for one in span.all())


def test_run_and_output(driver: Driver, told: Exported) -> None:
    """A wait on the job continues the span of the submission; a second wait changes nothing."""
    endpoint = driver.endpoint(Routes(run=QUEUED, status_sync=slowly(DONE)))
    handle = driver.call(lambda: endpoint.run(input=1))
    assert told.outlines() == [RUN]  # its parent has not ended
    driver.call(handle.output)
    driver.call(handle.wait)
    assert names(only(told)) == sorted([RUN, WAIT, *PARTS])


def test_polled(driver: Driver, told: Exported) -> None:
    """`status` may show the end; later requests belong to the caller's span."""
    endpoint = driver.endpoint(Routes(run=QUEUED, status=[job("IN_PROGRESS"), DONE]))
    handle = driver.call(lambda: endpoint.run(input=1))
    for _ in range(3):
        driver.call(handle.status)
    ended, after = told.spans()
    assert names(ended) == sorted([RUN, STATUS, STATUS, *PARTS])
    assert after.outline == STATUS


def test_a_stream(driver: Driver, told: Exported) -> None:
    """Each request of a stream is a child of the job, also if the `Job` object is not kept."""
    routes = Routes(
        run=QUEUED,
        stream=[chunks("IN_PROGRESS", 1), chunks("IN_PROGRESS", 2), chunks("COMPLETED")],
        status=job("COMPLETED", output=[]),
    )
    endpoint = driver.endpoint(routes)
    stream = driver.call(lambda: endpoint.run(input=1)).stream()
    assert [chunk.output for chunk in driver.take(stream)] == [1, 2]
    span = only(told)
    assert names(span) == sorted([RUN, STREAM, STREAM, STREAM, STATUS])
    assert span.attributes["runpod.job.status"] == "COMPLETED"


def map_within_a_span(driver: Driver, told: Exported, endpoint: Any) -> None:
    async def awaited() -> None:
        with told.tracer.start_as_current_span("caller"):
            async for result in endpoint.map(range(6), concurrency=2):
                assert result.error is None

    def blocking() -> None:
        with told.tracer.start_as_current_span("caller"):
            assert all(result.error is None for result in endpoint.map(range(6), concurrency=2))

    driver.call(awaited if driver.is_async else blocking)


def test_map(driver: Driver, told: Exported) -> None:
    """Each job of a `map` is a child of the caller's span, for requests from any thread."""

    def answer(request: httpx.Request) -> httpx.Response:
        what, *id = request.url.path.split("/")[3:]
        number = id[0] if id else request.content.decode().split(":")[-1].strip(" }")
        status = "IN_QUEUE" if what == "run" else "COMPLETED"
        body = {"id": number, "status": status, "delayTime": 0, "executionTime": 0}
        return httpx.Response(200, json=body)

    endpoint = driver.endpoint(answer)

    map_within_a_span(driver, told, endpoint)
    caller = only(told)
    assert caller.name == "caller"
    assert sorted(one.attributes["runpod.job.id"] for one in caller.within) == list("012345")
    for one in caller.within:
        assert names(one) == sorted([RUN, WAIT, *PARTS])
        assert {inner.attributes["runpod.job.id"] for inner in one.within if inner.name != RUN} == {
            one.attributes["runpod.job.id"]
        }


def test_map_over_own_connections(driver: Driver, told: Exported) -> None:
    """The same for the sync client's event loop in a thread."""
    with local.LocalEndpoint(lambda job: job["input"]) as served:
        client = driver.client(base_url=served.base_url, api_key=served.api_key)
        map_within_a_span(driver, told, client.endpoint(served.endpoint_id))
        driver.call(lambda: driver.close(client))
    caller = only(told)
    assert (caller.name, len(caller.within)) == ("caller", 6)
    for one in caller.within:
        assert {RUN, *PARTS} < set(names(one)) <= {RUN, WAIT, *PARTS}
        assert all(one.start <= inner.start <= inner.end <= one.end for inner in one.within)


@in_no_time
def test_jobs_that_are_gathered(driver: Driver, told: Exported) -> None:
    """`wait_all` continues the jobs' spans, also if the jobs are polled in turns."""
    polls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        what, *id = request.url.path.split("/")[3:]
        number = id[0] if id else request.content.decode().split(":")[-1].strip(" }")
        polls.append(number)
        going = what == "run" or (number == "0" and polls.count("0") == 2)
        body = {"id": number, "status": "IN_PROGRESS" if going else "COMPLETED"}
        return httpx.Response(200, json=body)

    endpoint = driver.endpoint(answer)
    handles = [driver.call(partial(endpoint.run, input=n)) for n in range(3)]
    driver.call(lambda: endpoint.client.wait_all(handles, concurrency=1))
    assert sorted(told.outlines(), key=len) == [
        ["job ep", RUN, WAIT],
        ["job ep", RUN, WAIT],
        ["job ep", RUN, WAIT, WAIT],
    ]


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "CANCELLED"])
def test_a_job_that_ended_badly(driver: Driver, told: Exported, status: str) -> None:
    """A failure is an error, by its status only; a cancelled job is not an error."""
    bad = job(status, error="the text of an error", executionTime=1)
    endpoint = driver.endpoint(Routes(run=QUEUED, status_sync=bad))
    handle = driver.call(lambda: endpoint.run(input=1))
    driver.call(handle.wait)
    driver.call(handle.wait)
    ended, again = told.spans()
    assert (ended.name, again.name) == ("job ep", WAIT)
    wanted = status == "CANCELLED"
    assert ended.status == ("UNSET" if wanted else "ERROR")
    assert ended.attributes.get("error.type") == (None if wanted else status)
    assert "the text of an error" not in told.everything()


def test_a_job_that_completed_with_an_error(driver: Driver, told: Exported) -> None:
    """A COMPLETED job with an error is a failure, as for methods that return a result."""
    bad = job("COMPLETED", error="the text of an error", executionTime=1)
    endpoint = driver.endpoint(Routes(run=QUEUED, status_sync=bad))
    handle = driver.call(lambda: endpoint.run(input=1))
    driver.call(handle.wait)
    (ended,) = told.spans()
    assert ended.status == "ERROR"
    assert ended.attributes["error.type"] == "runpod_sdk.errors.JobFailedError"
    assert ended.attributes["runpod.job.status"] == "COMPLETED"
    assert "the text of an error" not in told.everything()


def test_a_submission_that_is_refused(driver: Driver, told: Exported) -> None:
    """A refused submission is an error, named by its class."""
    endpoint = driver.endpoint(Script(problem(400, "the text of an error")))
    with pytest.raises(Exception, match="HTTP 400"):
        driver.call(lambda: endpoint.run(input=1))
    assert told.outlines() == [["job ep ERROR", f"{RUN} ERROR"]]
    assert only(told).attributes["error.type"] == "runpod_sdk.errors.BadRequestError"
    assert "the text of an error" not in told.everything()


@in_no_time
def test_a_wait_that_gives_up(driver: Driver, told: Exported) -> None:
    """The span continues with the job, while an object can wait for it again."""
    routes = Routes(run=QUEUED, status_sync=lambda request: answers[-1](request))
    answers = [job("IN_PROGRESS")]
    endpoint = driver.endpoint(routes)
    with pytest.raises(RunpodTimeoutError) as caught:
        driver.call(lambda: endpoint.run_sync(input=1, timeout=0.9))
    first, *others = told.outlines()
    assert first == RUN
    assert set(others) == {WAIT}
    answers.append(DONE)
    handle = caught.value.job
    assert handle is not None
    driver.call(handle.wait)
    assert only(told).attributes["runpod.job.status"] == "COMPLETED"


def test_a_job_that_is_let_go(driver: Driver, told: Exported) -> None:
    """Without `Job` objects the span ends at its last event, at the next request or on closing."""
    endpoint = driver.endpoint(Routes(run=QUEUED, health=job()))
    driver.call(lambda: endpoint.run(input=1))
    gc.collect()
    driver.call(endpoint.health)
    left, after = told.spans()
    assert (left.outline, after.outline) == (["job ep", RUN], HEALTH)
    assert left.attributes["runpod.job.status"] == "IN_QUEUE"
    assert left.end < after.start


def test_a_client_that_is_closed(driver: Driver, told: Exported) -> None:
    """Closing ends open spans, although a `Job` object is kept."""
    client = driver.client(http_client=driver.http_client(Routes(run=QUEUED)))
    handle = driver.call(lambda: client.endpoint("ep").run(input=1))
    driver.call(lambda: driver.close(client))
    assert told.outlines() == [["job ep", RUN]]
    assert handle.id == JOB


def test_cancelled(driver: Driver, told: Exported) -> None:
    """The response to a cancel shows the end."""
    endpoint = driver.endpoint(Routes(run=QUEUED, cancel=job("CANCELLED")))
    handle = driver.call(lambda: endpoint.run(input=1))
    driver.call(handle.cancel)
    span = only(told)
    assert span.outline == ["job ep", RUN, CANCEL]
    assert span.attributes["runpod.job.status"] == "CANCELLED"


def test_taken_up_by_its_id(driver: Driver, told: Exported) -> None:
    """The span starts with the wait; the job's durations are known, but not their times."""
    endpoint = driver.endpoint(Routes(status=QUEUED, status_sync=DONE))
    handle = endpoint.job(JOB)
    driver.call(handle.status)  # one request, not a wait
    driver.call(handle.output)
    asked, span = told.spans()
    assert (asked.outline, span.outline) == (STATUS, ["job ep", WAIT])
    assert span.attributes["runpod.job.queue_time"] == 0.002


def test_retried(driver: Driver, told: Exported) -> None:
    """A retried job is another span."""
    routes = Routes(run=QUEUED, status_sync=[job("FAILED"), DONE], retry=QUEUED)
    endpoint = driver.endpoint(routes)
    handle = driver.call(lambda: endpoint.run(input=1))
    with pytest.raises(JobFailedError):
        driver.call(handle.output)
    driver.call(handle.retry)
    driver.call(handle.output)
    first, retried, second = told.spans()
    assert first.outline == ["job ep ERROR", RUN, WAIT]
    assert retried.outline == RETRY
    assert (second.name, second.status) == ("job ep", "UNSET")
    assert WAIT in names(second)


def test_what_is_not_there(driver: Driver, told: Exported) -> None:
    """A job that is not found has a span of the time of the search."""
    client = driver.client(http_client=driver.http_client(Script(problem(404))))
    with pytest.raises(NotFoundError):
        driver.call(lambda: client.endpoint("ep").wait(JOB))
    driver.call(lambda: driver.close(client))
    looked = only(told)
    assert looked.outline == ["job ep", f"{WAIT} ERROR", f"{STATUS} ERROR"]
    assert "runpod.job.status" not in looked.attributes


def test_handles_can_be_copied(driver: Driver, told: Exported) -> None:
    """A pickled or copied job has no span."""
    client = driver.client()
    handle = client.endpoint("ep").job(JOB)
    assert copy.copy(handle) == copy.deepcopy(handle) == handle
    assert pickle.loads(pickle.dumps(handle)).id == JOB


FORKED = """
import os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
import httpx
from runpod_sdk import Runpod

trace.set_tracer_provider(TracerProvider())
exporter = ConsoleSpanExporter(formatter=lambda span: f"{os.getpid()} {span.name}\\n")
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"id": "j", "status": "IN_QUEUE"}))
client = Runpod("key", http_client=httpx.Client(transport=answer))
job = client.endpoint("ep").run(input=1)
child = os.fork()
if child == 0:
    del job
    client.endpoint("ep").health()
    client.close()
    os._exit(0)
os.waitpid(child, 0)
client.close()
print(os.getpid(), "parent")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_fork_ends_no_span_of_its_parent() -> None:
    """The child has a copy of the job and its span, and leaves the span to the parent."""
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=True, timeout=60
    )
    lines = [line.split(" ", 1) for line in done.stdout.splitlines() if line]
    parent = lines[-1][0]
    assert [pid for pid, name in lines if name == "job ep"] == [parent]
