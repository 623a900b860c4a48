"""No exception, repr or log record shows the API key or an S3 secret."""

from __future__ import annotations

import html
import json
import logging
import pickle
import traceback
from base64 import b64encode, urlsafe_b64encode
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from runpod_sdk import APIConnectionError, RunpodError, S3Config, local
from runpod_serverless_api import AuthenticatedClient
from runpod_serverless_api import models as generated
from tests.facade.clients import JOB, KEY, Driver, Script, answer, chunks, in_no_time, job, problem
from tests.facade.test_answers import SINGLE

SECRET = "s3-CANARY-9876543210"
STORAGE = S3Config(
    access_id="id", access_secret=SECRET, bucket_name="bucket", endpoint_url="https://s3.test"
)
WIRE_STORAGE = {"accessId": "id", "accessSecret": SECRET}


def said(error: BaseException) -> str:
    """Give all that a log of an uncaught exception would show but code, causes and attributes."""
    shown: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        shown += traceback.format_exception_only(seen)
        shown += [repr(seen), str(seen), repr(seen.args), repr(vars(seen))]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(shown)


def test_the_repr_of_everything(driver: Driver) -> None:
    """An object's `repr` in a debugger or a log shows no secret."""
    endpoint = driver.endpoint(Script(job()))
    handle = endpoint.job(JOB)
    for thing in (endpoint.client, endpoint, handle, endpoint.stream(JOB), STORAGE):
        for shown in (
            repr(thing),
            str(thing),
            f"{thing}",
            f"{[thing]}",
            f"{vars(thing)}" if hasattr(thing, "__dict__") else "",
        ):
            assert KEY not in shown
            assert SECRET not in shown
    assert JOB in repr(handle)
    assert "ep" in repr(endpoint)


@pytest.mark.parametrize(
    "made",
    [
        generated.S3Config(access_id="id", access_secret=SECRET),
        generated.S3Config.from_dict({**WIRE_STORAGE, "secretKey": SECRET}),
        generated.JobRequest(SECRET, webhook=f"https://here.test/?sig={SECRET}"),
        generated.JobRequest.from_dict({"input": 1, "s3Config": WIRE_STORAGE, "more": SECRET}),
        AuthenticatedClient("https://api.test", token=SECRET).with_headers({"x": SECRET}),
    ],
    ids=lambda made: type(made).__name__,
)
def test_the_repr_of_generated_classes(made: Any) -> None:
    """Objects of the generated package, which a caller may create, show no secret either."""
    assert SECRET not in f"{made!r} {made} {[made]}"


ECHOES = [
    answer({"detail": f"the key {KEY} is wrong"}, 401),
    answer({"error": {"headers": {"Authorization": f"Bearer {KEY}"}}}, 400),
    answer(f"Bearer {KEY} is not known here", 403),
    answer(f"<html>{KEY}</html>", 502),
    httpx.ReadError("reset"),
    httpx.ConnectError("refused"),
    answer([1]),
    answer(b"nonsense"),
]


@in_no_time
@pytest.mark.parametrize("echo", ECHOES, ids=range(len(ECHOES)))
@pytest.mark.parametrize("operation", SINGLE)
def test_no_error_shows_the_key(driver: Driver, operation: str, echo: Any) -> None:
    """Not even where the server's answer does."""
    endpoint = driver.endpoint(Script(echo), max_retries=0)
    with pytest.raises(RunpodError) as caught:
        driver.call(lambda: SINGLE[operation](endpoint))
    assert KEY not in said(caught.value)


@pytest.mark.parametrize(
    "request_",
    [
        lambda endpoint: endpoint.run(input={1, 2}, s3_config=STORAGE),
        lambda endpoint: endpoint.run(input=float("nan"), s3_config=STORAGE),
        lambda endpoint: endpoint.run({"s3Config": WIRE_STORAGE}),
        lambda endpoint: endpoint.run({"input": 1, "x": 1, "s3Config": WIRE_STORAGE}),
        lambda endpoint: endpoint.run({"input": {1}, "s3Config": WIRE_STORAGE}),
        lambda endpoint: endpoint.run({"input": 1, "s3Config": [SECRET]}),
        lambda endpoint: endpoint.run({"input": 1, "s3Config": SECRET}),
        lambda endpoint: endpoint.run({"input": 1}, s3_config=STORAGE),
        lambda endpoint: endpoint.run(input=1, s3_config=WIRE_STORAGE),
        lambda endpoint: endpoint.run(input=1, s3_config=SECRET),
        lambda endpoint: endpoint.run(STORAGE),
        lambda endpoint: endpoint.run(input=1, policy=STORAGE),
    ],
    ids=range(12),
)
def test_no_refused_request_shows_the_secret(driver: Driver, request_: Any) -> None:
    """A request that can't be sent is not quoted where it may hold a secret."""
    endpoint = driver.endpoint(Script(job()))
    with pytest.raises((TypeError, ValueError)) as caught:
        driver.call(lambda: request_(endpoint))
    assert SECRET not in said(caught.value)


@pytest.mark.parametrize("code", [400, 500])
def test_no_error_shows_the_secret_of_a_request(driver: Driver, code: int) -> None:
    """Not even where the server repeats the request that it refuses."""

    def echo(request: httpx.Request) -> httpx.Response:
        return httpx.Response(code, json={"detail": f"can't take {request.content.decode()}"})

    endpoint = driver.endpoint(Script(echo), max_retries=0)
    for ask in (
        lambda: endpoint.run(input=1, s3_config=STORAGE),
        lambda: endpoint.run({"input": 1, "s3Config": WIRE_STORAGE}),
    ):
        with pytest.raises(RunpodError) as caught:
            driver.call(ask)
        assert SECRET not in said(caught.value)


SIGNATURE = "SIGNED+CANARY/0123456789=="
URLS = {
    "S3": f"https://s3.test/file?X-Amz-Expires=60&X-Amz-Signature={quote(SIGNATURE, safe='')}",
    "Azure": f"https://blob.test/file?sv=2024&sig={quote(SIGNATURE)}&se=2026",
    "fragment": f"https://cdn.test/file?access_token={quote(SIGNATURE)}#part",
    "password": f"https://user:{quote(SIGNATURE, safe='')}@files.test/file",
}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("kind", URLS)
def test_no_error_shows_a_signed_url(driver: Driver, kind: str, status: int) -> None:
    """A URL that grants access stays out of an error when the server repeats it."""
    url = URLS[kind]
    shown = url.replace("://", ":\\/\\/")

    def echo(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, text=json.dumps({"detail": f"{shown} {SIGNATURE}"}))

    endpoint = driver.endpoint(Script(echo), max_retries=0)
    for ask in (
        lambda: endpoint.run(input={"images": [{"url": url}]}),
        lambda: endpoint.run(input=1, webhook=url),
        lambda: endpoint.run({"input": 1, "webhook": url}),
    ):
        with pytest.raises(RunpodError) as caught:
            driver.call(ask)
        assert "CANARY" not in said(caught.value)
        assert "CANARY" not in repr(pickle.dumps(caught.value))


def test_a_bad_webhook_is_not_quoted_whole(driver: Driver) -> None:
    """An error about the URL's host does not show its query."""
    endpoint = driver.endpoint(Script(job()))
    for url in ("https:///hook?sig=CANARY", "ftp://user:CANARY@host/", "https://host/a b?CANARY"):
        with pytest.raises(ValueError, match="webhook") as caught:
            driver.call(lambda url=url: endpoint.run(input=1, webhook=url))
        assert "CANARY" not in said(caught.value)


@pytest.mark.parametrize("secret", ['a"quoted\\one', "an/é and so on", "plain+/="])
def test_a_secret_is_found_as_json_writes_it(driver: Driver, secret: str) -> None:
    """A character that JSON escapes does not let the secret through."""

    def echo(request: httpx.Request) -> httpx.Response:
        storage = json.loads(request.content)["s3Config"]
        return httpx.Response(400, content=json.dumps({"detail": storage["accessSecret"]}))

    storage = S3Config(access_id="a", access_secret=secret, bucket_name="b", endpoint_url="c")
    endpoint = driver.endpoint(Script(echo))
    with pytest.raises(RunpodError) as caught:
        driver.call(lambda: endpoint.run(input=1, s3_config=storage))
    assert secret not in str(caught.value)
    assert caught.value.body == {"detail": "[a secret]"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("secret", "spelled"),
    [
        (" two spaces", "+two+spaces"),
        ("+plus/slash", "-plus_slash"),
        ("/slash+plus", "_slash-plus"),
        ("^]-bracket", "^]-bracket"),
        ("\\backslash", "\\backslash"),
        ("a percent", "%61 percent"),
        ("an entity", "&#97;n entity"),
        ("a number", "\\u0061 number"),
    ],
)
def test_a_secret_is_found_by_any_beginning(driver: Driver, secret: str, spelled: str) -> None:
    """Its first character may be spelled as another one, or mean something in a pattern."""
    storage = S3Config(access_id="a", access_secret=secret, bucket_name="b", endpoint_url="c")
    endpoint = driver.endpoint(Script(httpx.Response(400, json={"detail": spelled})))
    with pytest.raises(RunpodError) as caught:
        driver.call(lambda: endpoint.run(input=1, s3_config=storage))
    assert caught.value.body == {"detail": "[a secret]"}  # type: ignore[attr-defined]


ODD = "rpa_CANARY/01+23&45'67=="
SPELLINGS = {
    "JSON in JSON": lambda key: json.dumps(json.dumps({"key": key})),
    "escaped slashes": lambda key: key.replace("/", "\\/"),
    "escaped letters": lambda key: "".join(f"\\u{ord(one):04X}" for one in key),
    "a URL": lambda key: f"https://api.test/?key={quote(key, safe='')}&more",
    "a URL in a URL": lambda key: quote(quote(key, safe=""), safe=""),
    "HTML": lambda key: f"<pre>{html.escape(key)}</pre>",
    "Python's bytes": lambda key: repr(key.encode()),
    **{
        f"base64 behind {place}": (lambda key, place=place: b64encode(f"{place}{key}:".encode()))
        for place in ("", "u", "us:", "user:")
    },
    "base64 in a URL": lambda key: urlsafe_b64encode(key.encode()),
}


def forms(key: str) -> set[str]:
    """Return what must be in no error: the key as it is, and as others can decode it."""
    found = {key, json.dumps(key)[1:-1], quote(key, safe=""), html.escape(key)}
    for offset in range(3):
        coded = b64encode(b"x" * offset + key.encode()).decode()
        found.add(coded[4 : 4 * ((offset + len(key)) // 3)])
    return found


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_key_is_found_however_it_is_spelled(driver: Driver, spelling: str, status: int) -> None:
    """In a text, in JSON's values and names, in headers and in the pickle, and the rest is kept."""
    spelled = SPELLINGS[spelling](ODD)
    text = spelled.decode() if isinstance(spelled, bytes) else spelled
    in_json = json.dumps({"detail": f"no {text} here", text: [1, text]})
    header = {"X-Said": text, "X-Else": "1"} if text.isprintable() else {}
    for content in (
        in_json,
        in_json.replace("/", "\\/").replace("+", "\\u002b"),
        f"no {text} here",
    ):
        reply = httpx.Response(status, content=content, headers=header)
        endpoint = driver.endpoint(Script(reply), max_retries=0, api_key=ODD)
        with pytest.raises(RunpodError) as caught:
            driver.call(
                lambda endpoint=endpoint: (
                    endpoint.health() if status == 400 else endpoint.run(input=1)
                )
            )
        shown = said(caught.value) + pickle.dumps(caught.value).decode("latin-1")
        shown += repr(dict(getattr(caught.value, "headers", {})))
        for form in forms(ODD):
            assert form not in shown
        assert "no " in str(caught.value.body)  # type: ignore[attr-defined]
        assert " here" in str(caught.value.body)  # type: ignore[attr-defined]


def test_a_key_is_found_where_it_is_split(driver: Driver) -> None:
    """Over strings of a list, members of objects, and headers of one or of several names."""
    first, second, third = KEY[:6], KEY[6:11], KEY[11:]
    body = {"list": [first, second, third], "objects": [{"a": first, "b": second + third}]}
    headers = [("X-A", first), ("X-B", second + third), ("X-C", first), ("X-C", second + third)]
    endpoint = driver.endpoint(Script(httpx.Response(400, json=body, headers=headers)))
    with pytest.raises(RunpodError) as caught:
        driver.call(endpoint.health)
    censored = "[a secret]"
    assert caught.value.body == {  # type: ignore[attr-defined]
        "list": [censored] * 3,
        "objects": [{"a": censored, "b": censored}],
    }
    kept = caught.value.headers  # type: ignore[attr-defined]
    assert [kept[name] for name in ("x-a", "x-b", "x-c")] == [censored] * 3


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("operation", ["run", "status"])
def test_no_part_of_an_error_repeats_the_key(driver: Driver, operation: str, status: int) -> None:
    """Neither the body, of a refusal or of a 200 that can't be read, nor a header."""

    def echo(request: httpx.Request) -> httpx.Response:
        sent = request.headers["authorization"]
        return httpx.Response(status, json={"sent": sent}, headers={"X-Sent": sent, "X-Else": "1"})

    endpoint = driver.endpoint(Script(echo), max_retries=0)
    asks = {"run": lambda: endpoint.run(input=1), "status": lambda: endpoint.status("j")}
    with pytest.raises(RunpodError) as caught:
        driver.call(asks[operation])
    assert KEY not in repr(vars(caught.value))
    assert caught.value.body == {"sent": "Bearer [a secret]"}  # type: ignore[attr-defined]


def test_a_failure_keeps_no_request(driver: Driver) -> None:
    """The exception of the caller's client does not either: the request has the key."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    endpoint = driver.endpoint(fail, max_retries=0)
    with pytest.raises(APIConnectionError) as caught:
        driver.call(lambda: endpoint.status(JOB))
    cause = caught.value.__cause__
    while not isinstance(cause, httpx.ConnectError):
        assert cause is not None
        cause = cause.__cause__
    with pytest.raises(RuntimeError, match="not been set"):
        _ = cause.request


def test_a_short_key_does_not_garble_what_the_server_says(driver: Driver) -> None:
    """A key of a few letters, as tests have, is in every text, and nothing to hide."""
    endpoint = driver.endpoint(Script(problem(400, "wait is invalid")), api_key="i")
    with pytest.raises(RunpodError, match="wait is invalid"):
        driver.call(lambda: endpoint.status("j"))


def test_a_pickled_storage_is_whole() -> None:
    """A pickle is a copy of the caller's own value, so the secret is in it."""
    pickled = pickle.dumps(STORAGE)
    assert SECRET.encode() in pickled
    assert pickle.loads(pickled) == STORAGE


def test_a_result_is_given_as_it_came(driver: Driver) -> None:
    """A handler that returns the key has returned the key."""
    endpoint = driver.endpoint(Script(job(output={"key": KEY})))
    assert driver.call(lambda: endpoint.status(JOB)).output == {"key": KEY}


def test_no_log_record_shows_a_secret(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, of all loggers, through real connections."""
    with local.LocalEndpoint(lambda job: job["input"], api_key=KEY) as served:
        caplog.set_level(logging.DEBUG)
        client = driver.client(base_url=served.base_url)
        endpoint = client.endpoint(served.endpoint_id)
        driver.call(lambda: endpoint.run_sync(input=1, s3_config=STORAGE))
        driver.call(lambda: endpoint.health())
        wrong = driver.client(api_key=f"{KEY}-wrong", base_url=served.base_url)
        with pytest.raises(RunpodError):
            driver.call(lambda: wrong.endpoint(served.endpoint_id).run(input=1, s3_config=STORAGE))
        for closing in (client, wrong):
            driver.call(lambda closing=closing: driver.close(closing))
    assert caplog.records
    for record in caplog.records:
        shown = f"{record.getMessage()} {record.args!r} {vars(record)!r}"
        assert KEY not in shown
        assert SECRET not in shown


@in_no_time
def test_nothing_is_printed_or_logged_by_itself(
    driver: Driver, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Waiting and streaming are silent."""
    caplog.set_level(logging.WARNING)
    endpoint = driver.endpoint(Script(job("IN_QUEUE"), job()))
    driver.call(lambda: endpoint.wait(JOB))
    endpoint = driver.endpoint(
        Script(chunks("IN_QUEUE"), chunks("COMPLETED", 1), chunks("COMPLETED"))
    )
    driver.take(endpoint.stream(JOB))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
