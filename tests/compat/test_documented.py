"""What RunPod's documentation shows of its Python client, by a change of import alone."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import httpx
import pytest

from runpod_sdk import (
    JobFailedError,
    NotFoundError,
    RunpodTimeoutError,
    SubmissionUncertainError,
)
from runpod_sdk import compat as runpod
from runpod_sdk.compat import AsyncioEndpoint, AsyncioJob
from runpod_sdk.local import LocalEndpoint, RateLimited
from tests.transport.server import Server

GATE = threading.Event()
"""Until it is set, jobs that should wait do."""


async def handler(job: dict[str, Any]) -> Any:
    given = job["input"]
    if given == "fail":
        raise ValueError("as asked")
    if given == "wait":
        while not GATE.is_set():  # noqa: ASYNC110 - it is set by another thread
            await asyncio.sleep(0.01)
    return {"text": given["prompt"] if isinstance(given, dict) else given, "job": sorted(job)}


def chunks(job: dict[str, Any]) -> Iterator[str]:
    if job["input"]["prompt"] == "fail":
        yield "f"
        raise ValueError("as asked")
    yield from job["input"]["prompt"]


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEndpoint]:
    with LocalEndpoint(handler, workers=4) as local:
        yield local


@pytest.fixture(scope="module")
def streaming() -> Iterator[LocalEndpoint]:
    with LocalEndpoint(chunks, return_aggregate_stream=True) as local:
        yield local


@pytest.fixture(autouse=True)
def configured(local: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the module where the tests are, as an application does."""
    GATE.clear()
    monkeypatch.setattr(runpod, "api_key", local.api_key)
    monkeypatch.setattr(runpod, "endpoint_url_base", local.base_url)


@pytest.fixture
def endpoint(local: LocalEndpoint) -> runpod.Endpoint:
    return runpod.Endpoint(local.endpoint_id)


def in_a_session(
    use: Callable[[AsyncioEndpoint], Awaitable[Any]], where: LocalEndpoint, **options: Any
) -> Any:
    """Run what an application does with an endpoint under asyncio, and a session of its own."""

    async def main() -> Any:
        async with aiohttp.ClientSession(**options) as session:
            return await use(AsyncioEndpoint(where.endpoint_id, session))

    return asyncio.run(main())


def test_run_sync(endpoint: runpod.Endpoint) -> None:
    """It returns the output."""
    assert endpoint.run_sync({"prompt": "Hello, world!"}, timeout=60)["text"] == "Hello, world!"


def test_run_sync_in_vain(endpoint: runpod.Endpoint) -> None:
    """It raises a TimeoutError, which has the job."""
    with pytest.raises(TimeoutError) as caught:
        endpoint.run_sync({"input": "wait"}, timeout=1)
    assert isinstance(caught.value, RunpodTimeoutError)
    assert caught.value.job is not None
    GATE.set()


def test_run_then_status_then_output(endpoint: runpod.Endpoint) -> None:
    """The status is text; `output()` does not wait, and `output(timeout=…)` does."""
    request = endpoint.run({"input": "wait"})
    status = request.status()
    assert type(status) is str
    assert status in ("IN_QUEUE", "IN_PROGRESS")
    assert request.output() is None
    assert request.job_status is None
    with pytest.raises(TimeoutError):
        request.output(timeout=0.05)
    GATE.set()
    assert request.output(timeout=60)["text"] == "wait"
    assert request.status() == "COMPLETED"
    assert request.output() == request.job_output


def test_a_whole_body(endpoint: runpod.Endpoint) -> None:
    """What has an `input` is the body of the API, an empty or false one too."""
    body: dict[str, Any] = {"input": 0, "policy": {"ttl": 60_000}, "webhook": "http://127.0.0.1:9/"}
    assert endpoint.run_sync(body)["text"] == 0
    assert endpoint.run_sync([1, 2])["text"] == [1, 2]
    with pytest.raises(ValueError, match="'language'"):
        endpoint.run({"input": "a text", "language": "en"})


def test_health_and_purge_queue(endpoint: runpod.Endpoint) -> None:
    """Both return what the API answers, as dicts."""
    health = json.loads(json.dumps(endpoint.health()))
    assert {"completed", "failed", "inProgress", "inQueue", "retried"} <= health["jobs"].keys()
    assert {"idle", "initializing", "ready", "running"} <= health["workers"].keys()
    assert endpoint.purge_queue(timeout=3) == {"removed": 0, "status": "completed"}


def test_cancel(endpoint: runpod.Endpoint) -> None:
    """A job that is cancelled is CANCELLED, and its stream ends."""
    request = endpoint.run({"input": "wait"})
    assert request.cancel(timeout=3)["status"] == "CANCELLED"
    assert request.status() == "CANCELLED"
    with pytest.raises(Exception, match="cancelled"):
        list(request.stream())


def test_stream(streaming: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outputs come one by one; a bad end is an error, after the last of them."""
    monkeypatch.setattr(runpod, "endpoint_url_base", streaming.base_url)
    there = runpod.Endpoint(streaming.endpoint_id, api_key=streaming.api_key)
    assert list(there.run({"input": {"prompt": "Hello"}}).stream()) == list("Hello")
    failing = there.run({"prompt": "fail"}).stream()
    assert next(failing) == "f"
    with pytest.raises(JobFailedError, match="as asked"):
        list(failing)


def test_a_job_that_failed(endpoint: runpod.Endpoint) -> None:
    """`status` tells, and whoever asks for the output gets the error, not None."""
    request = endpoint.run({"input": "fail"})
    asks: list[Callable[[], Any]] = [
        lambda: request.output(timeout=60),
        lambda: request.output(),
        lambda: endpoint.run_sync({"input": "fail"}),
    ]
    for ask in asks:
        with pytest.raises(JobFailedError, match="as asked"):
            ask()
    assert request.status() == "FAILED"


def test_a_job_by_its_id(endpoint: runpod.Endpoint) -> None:
    """A job is made of its ids and the endpoint's client; nobody knows that one."""
    request = runpod.Job(endpoint.endpoint_id, "no-such-job", endpoint.rp_client)
    with pytest.raises(NotFoundError):
        request.status()


def test_a_job_outlives_its_endpoint(local: LocalEndpoint) -> None:
    """Connections are closed when nobody can use them any more, and without a warning."""
    request = runpod.Endpoint(local.endpoint_id).run({"prompt": "kept"})
    gc.collect()
    assert request.output(timeout=60)["text"] == "kept"
    del request
    gc.collect()


def test_keys(local: LocalEndpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """The argument, else the module's, else the environment's; a RuntimeError without or wrong."""
    with pytest.raises(RuntimeError, match="401"):
        runpod.Endpoint(local.endpoint_id, api_key="rpa_of_another").health()
    monkeypatch.setattr(runpod, "api_key", None)
    monkeypatch.setenv("RUNPOD_API_KEY", local.api_key)
    assert runpod.Endpoint(local.endpoint_id).health()["jobs"]
    monkeypatch.delenv("RUNPOD_API_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RuntimeError, match="no API key"):
        runpod.Endpoint(local.endpoint_id)


def test_the_asyncio_way(local: LocalEndpoint) -> None:
    """Run, poll the status, take the output."""

    async def use(endpoint: AsyncioEndpoint) -> list[Any]:
        job: AsyncioJob = await endpoint.run({"prompt": "Hello, World!"})
        while await job.status() != "COMPLETED":  # noqa: ASYNC110 - as it is documented
            await asyncio.sleep(0.01)
        again = AsyncioJob(job.endpoint_id, job.job_id, job.session)
        return [await job.output(), await again.output(timeout=60), await again.output()]

    outputs = in_a_session(use, local)
    assert [output["text"] for output in outputs] == ["Hello, World!"] * 3


def test_asyncio_output_waits(local: LocalEndpoint) -> None:
    """Without a timeout it waits for the end; with one, it raises a TimeoutError."""

    async def use(endpoint: AsyncioEndpoint) -> Any:
        job = await endpoint.run({"input": "wait"})
        with pytest.raises(TimeoutError):
            await job.output(timeout=0.05)
        GATE.set()
        return await job.output()

    assert in_a_session(use, local)["text"] == "wait"


def test_asyncio_health_purge_and_cancel(local: LocalEndpoint) -> None:
    """All return dicts."""

    async def use(endpoint: AsyncioEndpoint) -> list[dict[str, Any]]:
        job = await endpoint.run({"input": "wait"})
        return [await job.cancel(), await endpoint.health(), await endpoint.purge_queue()]

    cancelled, health, purged = in_a_session(use, local)
    assert cancelled["status"] == "CANCELLED"
    assert "inQueue" in health["jobs"]
    assert purged["status"] == "completed"


@pytest.mark.parametrize("unpacks", [True, False])
def test_asyncio_stream(
    streaming: LocalEndpoint, monkeypatch: pytest.MonkeyPatch, unpacks: bool
) -> None:
    """The outputs come one by one, whether the session unpacks answers itself or not."""
    monkeypatch.setattr(runpod, "endpoint_url_base", streaming.base_url)
    monkeypatch.setattr(runpod, "api_key", streaming.api_key)

    async def use(endpoint: AsyncioEndpoint) -> list[Any]:
        job = await endpoint.run({"input": {"prompt": "Hello"}})
        return [chunk async for chunk in job.stream()]

    assert in_a_session(use, streaming, auto_decompress=unpacks) == list("Hello")


def test_asyncio_goes_through_the_session(local: LocalEndpoint) -> None:
    """Its requests are the session's own, which is left open, and reuses its connections."""
    made: list[str] = []
    watch = aiohttp.TraceConfig()

    async def created(*_: Any) -> None:
        made.append("connection")

    watch.on_connection_create_end.append(created)

    async def use(endpoint: AsyncioEndpoint) -> bool:
        for _ in range(5):
            await endpoint.health()
        return endpoint.session.closed

    assert in_a_session(use, local, trace_configs=[watch]) is False
    assert made == ["connection"]


def test_asyncio_mistakes(local: LocalEndpoint) -> None:
    """A wrong key is a RuntimeError, as is a refusal an error; another session is refused."""

    async def use(endpoint: AsyncioEndpoint) -> None:
        wrong = AsyncioEndpoint(local.endpoint_id, endpoint.session, api_key="rpa_of_another")
        with pytest.raises(RuntimeError, match="401"):
            await wrong.health()
        with pytest.raises(RuntimeError, match="401"):
            await wrong.run({"prompt": "x"})
        with pytest.raises(NotFoundError):
            await AsyncioJob(local.endpoint_id, "no-such-job", endpoint.session).status()

    in_a_session(use, local)
    with pytest.raises(TypeError, match=r"aiohttp\.ClientSession"):
        AsyncioEndpoint("ep", httpx.AsyncClient())  # type: ignore[arg-type]


def test_asyncio_without_a_server(local: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is a connection error, after which it is known that nothing was sent."""
    monkeypatch.setattr(runpod, "endpoint_url_base", "http://127.0.0.1:9/v2")

    async def use(endpoint: AsyncioEndpoint) -> BaseException:
        with pytest.raises(Exception, match="no connection") as caught:
            await endpoint.run({"prompt": "x"})
        return caught.value

    error = in_a_session(use, local)
    assert type(error).__name__ == "APIConnectionError"


SIGNATURES: list[tuple[Any, str, str]] = [
    (runpod.Endpoint, "__init__", "self, endpoint_id, api_key=None"),
    (runpod.Endpoint, "run", "self, request_input"),
    (runpod.Endpoint, "run_sync", "self, request_input, timeout=86400"),
    (runpod.Endpoint, "health", "self, timeout=3"),
    (runpod.Endpoint, "purge_queue", "self, timeout=3"),
    (runpod.Job, "__init__", "self, endpoint_id, job_id, client"),
    (runpod.Job, "status", "self"),
    (runpod.Job, "output", "self, timeout=0"),
    (runpod.Job, "stream", "self"),
    (runpod.Job, "cancel", "self, timeout=3"),
    (AsyncioEndpoint, "__init__", "self, endpoint_id, session, api_key=None"),
    (AsyncioEndpoint, "run", "self, endpoint_input"),
    (AsyncioEndpoint, "health", "self"),
    (AsyncioEndpoint, "purge_queue", "self"),
    (AsyncioJob, "__init__", "self, endpoint_id, job_id, session, headers=None"),
    (AsyncioJob, "status", "self"),
    (AsyncioJob, "output", "self, timeout=0"),
    (AsyncioJob, "stream", "self"),
    (AsyncioJob, "cancel", "self"),
]


@pytest.mark.parametrize(("cls", "name", "wanted"), SIGNATURES)
def test_arguments(cls: Any, name: str, wanted: str) -> None:
    """Names, order and defaults are those of RunPod's package."""
    parameters = inspect.signature(getattr(cls, name)).parameters.values()
    found = ", ".join(
        p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters
    )
    assert found == wanted


def test_what_is_not_here() -> None:
    """The rest of that package is named where it is looked for."""
    with pytest.raises(AttributeError, match="RunPod's own package"):
        _ = runpod.serverless  # type: ignore[attr-defined]


def test_the_documented_example_of_asyncio(local: LocalEndpoint) -> None:
    """Its session is made by a function of `http_client`."""
    from runpod_sdk.compat import http_client

    async def main() -> Any:
        async with http_client.AsyncClientSession() as session:
            endpoint = AsyncioEndpoint(local.endpoint_id, session)
            job = await endpoint.run({"prompt": "Hello"})
            assert "Authorization" not in session.headers
            return await job.output(timeout=60)

    assert asyncio.run(main())["text"] == "Hello"


async def refuse_all(response: aiohttp.ClientResponse) -> None:
    raise aiohttp.ClientPayloadError


@pytest.mark.parametrize("setting", [True, refuse_all])
def test_a_session_that_raises_for_a_status_changes_nothing(
    local: LocalEndpoint, setting: Any
) -> None:
    """An error of the server is known as such, and a 429 is tried again."""

    async def use(endpoint: AsyncioEndpoint) -> None:
        with local.faults.active(RateLimited("run", retry_after=0), times=1) as fault:
            assert (await (await endpoint.run("x")).output(timeout=60))["text"] == "x"
        assert fault.fired == 1
        with pytest.raises(RuntimeError, match="401"):
            await AsyncioEndpoint(local.endpoint_id, endpoint.session, "wrong").run("x")
        with pytest.raises(NotFoundError):
            await AsyncioEndpoint("no-such-endpoint", endpoint.session).run("x")

    in_a_session(use, local, raise_for_status=setting)


def test_a_submission_whose_answer_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not sent again over the caller's session, as nobody knows whether there is a job."""

    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            await AsyncioEndpoint("ep", session).run("x")

    with Server(lambda visit: False) as server:
        monkeypatch.setattr(runpod, "endpoint_url_base", server.base_url)
        with pytest.raises(SubmissionUncertainError):
            asyncio.run(main())
    assert len(server.visits) == 1


@pytest.mark.parametrize("found", ["set", "given", "variable"])
def test_what_an_endpoint_shows_of_itself(
    local: LocalEndpoint, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    """The key that was given, set or found, and where requests go."""
    given = [local.api_key] if found == "given" else []
    monkeypatch.setattr(runpod, "api_key", local.api_key if found == "set" else None)
    monkeypatch.setenv("RUNPOD_API_KEY", local.api_key if found == "variable" else "another")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {local.api_key}"}
    client = runpod.Endpoint("ep", *given).rp_client
    assert (client.api_key, client.headers) == (local.api_key, headers)
    assert client.endpoint_url_base == local.base_url

    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            endpoint = AsyncioEndpoint("ep", session, *given)
            assert (endpoint.api_key, endpoint.headers) == (local.api_key, headers)
            assert endpoint.endpoint_url == f"{local.base_url}/ep/run"
            assert local.api_key not in repr(endpoint)

    asyncio.run(main())


def test_the_logger(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints what its level lets through, and no secret."""
    printer = runpod.RunPodLogger()
    assert printer is runpod.RunPodLogger()
    for level in ("INFO", 2, "info"):
        printer.set_level("NOTSET")
        printer.error("nothing")
        printer.set_level(level)
        printer.debug("too low")
        printer.warn("careful", "job-1")
        printer.tip("try this")
    printer.secret("password", "swordfish")
    printer.set_level("DEBUG")
    out = capsys.readouterr().out
    assert out.count("WARN   | job-1 | careful\n") == out.count("TIP    | try this\n")
    assert "nothing" not in out
    assert "swordfish" not in out
    with pytest.raises(ValueError, match="TRACE, DEBUG, INFO, WARN, ERROR"):
        printer.set_level("loud")


def test_an_import_of_what_is_not_here_names_the_package_that_has_it() -> None:
    """Also in the form whose message would be Python's own."""
    for statement in (
        "from runpod_sdk.compat import serverless",
        "from runpod_sdk.compat import Endpoint, get_pods",
    ):
        with pytest.raises(ImportError, match=r"in RunPod's own package `runpod`"):
            exec(statement, {})
    with pytest.raises(ImportError, match="'SyncClientSession': use httpx"):
        exec("from runpod_sdk.compat.http_client import SyncClientSession", {})
    assert not hasattr(runpod, "serverless")
