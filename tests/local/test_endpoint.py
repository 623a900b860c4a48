"""The endpoint as an object: its life, its names, the clients that it makes."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from runpod_sdk.local import Limits, LocalEndpoint, progress_update
from runpod_serverless_api import AuthenticatedClient
from runpod_serverless_api.api.endpoints import get_health, purge_queue
from runpod_serverless_api.api.jobs import (
    cancel_job,
    get_job_status,
    get_job_status_sync,
    retry_job,
    run_job,
    run_job_sync,
    stream_job,
)
from runpod_serverless_api.models import Health, Job, JobRequest, JobStream, PurgeResult

from . import support
from .processes import until
from .support import Api, Gate, echo

QUICK = Limits(shutdown_grace=0.1)


def test_it_is_a_context_manager() -> None:
    """It answers inside, and refuses connections after."""
    with LocalEndpoint(echo) as local:
        api = Api(local)
        assert api.run_sync(1)["output"] == 1
    with pytest.raises(httpx.ConnectError):
        api.health()
    api.http.close()


def test_start_and_close_can_be_repeated() -> None:
    """The second time is of no effect; a closed endpoint does not start again."""
    local = LocalEndpoint(echo)
    assert local.start() is local
    url = local.base_url
    assert local.start().base_url == url
    local.close()
    local.close()
    with pytest.raises(RuntimeError, match="closed"):
        local.start()


def test_one_that_was_never_started_can_be_closed() -> None:
    """It has no URL before it is started."""
    local = LocalEndpoint(echo)
    with pytest.raises(RuntimeError, match="before start"):
        _ = local.base_url
    local.close()


def test_several_at_once() -> None:
    """Each has its own port, id and key."""
    with LocalEndpoint(lambda _: "one") as one, LocalEndpoint(lambda _: "two") as two:
        assert one.base_url != two.base_url
        assert one.endpoint_id != two.endpoint_id
        assert one.api_key != two.api_key
        for local, output in ((one, "one"), (two, "two")):
            api = Api(local)
            assert api.run_sync()["output"] == output
            api.http.close()


def test_names_can_be_chosen() -> None:
    """Id, key and port are as asked for; a port that is taken is an error that says so."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with LocalEndpoint(echo, endpoint_id="my-endpoint", api_key="k", port=port) as local:
        assert local.base_url == f"http://127.0.0.1:{port}/v2"
        assert (local.endpoint_id, local.api_key) == ("my-endpoint", "k")
        with pytest.raises(OSError, match=f"127.0.0.1:{port}: .* in use"):
            LocalEndpoint(echo, port=port).start()


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_can_not_be(port: int) -> None:
    """Said when the endpoint is made, like all that is wrong with it."""
    with pytest.raises(ValueError, match=r"port must be (at least 0|from 0 .* to 65535)"):
        LocalEndpoint(echo, port=port)


def test_the_key_is_not_shown() -> None:
    """Neither repr nor str give the key away, in any state."""
    local = LocalEndpoint(echo)
    shown = [repr(local)]
    with local:
        shown += [repr(local), str(local), f"{local}"]
    shown.append(repr(local))
    assert not any(local.api_key in text for text in shown)
    assert [text.split()[2].rstrip(">") for text in shown] == ["not", "at", "at", "at", "closed"]


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"handler": "no"}, TypeError, "handler must be callable, not str"),
        ({"workers": 0}, ValueError, "workers must be at least 1"),
        ({"workers": "2"}, TypeError, "workers must be a whole number"),
        ({"port": "8000"}, TypeError, "port must be a whole number"),
        ({"rate_limits": "off"}, TypeError, "rate_limits must be True or False"),
        ({"any_id": 1}, TypeError, "any_id must be True or False"),
        ({"return_aggregate_stream": "no"}, TypeError, "aggregate_stream must be True or False"),
        ({"endpoint_id": ""}, ValueError, "one segment"),
        ({"endpoint_id": "a/b"}, ValueError, "one segment"),
        ({"api_key": " "}, ValueError, "blank"),
        ({"api_key": b"a key"}, TypeError, "api_key must be a string, not bytes"),
        ({"min_workers": True}, TypeError, "min_workers must be a whole number"),
        ({"cold_start": -1}, ValueError, "cold_start must not be negative"),
        ({"cold_start": "5"}, TypeError, "number of seconds"),
        ({"idle_timeout": float("nan")}, ValueError, "idle_timeout must not be negative"),
        ({"limits": {"ttl": 5}}, TypeError, "limits must be a Limits"),
        ({"clock": 5}, TypeError, "clock must be a function"),
    ],
)
def test_mistakes_are_told_at_once(
    arguments: dict[str, Any], error: type[Exception], match: str
) -> None:
    """A bad argument is an error where it is given."""
    with pytest.raises(error, match=match):
        LocalEndpoint(**{"handler": echo, **arguments})


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install; progress_update can still be imported."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ImportError, match=r"pip install 'runpod_sdk\[local\]'"):
        LocalEndpoint(echo).start()
    progress_update({"id": "x"}, 1)


def test_nothing_is_loaded_before_it_is_needed() -> None:
    """A handler can import progress_update where there is no server; httpx is for webhooks."""
    code = """if True:
        import sys, runpod_sdk.local
        assert "uvicorn" not in sys.modules
        with runpod_sdk.local.LocalEndpoint(lambda job: 1) as local, local.client() as client:
            client.endpoint(local.endpoint_id).run_sync(input=1)
        assert "httpx" not in sys.modules"""
    subprocess.run([sys.executable, "-c", code], check=True)


# -- the end


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("runpod ")}


def test_no_thread_is_left_behind() -> None:
    """Server and workers end, also when async handlers and long polls are under way."""
    before, begun = threads(), threading.Barrier(4)

    async def handler(_: Any) -> AsyncIterator[Any]:
        begun.wait(support.PATIENCE)
        await asyncio.Event().wait()
        yield 1

    with LocalEndpoint(handler, workers=3) as local:
        api = Api(local)
        jobs = [api.run() for _ in range(4)]
        begun.wait(support.PATIENCE)
        assert len(threads() - before) == 4
        polls = [api.held("GET", f"/stream/{job_id}") for job_id in jobs]
        entered = [poll.__enter__() for poll in polls]
    assert threads() == before
    for poll, held in zip(polls, entered, strict=True):
        assert held.answer()["stream"] == []
        poll.__exit__(None, None, None)
    api.http.close()


def test_closing_does_not_wait_for_a_blocked_handler(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that does not return is left on its thread, and the log says so."""
    gate = Gate()
    with LocalEndpoint(lambda _: gate.wait(), limits=QUICK) as local:
        api = Api(local)
        job_id = api.run()
        gate.reached()
        with caplog.at_level(logging.WARNING, "runpod_sdk.local"):
            local.close()
    assert job_id
    assert re.search(r"still in its handler after [\d.]+ s: its thread ends when", caplog.text)
    blocked = [thread for thread in threads() if thread.daemon]
    gate.open()
    for thread in blocked:
        thread.join(support.PATIENCE)
    assert not any(thread.is_alive() for thread in blocked)
    api.http.close()


def test_a_handler_can_close_its_endpoint() -> None:
    """It does not wait for itself."""
    ends: list[BaseException | None] = []
    done = threading.Event()

    def handler(_: Any) -> None:
        try:
            local.close()
            ends.append(None)
        except BaseException as error:
            ends.append(error)
        done.set()

    with LocalEndpoint(handler) as local:
        api = Api(local)
        api.run(1)
        assert done.wait(10)
    api.http.close()
    assert ends == [None]


@pytest.fixture
def closing() -> Iterator[list[LocalEndpoint]]:
    """Let SIGUSR1 close the endpoints of a list."""
    locals_: list[LocalEndpoint] = []
    old = signal.signal(signal.SIGUSR1, lambda *_: [local.close() for local in locals_])
    yield locals_
    signal.signal(signal.SIGUSR1, old)


def test_a_signal_handler_can_close_what_is_being_closed(closing: list[LocalEndpoint]) -> None:
    """It does not wait for the code that it interrupts."""
    started = threading.Event()

    async def handler(_: Any) -> None:
        try:
            started.set()
            await asyncio.sleep(60)
        finally:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    with LocalEndpoint(handler) as local:
        closing.append(local)
        api = Api(local)
        api.run(1)
        assert started.wait(10)
    api.http.close()


@pytest.mark.parametrize("calls", [3, 60, 400])
def test_a_signal_handler_can_close_what_is_being_started(
    closing: list[LocalEndpoint], calls: int
) -> None:
    """After so many calls of functions, it is closed, or not started at all."""
    left = iter(range(calls))

    def trace(*_: object) -> None:
        if next(left, None) is None:
            sys.settrace(None)
            signal.raise_signal(signal.SIGUSR1)

    before = threads()
    local = LocalEndpoint(echo)
    closing.append(local)
    sys.settrace(trace)
    try:
        with suppress(RuntimeError):
            local.start()
    finally:
        sys.settrace(None)
    with pytest.raises(RuntimeError, match="closed"):
        local.start()
    assert threads() == before


def test_each_job_that_ends_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """For who asks for it; with neither input nor output, nor a secret that an error repeats."""
    key, secret = "a-key-of-mine", "the-secret-of-a-store"

    def handler(job: dict[str, Any]) -> Any:
        if job["input"] == "fail":
            raise LookupError(f"{key} {job['s3Config']['accessSecret']}")
        return "an output"

    s3 = {"accessId": "a", "accessSecret": secret, "bucketName": "b", "endpointUrl": "https://x"}
    caplog.set_level(logging.INFO, "runpod_sdk.local.jobs")
    with LocalEndpoint(handler, min_workers=0, cold_start=60, api_key=key) as idle:
        api = Api(idle)
        cancelled = api.run("an input")
        api.cancel(cancelled)
        api.http.close()
    with LocalEndpoint(handler, api_key=key) as local:
        api = Api(local)
        done, failed = api.run_sync("an input"), api.run_sync("fail", s3Config=s3)
        until(lambda: len(caplog.messages) == 3)
        api.http.close()
    said = [re.sub(r"\d+ ms", "3 ms", message) for message in caplog.messages]
    assert said == [
        f"job {cancelled} CANCELLED",
        f"job {done['id']} COMPLETED in 3 ms",
        f"job {failed['id']} FAILED in 3 ms: LookupError: … …",
    ]
    assert [vars(record)["status"] for record in caplog.records][2] == "FAILED"


def test_closing_does_not_wait_for_a_slow_client() -> None:
    """Neither a silent client, nor one that has sent half a request, delays it for long."""
    with LocalEndpoint(echo) as local:
        api = Api(local)
        connections = [support.raw_connection(api) for _ in range(2)]
        connections[1].sendall(
            f"POST /v2/{local.endpoint_id}/run HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: {local.api_key}\r\nContent-Length: 100\r\n\r\nhalf".encode()
        )
        api.settled()
    for connection in connections:
        connection.close()
    api.http.close()


def test_it_serves_async_code_on_the_same_thread() -> None:
    """The server does not need its starter's event loop."""

    async def ask() -> Any:
        with LocalEndpoint(echo) as local:
            api = Api(local)
            try:
                return api.run_sync("hello")["output"]
            finally:
                api.http.close()

    assert asyncio.run(ask()) == "hello"


# -- clients


def test_the_generated_client_understands_every_answer() -> None:
    """Each operation of the contract is served where the contract says, with its models."""
    errors = ["once"]

    def handler(job: dict[str, Any]) -> Any:
        return {"error": errors.pop()} if errors else job["input"]

    with LocalEndpoint(handler) as local:
        at = local.endpoint_id
        with AuthenticatedClient(local.base_url, local.api_key, timeout=httpx.Timeout(20)) as http:
            job = run_job.sync(at, client=http, body=JobRequest({"a": 1}))
            assert isinstance(job, Job)
            job = get_job_status_sync.sync(at, job.id, client=http, wait=60000)
            assert isinstance(job, Job)
            assert (job.status, job.error) == ("FAILED", "once")
            assert isinstance(retry_job.sync(at, job.id, client=http), Job)
            stream = stream_job.sync(at, job.id, client=http, wait=60000)
            assert isinstance(stream, JobStream)
            job = get_job_status.sync(at, job.id, client=http, ttl=60000)
            assert isinstance(job, Job)
            assert job.output == {"a": 1}
            job = run_job_sync.sync(at, client=http, body=JobRequest({"a": 2}), wait=60000)
            assert isinstance(job, Job)
            assert job.additional_properties == {}
            job = cancel_job.sync(at, job.id, client=http)
            assert isinstance(job, Job)
            assert job.status == "COMPLETED"
            assert isinstance(purge_queue.sync(at, client=http), PurgeResult)
            health = get_health.sync(at, client=http)
            assert isinstance(health, Health)
            assert health.additional_properties == {}


def test_it_makes_a_client() -> None:
    """The client knows where to go and with which key."""
    with LocalEndpoint(echo) as local, local.client() as client:
        assert client.endpoint(local.endpoint_id).run_sync(input={"n": 1}).output == {"n": 1}


def test_it_makes_an_async_client() -> None:
    """So does the async one."""

    async def ask() -> Any:
        with LocalEndpoint(echo) as local:
            async with local.async_client() as client:
                return await client.endpoint(local.endpoint_id).run_sync(input={"n": 1})

    assert asyncio.run(ask()).output == {"n": 1}
