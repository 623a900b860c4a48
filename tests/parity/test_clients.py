"""
The public clients send the same and return the same, sync, under asyncio and under trio.

Every public method meets every response of a list. Clocks jump over the pauses.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import attrs
import httpx
import pytest

from runpod_sdk import (
    AsyncRunpod,
    Endpoint,
    ExecutionPolicy,
    Job,
    S3Config,
)
from tests.facade.clocks import JumpingRunpod, jumping

KEY = "rpa_CANARY0123456789"
JOB = "60902e6c-u1"
WAYS = ("sync", "asyncio", "trio")

Script = list[httpx.Response | Exception]
"""Returns the responses in turn; the last one is repeated."""


def said(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=content, headers=spelled)


def job(status: str, **fields: Any) -> httpx.Response:
    return said({"id": JOB, "status": status, **fields})


def chunks(status: str, *outputs: Any) -> httpx.Response:
    return said({"status": status, "stream": [{"output": output} for output in outputs]})


def problem(status: int, **headers: str) -> httpx.Response:
    return said({"status": status, "title": "T", "detail": f"no: {status}"}, status, **headers)


IN_QUEUE = "in the queue, then done"


def typed(endpoint: Any) -> Any:
    """Return the endpoint, with types."""
    kind = dict[str, int]
    return endpoint.client.endpoint(endpoint.id, input_type=kind, output_type=kind)


CALLS: dict[str, Callable[[Any], Any]] = {
    "endpoint.run": lambda endpoint: endpoint.run({"input": 1, "webhook": "https://a.test/"}),
    "endpoint.run by keyword": lambda endpoint: endpoint.run(
        input={"ä": [1.5, None]},
        webhook="https://a.test/hook",
        policy=ExecutionPolicy(execution_timeout=6, ttl=60.5, low_priority=True),
        s3_config=S3Config(
            access_id="a", access_secret="s", bucket_name="b", endpoint_url="https://s3.test"
        ),
        timeout=5,
    ),
    "endpoint.run_sync": lambda endpoint: endpoint.run_sync(input=1),
    "endpoint.run_sync in no time": lambda endpoint: endpoint.run_sync(input=1, timeout=1.0),
    "endpoint.run_sync unchecked": lambda endpoint: endpoint.run_sync(
        input=1, check=False, timeout=None, on_timeout="cancel"
    ),
    "endpoint.status": lambda endpoint: endpoint.status(JOB),
    "endpoint.wait": lambda endpoint: endpoint.wait("a%b?ü"),
    "endpoint.stream": lambda endpoint: endpoint.stream(JOB),
    "endpoint.updates": lambda endpoint: endpoint.updates(JOB, timeout=60),
    "endpoint.wait with updates": lambda endpoint: endpoint.wait(JOB, on_update=str),
    "endpoint.run_sync with updates": lambda endpoint: endpoint.run_sync(
        input=1,
        on_update=str,
        extra_headers={"X-Trace": "1"},
        extra_body={"priority": 1},
    ),
    "endpoint.map with updates": lambda endpoint: endpoint.map(
        [1], on_update=lambda *_: None, extra_headers={"x-trace": "1"}, extra_body={"priority": 1}
    ),
    "endpoint.cancel": lambda endpoint: endpoint.cancel(JOB, timeout=None),
    "endpoint.retry": lambda endpoint: endpoint.retry(JOB),
    "endpoint.explain": lambda endpoint: endpoint.explain(JOB),
    "endpoint.health": lambda endpoint: endpoint.health(),
    "endpoint.purge_queue": lambda endpoint: endpoint.purge_queue(),
    "endpoint.job": lambda endpoint: endpoint.job(JOB),
    "endpoint.map": lambda endpoint: endpoint.map([{"ä": 1}], webhook="https://a.test/hook"),
    "endpoint.map of types": lambda endpoint: typed(endpoint).map([{"ä": 1}]),
    "endpoint.run_sync of types": lambda endpoint: typed(endpoint).run_sync(input={"ä": 1}),
    "endpoint.map that raises": lambda endpoint: endpoint.map([1], on_error="raise"),
    "client.as_completed": lambda endpoint: endpoint.client.as_completed([endpoint.job(JOB)]),
    "client.wait_all": lambda endpoint: endpoint.client.wait_all([endpoint.job(JOB)], timeout=60),
    "job.status": lambda endpoint: endpoint.job(JOB).status(),
    "job.wait": lambda endpoint: endpoint.job(JOB).wait(on_timeout="cancel"),
    "job.output": lambda endpoint: endpoint.job(JOB).output(timeout=None),
    "job.output of a type": lambda endpoint: endpoint.job(JOB).output(output_type=dict[str, int]),
    "job.explain": lambda endpoint: endpoint.job(JOB).explain(timeout=5),
    "job.stream": lambda endpoint: endpoint.job(JOB).stream(timeout=60),
    "job.updates": lambda endpoint: endpoint.job(JOB).updates(extra_headers={"x-trace": "1"}),
    "job.save_output": lambda endpoint: endpoint.job(JOB).save_output("no-such-directory"),
    "job.cancel": lambda endpoint: endpoint.job(JOB).cancel(),
    "job.retry": lambda endpoint: endpoint.job(JOB).retry(),
}

ANSWERS: dict[str, Script] = {
    "completed": [job("COMPLETED", output={"a": 1}, delayTime=5, executionTime=1.5, workerId="w")],
    "completed with null": [job("COMPLETED", output=None, retries=1, new={"x": []})],
    "failed": [job("FAILED", error='{"error_type": "E", "error_message": "m"}')],
    "cancelled": [job("CANCELLED")],
    "timed out": [job("TIMED_OUT", delayTime="?")],
    IN_QUEUE: [job("IN_QUEUE"), job("COMPLETED", output="late")],
    "no job": [problem(404)],
    "no long poll": [problem(404), job("COMPLETED", output=2)],
    "chunks": [chunks("IN_PROGRESS", 1, None), chunks("COMPLETED", "x"), chunks("COMPLETED")],
    "chunks, then a failure": [
        chunks("IN_PROGRESS", 1),
        chunks("FAILED"),
        job("FAILED", error="e"),
    ],
    "chunks, then a lost answer": [
        chunks("IN_PROGRESS", 1),
        httpx.ReadError("reset"),
        job("COMPLETED", output=[1, 2, 3]),
    ],
    "chunks, then a lost answer for good": [
        chunks("IN_PROGRESS", 1),
        problem(500),
        job("COMPLETED", output=[]),
    ],
    "health": [said({"jobs": {"inQueue": 1, "new": 2}, "workers": {"idle": None}, "x": 1})],
    "purged": [said({"removed": 2, "status": "COMPLETED"})],
    "an accepted one": [said({"id": JOB, "status": "COMPLETED"}, 202)],
    **{f"a {code}": [problem(code)] for code in (400, 401, 403, 405, 409, 413, 418, 500, 502, 503)},
    "a 429": [problem(429, retry_after="1", x_request_id="r-1")],
    "a page": [said(b"<html>524</html>", 524, cf_ray="ray")],
    "a redirect": [said(b"", 307, location="https://elsewhere.test/")],
    "nothing": [said(b"", 204)],
    "no JSON": [said(b"{", 200)],
    "a list": [said([1, 2])],
    "no id": [said({"status": "COMPLETED"})],
    "a refusal that repeats the key": [said({"detail": f"bad key {KEY}"}, 401)],
    "no connection": [httpx.ConnectError("refused")],
    "a connection too late": [httpx.ConnectTimeout("")],
    "a reset": [httpx.ReadError("reset")],
    "a cut": [httpx.RemoteProtocolError("cut short")],
    "an answer too late": [httpx.ReadTimeout("")],
}

# Waiting survives these responses: the next one ends it.
for _name in (
    *("a 429", "a 500", "a 502", "a 503", "a page", "no connection", "a connection too late"),
    *("a reset", "a cut", "an answer too late"),
):
    ANSWERS[_name].append(job("CANCELLED"))

MISTAKES: dict[str, Callable[[Any], Any]] = {
    "no input": lambda endpoint: endpoint.run(),
    "both ways": lambda endpoint: endpoint.run({"input": 1}, input=1),
    "an unknown field": lambda endpoint: endpoint.run_sync({"input": 1, "prompt": 2}),
    "not JSON": lambda endpoint: endpoint.run(input={1, 2}),
    "NaN": lambda endpoint: endpoint.run_sync(input=float("nan")),
    "a webhook that is no URL": lambda endpoint: endpoint.run(input=1, webhook="a.test"),
    "an empty id": lambda endpoint: endpoint.status(""),
    "a bad id": lambda endpoint: endpoint.wait(".."),
    "no time": lambda endpoint: endpoint.status(JOB, timeout=0),
    "no time to wait": lambda endpoint: endpoint.job(JOB).wait(timeout=-1),
    "no time to stream": lambda endpoint: endpoint.stream(JOB, timeout=float("nan")),
    "map of one input": lambda endpoint: endpoint.map({"a": 1}),
    "map of no iterable": lambda endpoint: endpoint.map(1),
    "map of an input without a JSON form": lambda endpoint: endpoint.map([{1, 2}]),
    "map with nothing in flight": lambda endpoint: endpoint.map([1], concurrency=0),
    "map that leaves in a strange way": lambda endpoint: endpoint.map([1], on_leave="stop"),
    "map that errs in a strange way": lambda endpoint: endpoint.map([1], on_error="ignore"),
    "jobs that are none": lambda endpoint: endpoint.client.as_completed([JOB]),
    "a wrong on_timeout": lambda endpoint: endpoint.wait(JOB, on_timeout="stop"),
}


@attrs.frozen
class Account:
    """The sent requests, and the result or error."""

    requests: list[tuple[str, str, list[tuple[str, str]], bytes]]
    outcome: Any


def told(thing: Any) -> Any:
    """Describe a result or an error, without the difference between sync and async."""
    name = type(thing).__name__.removeprefix("Async")
    if isinstance(thing, BaseException):
        carried = {key: told(value) for key, value in vars(thing).items()}
        return name, [told(value) for value in thing.args], carried, told(thing.__cause__)
    if name in ("Job", "Endpoint", "Runpod"):
        return repr(thing).replace("Async", "")
    if isinstance(thing, httpx.Headers | httpx.Request):
        return repr(thing)
    if isinstance(thing, list):
        return [told(value) for value in thing]
    if name in ("MapResult", "JobResult"):
        return {key: told(value) for key, value in attrs.asdict(thing, recurse=False).items()}
    return (thing, thing.to_dict()) if hasattr(thing, "to_dict") else thing


def accounts(way: str, cases: Sequence[tuple[Callable[[Any], Any], Script]]) -> list[Account]:
    """Call a method of a client for each case, all on one event loop; its script responds."""
    if way == "sync":  # `map` pauses on a clock that does not jump
        with ThreadPoolExecutor(len(cases)) as pool:
            return list(pool.map(_account, *zip(*cases, strict=True)))

    async def run_all() -> list[Account]:
        return [await _account_async(*case) for case in cases]

    return anyio.run(run_all, backend=way, backend_options=jumping(way))


def account(way: str, ask: Callable[[Any], Any], script: Script) -> Account:
    """Call a method of one client; *script* responds."""
    return accounts(way, [(ask, script)])[0]


OPTIONS: dict[str, Any] = {"api_key": KEY, "base_url": "https://a.test/v2", "max_retries": 0}


def _account(ask: Callable[[Any], Any], script: Script) -> Account:
    asked, transport = _service(script)
    taken: list[Any] = []
    try:
        with (
            httpx.Client(transport=transport) as http,
            JumpingRunpod(http_client=http, **OPTIONS) as rp,
        ):
            result = ask(rp.endpoint("ep"))
            for value in result if isinstance(result, Iterator) else [result]:
                taken.append(value)
    except Exception as error:
        taken.append(error)
    return Account([_sent(request) for request in asked], told(taken))


async def _account_async(ask: Callable[[Any], Any], script: Script) -> Account:
    asked, transport = _service(script)
    taken: list[Any] = []
    try:
        async with (
            httpx.AsyncClient(transport=transport) as http,
            AsyncRunpod(http_client=http, **OPTIONS) as rp,
        ):
            result = ask(rp.endpoint("ep"))
            if isinstance(result, AsyncIterator):
                async for value in result:
                    taken.append(value)
            else:
                taken.append(await result if inspect.isawaitable(result) else result)
    except Exception as error:
        taken.append(error)
    return Account([_sent(request) for request in asked], told(taken))


def _service(script: Script) -> tuple[list[httpx.Request], httpx.MockTransport]:
    """Return what responds as *script* says, and the list of its requests."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        given = script[min(len(asked), len(script)) - 1]
        if isinstance(given, Exception):
            raise type(given)(*given.args)
        return httpx.Response(given.status_code, content=given.content, headers=given.headers)

    return asked, httpx.MockTransport(answer)


def _sent(request: httpx.Request) -> tuple[str, str, list[tuple[str, str]], bytes]:
    headers = sorted(
        (name, value) for name, value in request.headers.multi_items() if name != "user-agent"
    )
    return request.method, str(request.url), headers, request.content


@pytest.mark.parametrize("call", CALLS)
def test_all_ways_send_and_return_the_same(call: str) -> None:
    """Requests, results, and errors with their messages and attributes are equal."""
    # Two status requests have a pause in between, unlike a submission and a status request.
    names = [name for name in ANSWERS if name != IN_QUEUE or call.startswith("endpoint.run")]
    cases = [(CALLS[call], ANSWERS[name]) for name in names]
    for name, sync, *others in zip(names, *(accounts(way, cases) for way in WAYS), strict=True):
        assert others == [sync, sync], name
        assert bool(sync.requests) is (call != "endpoint.job"), name
        assert KEY not in repr(sync.outcome), name


@pytest.mark.parametrize("call", MISTAKES)
def test_all_ways_refuse_the_same(call: str) -> None:
    """An invalid request raises the same error, and nothing is sent."""
    sync, *others = (account(way, MISTAKES[call], ANSWERS["completed"]) for way in WAYS)
    assert others == [sync, sync]
    assert sync.requests == []
    assert sync.outcome[0][0] in ("ValueError", "TypeError")


def test_an_output_is_kept_in_all_ways() -> None:
    """A succeeded job is not requested again, until it is retried."""

    async def awaited(endpoint: Any) -> list[Any]:
        kept = endpoint.job(JOB)
        return [await kept.output(), await kept.output(), await kept.retry(), await kept.output()]

    def ask(endpoint: Any) -> Any:
        if not isinstance(endpoint, Endpoint):
            return awaited(endpoint)
        kept = endpoint.job(JOB)
        return [kept.output(), kept.output(), kept.retry(), kept.output()]

    script: Script = [job("COMPLETED", output=1), job("IN_QUEUE"), job("COMPLETED", output=2)]
    sync, *others = (account(way, ask, script) for way in WAYS)
    assert others == [sync, sync]
    assert len(sync.requests) == 3


@pytest.mark.parametrize("cls", [Endpoint, Job])
def test_every_public_method_is_called(cls: type) -> None:
    """A method that is added must be added here, too."""
    methods = {
        name for name in dir(cls) if not name.startswith("_") and callable(getattr(cls, name))
    }
    called = {call.split()[0] for call in CALLS}
    called |= {"endpoint.openai", "endpoint.journaled"}  # which send no request
    assert {f"{cls.__name__.lower()}.{name}" for name in methods} <= called


def test_accounts_tell_calls_and_answers_apart() -> None:
    """A different query, header, body, message or attribute makes a difference."""
    answers = ANSWERS["a 429"]
    plain = account("sync", CALLS["endpoint.status"], answers)
    assert plain == account("sync", CALLS["job.status"], answers)
    assert plain.requests != account("sync", CALLS["endpoint.wait"], answers).requests
    other = [problem(429, retry_after="2", x_request_id="r-1")]
    assert plain.outcome != account("sync", CALLS["endpoint.status"], list(other)).outcome
    bodies = [
        account("sync", lambda endpoint, value=value: endpoint.run(input=value), answers).requests
        for value in (1, True)
    ]
    assert bodies[0] != bodies[1]
