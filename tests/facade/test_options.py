"""Options of a client that shares another's connections, headers, fields and changing keys."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from runpod_sdk import AsyncRunpod, ClientClosedError, ConfigurationError, Runpod
from tests.facade.clients import (
    JOB,
    KEY,
    Driver,
    Script,
    answer,
    chunks,
    in_no_time,
    job,
    problem,
)

OTHER = "rpa_OTHER0123456789"
BEARER = f"Bearer {KEY}"

CALLS: dict[str, Callable[..., Any]] = {
    "run": lambda endpoint, **how: endpoint.run(input=1, **how),
    "run_sync": lambda endpoint, **how: endpoint.run_sync(input=1, **how),
    "status": lambda endpoint, **how: endpoint.status(JOB, **how),
    "wait": lambda endpoint, **how: endpoint.wait(JOB, **how),
    "cancel": lambda endpoint, **how: endpoint.cancel(JOB, **how),
    "retry": lambda endpoint, **how: endpoint.retry(JOB, **how),
    "health": lambda endpoint, **how: endpoint.health(**how),
    "purge_queue": lambda endpoint, **how: endpoint.purge_queue(**how),
    "explain": lambda endpoint, **how: endpoint.explain(JOB, **how),
    "job.status": lambda endpoint, **how: endpoint.job(JOB).status(**how),
    "job.wait": lambda endpoint, **how: endpoint.job(JOB).wait(**how),
    "job.output": lambda endpoint, **how: endpoint.job(JOB).output(**how),
    "job.cancel": lambda endpoint, **how: endpoint.job(JOB).cancel(**how),
    "job.retry": lambda endpoint, **how: endpoint.job(JOB).retry(**how),
    "job.explain": lambda endpoint, **how: endpoint.job(JOB).explain(**how),
    "wait_all": lambda endpoint, **how: endpoint.client.wait_all([endpoint.job(JOB)], **how),
    "job.save_output": lambda endpoint, **how: endpoint.job(JOB).save_output("nowhere", **how),
}
ITERATORS: dict[str, Callable[..., Any]] = {
    "stream": lambda endpoint, **how: endpoint.stream(JOB, **how),
    "job.stream": lambda endpoint, **how: endpoint.job(JOB).stream(**how),
    "as_completed": lambda endpoint, **how: endpoint.client.as_completed(
        [endpoint.job(JOB)] * 2, concurrency=1, **how
    ),
    "updates": lambda endpoint, **how: endpoint.updates(JOB, **how),
    "job.updates": lambda endpoint, **how: endpoint.job(JOB).updates(**how),
}


def sent(script: Script) -> list[httpx.Headers]:
    assert script.requests
    return [request.headers for request in script.requests]


@in_no_time
@pytest.mark.parametrize("call", [*CALLS, *ITERATORS])
def test_headers_of_the_client_and_of_a_call(driver: Driver, call: str) -> None:
    """On each request of each operation; the call's headers win, in any spelling."""
    script = Script(job("IN_PROGRESS", removed=1), job(output=1))
    if "stream" in call:
        script = Script(chunks("IN_PROGRESS", "a"), chunks("COMPLETED"), job())
    endpoint = driver.endpoint(script, default_headers={"X-Team": "blue", "x-both": "client"})
    how = {"extra_headers": {"X-Trace": "t1", "X-Both": "call"}}
    if call in ITERATORS:
        driver.take(ITERATORS[call](endpoint, **how))
    else:
        driver.call(lambda: CALLS[call](endpoint, **how))
    for headers in sent(script):
        assert (headers["x-team"], headers["x-trace"]) == ("blue", "t1")
        assert headers.get_list("x-both") == ["call"]
        assert headers["authorization"] == BEARER
        assert headers["user-agent"].startswith("runpod_sdk/")


@in_no_time
def test_the_credentials_of_a_callers_client(driver: Driver) -> None:
    """The key is sent in place of the client's own user name and password."""
    script = Script(job())
    http_client = driver.http_client(script)
    http_client.auth = ("user", "password")
    client = driver.client(http_client=http_client)
    driver.call(lambda: client.endpoint("ep").status(JOB))
    assert [headers["authorization"] for headers in sent(script)] == [BEARER]


@pytest.mark.parametrize("value", [False, 0, "", {}])
def test_a_callers_client_that_is_none(driver: Driver, value: object) -> None:
    """It is refused, although it is empty: only None is no client."""
    with pytest.raises(TypeError, match=r"^http_client must be an httpx\."):
        driver.client(http_client=value)


@pytest.mark.parametrize("driver", ["sync", "asyncio"], indirect=True)
def test_headers_and_fields_of_a_map(driver: Driver) -> None:
    script = Script(job("IN_QUEUE"), job(output=1))
    endpoint = driver.endpoint(script)
    results = endpoint.map([1], extra_headers={"x-trace": "t1"}, extra_body={"priority": "high"})
    (result,) = driver.take(results)
    assert result.output == 1
    assert {headers["x-trace"] for headers in sent(script)} == {"t1"}
    assert json.loads(script.requests[0].content) == {"input": 1, "priority": "high"}


@in_no_time
@pytest.mark.parametrize("method", ["run", "run_sync"])
def test_fields_that_this_version_does_not_know(driver: Driver, method: str) -> None:
    """With keyword arguments, and with the API's own body."""
    for args, how in (((), {"input": 1}), (({"input": 1},), {})):
        script = Script(job())
        endpoint = driver.endpoint(script)
        extra = {"webhookV2": "https://a.test/", "gpu": {"type": "A"}}
        driver.call(
            lambda a=args, h=how, e=endpoint, x=extra: getattr(e, method)(*a, **h, extra_body=x)
        )
        assert script.bodies[0] == {"input": 1, **extra}


@pytest.mark.parametrize("name", ["input", "webhook", "policy", "s3Config"])
def test_a_field_that_has_an_argument_of_its_own(name: str) -> None:
    with Runpod(KEY) as client, pytest.raises(ValueError, match=f"extra_body has {name!r}"):
        client.endpoint("ep").run(input=1, extra_body={name: 1})
    with Runpod(KEY) as client, pytest.raises(TypeError, match="extra_body must be a mapping"):
        client.endpoint("ep").run(input=1, extra_body=[1])  # type: ignore[arg-type]
    unnamed: Any = {1: 1}
    with Runpod(KEY) as client, pytest.raises(TypeError, match="name 1; names must be strings"):
        client.endpoint("ep").run(input=1, extra_body=unnamed)


@pytest.mark.parametrize("make", [Runpod, AsyncRunpod])
@pytest.mark.parametrize(
    ("headers", "error", "said"),
    [
        ({"Authorization": "CANARY"}, ValueError, "'Authorization', which the SDK sets itself"),
        ({"content-length": "CANARY"}, ValueError, "the SDK sets itself"),
        ({"user-agent": "CANARY"}, ValueError, "the SDK sets itself"),
        ({"x a": "CANARY"}, ValueError, "no name of a header"),
        ({"": "CANARY"}, ValueError, "no name of a header"),
        ({"x-a": "CANARY\r\nx: y"}, ValueError, "not printable ASCII"),
        ({"x-a": " CANARY"}, ValueError, "white space at an end"),
        ({"x-a": "CANARY\xe9"}, ValueError, "not printable ASCII"),
        ({"x-a": "CANARY\u20ac"}, ValueError, "not printable ASCII"),
        ({"x-a": 5}, TypeError, "must map strings to strings, not str to int"),
        ("CANARY", TypeError, "must be a mapping"),
    ],
    ids=repr,
)
def test_headers_that_can_not_be_sent(make: Any, headers: Any, error: Any, said: str) -> None:
    """Of the client, of one with other options, and of a call; no value is shown."""
    client = make(KEY)
    for ask in (
        lambda: make(KEY, default_headers=headers),
        lambda: client.with_options(default_headers=headers),
        lambda: client.endpoint("ep").stream(JOB, extra_headers=headers),
    ):
        with pytest.raises(error, match=said) as caught:
            ask()
        assert "CANARY" not in str(caught.value)


@in_no_time
def test_a_client_with_other_options(driver: Driver) -> None:
    """It has its own key, headers and retries, and the same connections."""
    script = Script(problem(500))
    first = driver.endpoint(script, max_retries=2, default_headers={"x-a": "1"}).client
    other = first.with_options(max_retries=0, api_key=OTHER, default_headers={"x-b": "2"})
    assert type(other) is type(first)
    for client, requests, key, headers in (
        (other, 1, OTHER, {"x-a": "1", "x-b": "2"}),
        (first, 3, KEY, {"x-a": "1"}),
    ):
        script.requests.clear()
        with pytest.raises(Exception, match="HTTP 500") as caught:
            driver.call(lambda c=client: c.endpoint("ep").status(JOB))
        assert [one["authorization"] for one in sent(script)] == [f"Bearer {key}"] * requests
        extra = [{k: v for k, v in one.items() if k.startswith("x-")} for one in sent(script)]
        assert extra == [headers] * requests
        assert key not in repr(caught.value)
        assert key not in repr(client)


@in_no_time
def test_closing_one_of_two(driver: Driver) -> None:
    """The derived client closes nothing of the first; the first closes both."""
    script = Script(job())
    first = driver.endpoint(script).client
    one, two = first.with_options(timeout=1), first.with_options()
    driver.call(lambda: driver.close(one))
    with pytest.raises(ClientClosedError):
        driver.call(lambda: one.endpoint("ep").status(JOB))
    for client in (first, two):
        assert driver.call(lambda c=client: c.endpoint("ep").status(JOB)).id == JOB
    driver.call(lambda: driver.close(first))
    with pytest.raises(ClientClosedError):
        driver.call(lambda: two.endpoint("ep").status(JOB))


@in_no_time
def test_the_timeout_of_a_derived_client(driver: Driver) -> None:
    """None in place of a number is no limit, and is not taken for left out."""
    client = driver.client(timeout=3)
    assert client.with_options()._config.timeout == 3
    assert client.with_options(timeout=None)._config.timeout is None
    assert client.with_options(timeout=7).with_options(max_retries=1)._config.timeout == 7


@in_no_time
def test_rate_limits_are_shared(driver: Driver) -> None:
    client = driver.client()
    assert client.with_options()._rate_limiters is client._rate_limiters
    assert client.with_options(rate_limits=False)._rate_limiters is None


@in_no_time
def test_jobs_of_clients_that_share_connections(driver: Driver) -> None:
    first = driver.endpoint(Script(job())).client
    jobs = [first.endpoint("ep").job(JOB)]
    states = driver.call(lambda: first.with_options(timeout=5).wait_all(jobs))
    assert [state.id for state in states] == [JOB]


@in_no_time
def test_a_pickled_client_of_other_options_has_no_key(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = driver.client().with_options(api_key=OTHER, default_headers={"x-a": "1"}, timeout=7)
    pickled = pickle.dumps(client)
    assert OTHER.encode() not in pickled
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    twin = pickle.loads(pickled)
    assert (twin._config.timeout, twin._config.default_headers) == (7, {"x-a": "1"})
    assert twin._config.key().value == KEY


@in_no_time
def test_a_key_that_changes(driver: Driver) -> None:
    """The function is called for each request, retries and polls included; it may be async."""
    keys = [f"rpa_KEY{n}0123456789" for n in range(9)]
    given = iter(keys)

    def plain() -> str:
        return next(given)

    async def awaited() -> str:
        return next(given)

    for function in (plain, awaited) if driver.is_async else (plain,):
        script = Script(problem(500), job("IN_PROGRESS"), job())
        driver.call(lambda s=script, f=function: driver.endpoint(s, api_key=f).wait(JOB))
        found = [headers["authorization"].removeprefix("Bearer ") for headers in sent(script)]
        assert found == keys[:3]
        keys = keys[3:]


@in_no_time
def test_a_refusal_names_the_function(driver: Driver) -> None:
    """And shows no key, also if the server repeats it."""
    script = Script(answer({"detail": f"bad {KEY}"}, 401))
    endpoint = driver.endpoint(script, api_key=lambda: KEY)
    with pytest.raises(Exception, match="what the api_key function returned") as caught:
        driver.call(lambda: endpoint.status(JOB))
    assert KEY not in f"{caught.value!r} {vars(caught.value)!r}"


@pytest.mark.parametrize("error", [LookupError("vault"), httpx.ConnectError("vault"), ValueError()])
@in_no_time
def test_what_the_function_raises(driver: Driver, error: Exception) -> None:
    """It comes out as it is, once; nothing was sent, and no job is uncertain."""

    def fail() -> str:
        raise error

    script = Script(job())
    endpoint = driver.endpoint(script, api_key=fail)
    for ask in (lambda: endpoint.status(JOB), lambda: endpoint.run(input=1)):
        with pytest.raises(type(error)) as caught:
            driver.call(ask)
        assert caught.value is error
    assert getattr(error, "__notes__", []) == []
    assert script.requests == []


@pytest.mark.parametrize("returned", [None, "", " ", b"rpa", "a\nb"])
@in_no_time
def test_what_is_no_key(driver: Driver, returned: Any) -> None:
    endpoint = driver.endpoint(Script(job()), api_key=lambda: returned)
    with pytest.raises(ConfigurationError, match="what the api_key function returned"):
        driver.call(lambda: endpoint.status(JOB))


def test_an_async_function_is_for_the_async_client() -> None:
    async def key() -> str:
        return KEY

    with Runpod(key) as client, pytest.raises(ConfigurationError, match="must be a string, not"):
        client.endpoint("ep").status(JOB)


@pytest.mark.parametrize("inputs", ["abc", b"abc", {"a": 1}, 5, None])
def test_a_single_input_is_no_iterable(inputs: Any) -> None:
    """A text would else be as many inputs as it has letters."""
    with Runpod(KEY) as client, pytest.raises(TypeError, match="inputs must be an iterable"):
        client.endpoint("ep").map(inputs)
