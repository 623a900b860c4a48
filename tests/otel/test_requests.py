"""Each request is a span and a metric, for any outcome, without secrets."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from hypothesis import given

from runpod_sdk import AsyncRunpod, RunpodError, S3Config, local
from runpod_sdk._telemetry.telemetry import Telemetry
from tests.facade.clients import KEY, Driver, Script, answer, in_no_time, job, problem
from tests.faults import server as faults
from tests.flows.test_wait import submit
from tests.flows.virtual import (
    RequestFault,
    Service,
    Timeline,
    VirtualIO,
    randoms,
    request_faults,
    timelines,
)
from tests.hypothesis_profiles import at_most
from tests.otel.exported import Exported, exported

HEALTH = "GET /v2/{endpoint_id}/health"
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]


def test_what_a_request_says(driver: Driver, told: Exported) -> None:
    """Attributes have the conventions' names, and the requested job's id."""
    script = Script(answer({"id": "j?1", "status": "COMPLETED"}))
    endpoint = driver.client(
        base_url="https://api.test:8443/v2", http_client=driver.http_client(script)
    ).endpoint("e+p")
    driver.call(lambda: endpoint.status("j?1"))
    (span,) = told.spans()
    assert (span.name, span.kind) == ("GET /v2/{endpoint_id}/status/{job_id}", "CLIENT")
    assert span.status == "UNSET"
    assert span.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "api.test",
        "server.port": 8443,
        "url.full": "https://api.test:8443/v2/e%2Bp/status/j%3F1",
        "url.template": "/v2/{endpoint_id}/status/{job_id}",
        "runpod.endpoint.id": "e+p",
        "runpod.job.id": "j?1",
    }


@in_no_time
def test_what_is_sent_again(driver: Driver, told: Exported) -> None:
    """Each attempt is a span with the number of earlier attempts; a 503 response is an error."""
    endpoint = driver.endpoint(Script(problem(503), problem(429), job()))
    driver.call(lambda: endpoint.run(input=1))
    told_of = [
        (
            one.status,
            one.attributes["http.response.status_code"],
            one.attributes.get("http.request.resend_count"),
            one.attributes.get("error.type"),
        )
        for span in told.spans()
        for one in span.within
        if one.kind == "CLIENT"
    ]
    assert told_of == [
        ("ERROR", 503, None, "503"),
        ("ERROR", 429, 1, "429"),
        ("UNSET", 200, 2, None),
    ]


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (faults.reset, {"httpx.ReadError"}),
        (faults.close, {"httpx.RemoteProtocolError", "httpx.ReadError"}),
        (faults.silence, {"timeout"}),
        (faults.send(b"nonsense\r\n\r\n"), {"httpx.RemoteProtocolError"}),
    ],
    ids=["reset", "close", "silence", "nonsense"],
)
def test_no_answer(driver: Driver, told: Exported, behaviour: Any, error: set[str]) -> None:
    """Over real connections; a request without a response has the type of its failure."""
    with faults.Server(behaviour) as server:
        client = driver.client(base_url=server.base_url, max_retries=0)
        timeout = 0.3 if error == {"timeout"} else 30
        with pytest.raises(RunpodError):
            driver.call(lambda: client.endpoint("ep").health(timeout=timeout))
    (span,) = told.spans()
    assert (span.name, span.status) == (HEALTH, "ERROR")
    assert span.attributes["error.type"] in error
    assert "http.response.status_code" not in span.attributes


@pytest.mark.parametrize("transport", ["anyio", "aiohttp"])
def test_a_request_that_is_cancelled(told: Exported, transport: Any) -> None:
    """A cancelled request is an error with its own type, for each transport."""

    asked = threading.Event()

    def say(exchange: faults.Exchange) -> bool:
        asked.set()
        return faults.silence(exchange)

    async def main(base_url: str) -> None:
        async with (
            AsyncRunpod(KEY, base_url=base_url, transport=transport) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(client.endpoint("ep").health)
            assert await anyio.to_thread.run_sync(asked.wait, 10)
            tasks.cancel_scope.cancel()

    with faults.Server(say) as server:
        anyio.run(main, server.base_url)
    (span,) = told.spans()
    assert (span.status, span.attributes["error.type"]) == ("ERROR", "cancelled")


def test_a_request_is_within_the_callers_span(driver: Driver, told: Exported) -> None:
    """A request without a followed job belongs to the caller's span."""
    endpoint = driver.endpoint(Script(answer({})))

    async def awaited() -> None:
        with told.tracer.start_as_current_span("caller"):
            await endpoint.health()

    def blocking() -> None:
        with told.tracer.start_as_current_span("caller"):
            endpoint.health()

    driver.call(awaited if driver.is_async else blocking)
    assert told.outlines() == [["caller", HEALTH]]


def test_what_instruments_httpx_is_quiet(driver: Driver, told: Exported) -> None:
    """An instrumented client of the caller records no second span, and sends no trace header."""
    from opentelemetry import context

    quiet: list[object] = []

    def act(request: httpx.Request) -> httpx.Response:
        quiet.append(context.get_value(context._SUPPRESS_HTTP_INSTRUMENTATION_KEY))
        assert "traceparent" not in request.headers
        return httpx.Response(200, json={})

    driver.call(driver.endpoint(act).health)
    assert quiet == [True]
    assert context.get_value(context._SUPPRESS_HTTP_INSTRUMENTATION_KEY) is None


def test_measures(driver: Driver, told: Exported) -> None:
    """Requests are counted by operation and status; jobs by endpoint and status."""
    name = f"measured-{driver.mode}"
    done = job(delayTime=2_500, executionTime=1_500)
    client = driver.client(http_client=driver.http_client(Script(done)))
    driver.call(lambda: client.endpoint(name).run_sync(input=1))
    labels = {"runpod.endpoint.id": name, "runpod.job.status": "COMPLETED"}
    jobs = [point for given, point in told.points("runpod.jobs") if given == labels]
    assert [point["value"] for point in jobs] == [1]
    for measure, seconds in {"queue_time": 2.5, "execution_time": 1.5}.items():
        points = told.points(f"runpod.job.{measure}")
        (point,) = [point for given, point in points if given == labels]
        assert (point["count"], point["sum"]) == (1, seconds)
    requests = {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "api.test",
        "server.port": 443,
        "url.template": "/v2/{endpoint_id}/runsync",
    }
    points = told.points("http.client.request.duration")
    (point,) = [point for given, point in points if given == requests]
    assert point["explicit_bounds"] == BOUNDS


def test_nothing_secret_is_exported(driver: Driver, told: Exported) -> None:
    """No key, input, output, progress, secret of a storage, or text of an error."""
    storage = S3Config(
        access_id="CANARY-id",
        access_secret="CANARY-secret",
        bucket_name="CANARY-bucket",
        endpoint_url="https://CANARY.test",
    )

    def handler(job: dict[str, Any]) -> Any:
        if job["input"] == "CANARY fails":
            raise ValueError("CANARY error")
        return ["CANARY output"]

    with local.LocalEndpoint(handler, api_key=KEY) as served:
        client = driver.client(base_url=served.base_url)
        endpoint = client.endpoint(served.endpoint_id)
        for given in ("CANARY input", "CANARY fails"):
            options = {"s3_config": storage, "webhook": "http://CANARY.test/", "check": False}
            driver.call(partial(endpoint.run_sync, input=given, **options))
        wrong = driver.client(api_key="CANARY-key", base_url=served.base_url)
        with pytest.raises(RunpodError):
            driver.call(wrong.endpoint(served.endpoint_id).health)
        for closing in (client, wrong):
            driver.call(partial(driver.close, closing))
    everything = told.everything()
    assert served.endpoint_id in everything
    assert "CANARY" not in everything


def test_it_can_be_switched_off(driver: Driver, told: Exported) -> None:
    """With telemetry=False a client exports nothing; other values than booleans are refused."""
    endpoint = driver.endpoint(Script(job()), telemetry=False)
    driver.call(lambda: endpoint.run_sync(input=1))
    assert told.spans() == []
    with pytest.raises(TypeError, match="telemetry must be True or False"):
        driver.client(telemetry=1)


@at_most(60)
@given(timelines, request_faults, randoms)
def test_each_attempt_is_one_span(
    timeline: Timeline, request_faults: list[RequestFault], draws: list[float]
) -> None:
    """With any faults, there are as many spans as requests, all in one job's span."""
    told = exported()
    told.show()
    try:
        told.clear()
        service = Service(timeline, request_faults, started=False)
        telemetry = Telemetry("https://api.test/v2", enabled=True)
        io = VirtualIO(service, randoms=draws, telemetry=telemetry)
        outcome = submit(io, "run_sync", 500.0)
        telemetry.close()
        (span,) = told.spans()
        asked = [one for one in span.all() if one.kind == "CLIENT"]
        assert len(asked) == len(io.calls)
        assert {one.name.split("/")[3] for one in asked} == {what for _, what, _ in io.calls}
        assert all(one in span.within for one in asked)
        assert span.attributes.get("runpod.job.status") == getattr(outcome, "status", None) or (
            isinstance(outcome, RunpodError)
        )
    finally:
        told.hide()
