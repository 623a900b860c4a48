"""
A submission that is interrupted, at each instant from its answer on.

Any exception at any instant propagates unchanged and names the job, or says that a job may exist.
The job is cancelled if the caller asked for it.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import httpx
import pytest
import trio

from runpod_sdk import AsyncRunpod, Runpod
from tests.interruptions.instants import SDK, Interrupter, instants, interrupted
from tests.transport.server import Server, good

JOB = "a1b2-u1"
CALLS: dict[str, dict[str, Any]] = {
    "run": {},
    "run_sync": {},
    "run_sync, cancel": {"on_timeout": "cancel"},
}


class Service:
    """Takes jobs, and lets an interrupter know when it has answered."""

    def __init__(self) -> None:
        self.interrupter: Interrupter | None = None
        self.cancelled = 0

    def rest(self) -> None:
        """Interrupt nothing that follows."""
        if self.interrupter is not None:
            self.interrupter.armed = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        what = request.url.path.split("/")[3]
        status = {"cancel": "CANCELLED", "status-sync": "COMPLETED"}.get(what, "IN_QUEUE")
        self.cancelled += what == "cancel"
        if self.interrupter is not None:
            self.interrupter.armed = what in ("run", "runsync")
        return httpx.Response(200, json={"id": JOB, "status": status, "executionTime": 3})


OPTIONS: dict[str, Any] = {"rate_limits": False, "telemetry": False}
"""
The telemetry is off, because other tests of the process may have imported OpenTelemetry.

An instant between the bytecodes of a `with` statement, where no signal handler runs, would then
leave its lock locked.
"""


def sync_calls(service: Service) -> Callable[..., Any]:
    http = httpx.Client(transport=httpx.MockTransport(service.answer))
    client = Runpod("key-of-a-test", base_url="http://test/v2", http_client=http, **OPTIONS)
    endpoint = client.endpoint("ep")
    return lambda name, **how: getattr(endpoint, name)(input=1, **how)


def async_calls(service: Service, runner: asyncio.Runner) -> Callable[..., Any]:
    http = httpx.AsyncClient(transport=httpx.MockTransport(service.answer))
    client = AsyncRunpod("key-of-a-test", base_url="http://test/v2", http_client=http, **OPTIONS)
    endpoint = client.endpoint("ep")

    async def caught(call: Coroutine[Any, Any, Any]) -> tuple[Any, BaseException | None]:
        try:
            return await call, None
        except BaseException as error:
            return None, error
        finally:
            service.rest()  # the loop has seen the end of the call, and looks at its result

    def call(name: str, **how: Any) -> Any:
        result, error = runner.run(caught(getattr(endpoint, name)(input=1, **how)))
        if error is not None:
            raise error
        return result

    return call


@pytest.fixture(params=["sync", "async"])
def calls(request: pytest.FixtureRequest) -> Iterator[tuple[Service, Callable[..., Any]]]:
    service = Service()
    if request.param == "sync":
        yield service, sync_calls(service)
        return
    with asyncio.Runner() as runner:
        yield service, async_calls(service, runner)


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("name", CALLS)
def test_no_instant_loses_the_job(calls: tuple[Service, Callable[..., Any]], name: str) -> None:
    """The exception names the job from the moment that the answer has been read."""
    service, call = calls
    method, how = name.partition(",")[0], CALLS[name]

    def one(interrupter: Interrupter) -> None:
        service.interrupter, service.cancelled = interrupter, 0
        call(method, **how)

    unnamed: set[str] = set()
    for interrupter in instants(one, 60, last=method):
        if not interrupted(one, interrupter):
            continue
        assert interrupter.where is not None
        (note,) = interrupter.error.__notes__
        if JOB in note:
            assert service.cancelled == ("cancel" in name), interrupter.where
        else:
            assert "may have been enqueued" in note, interrupter.where
            if interrupter.where[1] != "now":  # a time limit's look at the clock
                unnamed.add(interrupter.where[0])
    of_transport = {"_headers.py", "body.py", "deadline.py", "event_loop.py", "http_common.py"}
    of_transport |= {"httpx_client.py", "httpx_deadline.py"}
    assert unnamed <= of_transport, "its answer was there to be read"


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("kind", [ValueError, TypeError, KeyError, AttributeError])
def test_an_answer_that_can_be_read(
    calls: tuple[Service, Callable[..., Any]], kind: type[Exception]
) -> None:
    """An interruption stays the caller's exception if the answer is readable."""
    service, call = calls

    def one(interrupter: Interrupter) -> None:
        service.interrupter = interrupter
        call("run")

    # The generated code takes some of them for its own.
    for interrupter in instants(one, 40, last="run", files=(SDK,), kinds=[kind]):
        if interrupted(one, interrupter):
            assert "job" in interrupter.error.__notes__[0]


@pytest.mark.parametrize("backend", ["sync", "asyncio", "trio"])
def test_the_instant_after_the_last_byte(backend: str) -> None:
    """Once the system has the whole request there may be a job, though no answer has come."""
    error = KeyboardInterrupt()

    def interrupt(_: object, event: str, function: Any) -> None:
        if event != "c_return" or function.__name__ != "send":
            return
        sock = function.__self__
        if isinstance(sock, socket.socket) and sock.getpeername() == address:
            sys.setprofile(None)
            raise error

    def submit(base_url: str) -> None:
        with Runpod("key-of-a-test", base_url=base_url) as client:
            sys.setprofile(interrupt)
            client.endpoint("ep").run(input=1)

    async def submit_async(base_url: str) -> None:
        async with AsyncRunpod("key-of-a-test", base_url=base_url) as client:
            sys.setprofile(interrupt)
            await client.endpoint("ep").run(input=1)

    runs: dict[str, Callable[[str], object]] = {
        "sync": submit,
        "asyncio": lambda base_url: asyncio.run(submit_async(base_url)),
        "trio": lambda base_url: trio.run(submit_async, base_url),
    }
    with Server(good) as server:
        address = ("127.0.0.1", httpx.URL(server.base_url).port)
        with pytest.raises(KeyboardInterrupt) as caught:
            runs[backend](server.base_url)
    assert caught.value is error
    (note,) = error.__notes__
    assert "may have been enqueued" in note
