"""Clients, endpoints, jobs and errors can go to another process; the key does not go with them."""

from __future__ import annotations

import asyncio
import copy
import gc
import multiprocessing
import pickle
import warnings
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import httpx
import pytest

import runpod_sdk
from runpod_sdk import (
    APIResponseValidationError,
    APIStatusError,
    AsyncJob,
    AsyncRunpod,
    ConfigurationError,
    JobError,
    OutputValidationError,
    RequestTooLargeError,
    Runpod,
    RunpodError,
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
    answer,
    chunks,
    in_no_time,
    job,
    problem,
)
from tests.transport.server import Server, Visit

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


def state(thing: Any) -> dict[str, Any]:
    """Return the visible parts of an error, without its job and its traceback."""
    seen = {name: value for name, value in vars(thing).items() if name not in ("job", "headers")}
    seen["headers"] = dict(getattr(thing, "headers", {}))
    return seen


def everything(driver: Driver) -> dict[str, RunpodError]:
    """Provoke an error of every class, in the ways that they come about."""
    timed_out = Routes(run=job("IN_QUEUE"), status_sync=job("IN_PROGRESS"), cancel=job("CANCELLED"))
    cut = Script(chunks("IN_PROGRESS", 1), httpx.ReadError("reset"), job(output=[]))
    provoked: dict[str, tuple[Any, Any]] = {
        **{
            f"{code} {operation}": (
                Script(problem(code, "because", retry_after="3", x_request_id="r")),
                ask,
            )
            for code in (400, 401, 403, 404, 409, 413, 418, 429, 500, 503)
            for operation, ask in {
                "status": lambda endpoint: endpoint.status(JOB),
                "run": lambda endpoint: endpoint.run(input=1),
                "wait": lambda endpoint: endpoint.wait(JOB),
            }.items()
        },
        **{
            f"{type(fault).__name__} {operation}": (Script(fault), ask)
            for fault in (httpx.ConnectError("refused"), httpx.ReadError("reset"))
            for operation, ask in {
                "status": lambda endpoint: endpoint.status(JOB),
                "run": lambda endpoint: endpoint.run(input=1),
            }.items()
        },
        "bad body": (Script(answer([1])), lambda endpoint: endpoint.status(JOB)),
        "bad body of run": (Script(answer({"error": "x"})), lambda endpoint: endpoint.run(input=1)),
        "timeout": (timed_out, lambda endpoint: endpoint.wait(JOB, timeout=0.05)),
        "cancelled": (
            timed_out,
            lambda endpoint: endpoint.wait(JOB, timeout=0.05, on_timeout="cancel"),
        ),
        **{
            status: (
                Script(job(status, error="because", output=[1])),
                lambda endpoint: endpoint.job(JOB).output(),
            )
            for status in ("FAILED", "CANCELLED", "TIMED_OUT")
        },
    }
    found: dict[str, RunpodError] = {}
    for name, (script, ask) in provoked.items():
        endpoint = driver.endpoint(script, max_retries=0)
        with pytest.raises(RunpodError) as caught:
            driver.call(lambda ask=ask, endpoint=endpoint: ask(endpoint))
        found[name] = caught.value
    endpoint = driver.endpoint(cut)
    with pytest.raises(StreamInterruptedError) as interrupted:
        driver.take(endpoint.stream(JOB))
    found["stream"] = interrupted.value
    with pytest.raises(ConfigurationError) as unconfigured:
        runpod_sdk.Runpod("")
    found["configuration"] = unconfigured.value
    return found


@in_no_time
def test_every_error_can_be_copied_and_pickled(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error comes out of a pool of processes as it was raised, with its job and state."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    provoked = everything(driver)
    for name, error in provoked.items():
        twins = [pickle.loads(pickle.dumps(error, protocol)) for protocol in PROTOCOLS]
        for twin in (*twins, copy.copy(error), copy.deepcopy(error)):
            assert type(twin) is type(error), name
            assert str(twin) == str(error)
            assert repr(twin) == repr(error)
            assert twin.args == error.args
            assert state(twin) == state(error)
            assert (twin.job is None) == (error.job is None)
            if twin.job is not None and error.job is not None:
                assert twin.job.id == error.job.id == JOB
                assert twin.job.endpoint.id == "ep"
            if isinstance(twin, APIStatusError):
                assert twin.headers["x-request-id"] == twin.headers["X-Request-ID"] == "r"
    leaves = {type(error) for error in provoked.values()}
    missing = {
        name
        for name in runpod_sdk.__all__
        if name.endswith("Error") and getattr(runpod_sdk, name) not in leaves
    }
    abstract = {"RunpodError", "JobError", "SubmissionTimeoutError"}
    shown_elsewhere = {"JournalError", "OutputValidationError", "RequestTooLargeError"}
    shown_elsewhere |= {"ClientClosedError", "DownloadError", "SaveOutputError", "StorageError"}
    shown_elsewhere |= {"WebPageError"}
    assert missing == abstract | shown_elsewhere


@in_no_time
def test_errors_of_a_wait_carry_the_job(driver: Driver) -> None:
    """An error of a wait names the job."""
    for name, error in everything(driver).items():
        about_a_job = name.endswith("wait") or name in ("timeout", "cancelled", "stream")
        assert (error.job is not None) == about_a_job, name
        if isinstance(error, JobError | RunpodTimeoutError | StreamInterruptedError):
            assert error.state is not None
            assert error.state.id == JOB
        if isinstance(error, APIResponseValidationError):
            assert error.body is not None


@pytest.mark.parametrize("error", [name for name in runpod_sdk.__all__ if name.endswith("Error")])
def test_an_error_made_by_hand_can_be_pickled(error: str) -> None:
    """A test of an application may create errors."""
    cls: Any = getattr(runpod_sdk, error)
    needed: dict[str, Any] = {}
    if issubclass(cls, JobError | OutputValidationError):
        needed = {"state": None}
    elif issubclass(cls, APIStatusError):
        needed = {"status_code": 500}
    elif issubclass(cls, RequestTooLargeError):
        needed = {"size": 2, "limit": 1}
    made = cls("what happened", **needed)
    for twin in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert type(twin) is cls
        assert (str(twin), twin.args) == ("what happened", ("what happened",))
        assert vars(twin) == vars(made)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_pickle_carries_the_key(
    driver: Driver, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes of a client, an endpoint, a job or an error hold no key."""
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    endpoint = driver.endpoint(Script(problem(401, f"the key {KEY} is wrong")))
    with pytest.raises(RunpodError) as caught:
        driver.call(lambda: endpoint.wait(JOB))
    for thing in (endpoint.client, endpoint, endpoint.job(JOB), caught.value):
        assert KEY.encode() not in pickle.dumps(thing, protocol)


def test_a_pickled_client_looks_its_key_up_again(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key comes from the process where the client is used, at its first use."""
    with local.LocalEndpoint(lambda job: job["input"] * 2, api_key="rpa_of-there") as served:
        client = driver.client(api_key="rpa_of-here", base_url=served.base_url, timeout=7)
        endpoint = client.endpoint(served.endpoint_id)
        for thing in (endpoint, endpoint.job(JOB)):
            twin = pickle.loads(pickle.dumps(thing))
            there = getattr(twin, "endpoint", twin)
            monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
            with pytest.raises(ConfigurationError, match="RUNPOD_API_KEY"):
                driver.call(lambda there=there: there.run_sync(input=21))
            monkeypatch.setenv("RUNPOD_API_KEY", "rpa_of-there")
            state = driver.call(lambda there=there: there.run_sync(input=21))
            assert state.output == 42
            driver.call(lambda there=there: driver.close(there.client))


def test_a_pickled_client_keeps_its_settings(driver: Driver, monkeypatch: Any) -> None:
    """Base URL and endpoint go along."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    client = driver.client(base_url="http://127.0.0.1:1/v9")
    twin = pickle.loads(pickle.dumps(client.endpoint("ep")))
    assert repr(twin.client) == repr(client)
    assert twin.id == "ep"


def test_a_pickled_client_of_a_callers_http_client(driver: Driver, monkeypatch: Any) -> None:
    """A caller's own HTTP client cannot be restored: the first use says so."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    endpoint = driver.endpoint(Script(job()))
    twin = pickle.loads(pickle.dumps(endpoint.job(JOB)))
    with pytest.raises(ConfigurationError, match="http_client"):
        driver.call(lambda: twin.status())
    again = pickle.loads(pickle.dumps(twin))
    with pytest.raises(ConfigurationError, match="http_client"):
        driver.call(lambda: again.status())
    for unusable in (twin, again):
        driver.call(lambda unusable=unusable: driver.close(unusable.endpoint.client))


def test_a_copied_client_shares_its_connections(driver: Driver) -> None:
    """A copy in the same process is as good as the client itself, key included."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    for twin in (copy.copy(endpoint), copy.deepcopy(endpoint), copy.deepcopy(endpoint.job(JOB))):
        there = getattr(twin, "endpoint", twin)
        assert there == endpoint
        assert driver.call(lambda there=there: there.status(JOB)).id == JOB
    assert {request.headers["authorization"] for request in script.requests} == {f"Bearer {KEY}"}


def _double(job: Any) -> Any:
    return job.output(timeout=30) * 2


def _fail(job: Any) -> Any:
    return job.output(timeout=30)


def test_a_pool_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are waited for in other processes, and their errors come back whole."""

    def handler(job: Any) -> Any:
        return job["input"] if job["input"] else {"error": "nothing to do"}

    with local.LocalEndpoint(handler) as served, served.client() as client:
        monkeypatch.setenv("RUNPOD_API_KEY", served.api_key)
        endpoint = client.endpoint(served.endpoint_id)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            assert pool.submit(_double, endpoint.run(input=4)).result(60) == 8
            with pytest.raises(runpod_sdk.JobFailedError, match="nothing to do") as caught:
                pool.submit(_fail, endpoint.run(input=0)).result(60)
        assert caught.value.state.status == "FAILED"


def test_an_unpickled_client_need_not_be_closed(monkeypatch: Any) -> None:
    """The task of a process pool that gets a job cannot close the job's client."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)

    async def ask(job: AsyncJob) -> None:
        await job.status()

    with Server(Visit.say) as server, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        job = Runpod(KEY, base_url=server.base_url).endpoint("ep").job("j1")
        pickle.loads(pickle.dumps(job)).status()
        async_job = AsyncRunpod(KEY, base_url=server.base_url).endpoint("ep").job("j1")
        asyncio.run(ask(pickle.loads(pickle.dumps(async_job))))
        gc.collect()
        assert server.connections == 2
    assert [str(warning.message) for warning in seen] == []
