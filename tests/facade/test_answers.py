"""The error for each unsuccessful answer, of any operation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from functools import partial
from typing import Any

import httpx
import pytest

from runpod_sdk import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    SubmissionResponseError,
    SubmissionServerError,
    SubmissionUncertainError,
)
from tests.facade.clients import (
    JOB,
    KEY,
    Driver,
    Routes,
    Script,
    answer,
    in_no_time,
    job,
    problem,
)

Ask = Callable[[Any], Any]

SINGLE: dict[str, Ask] = {
    "status": lambda endpoint: endpoint.status(JOB),
    "cancel": lambda endpoint: endpoint.cancel(JOB),
    "retry": lambda endpoint: endpoint.retry(JOB),
    "health": lambda endpoint: endpoint.health(),
    "purge_queue": lambda endpoint: endpoint.purge_queue(),
    "run": lambda endpoint: endpoint.run(input=1),
    "run_sync": lambda endpoint: endpoint.run_sync(input=1),
    "wait": lambda endpoint: endpoint.wait(JOB),
}
SUBMITS = {"run", "run_sync"}
OPERATIONS = pytest.mark.parametrize("operation", SINGLE)

CLASSES: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: APIStatusError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: APIStatusError,
    409: ConflictError,
    413: PayloadTooLargeError,
    418: APIStatusError,
    422: APIStatusError,
    429: RateLimitError,
    **dict.fromkeys([500, 502, 503, 504, *range(520, 528), 530, 599], ServerError),
    300: APIStatusError,
    301: APIStatusError,
    302: APIStatusError,
    304: APIStatusError,
    307: APIStatusError,
    308: APIStatusError,
}


def failure(driver: Driver, operation: str, *answers: Any, **options: Any) -> Any:
    """Return the error that an operation ends in, tried once."""
    endpoint = driver.endpoint(Script(*answers), **{"max_retries": 0, **options})
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each test says which
        driver.call(lambda: SINGLE[operation](endpoint))
    return caught.value


@pytest.mark.parametrize("code", CLASSES)
def test_the_class_of_a_status(driver: Driver, code: int) -> None:
    """Each status has its class, for reading and for submitting alike; 3xx is not followed."""
    elsewhere = {"location": "https://elsewhere.test/"}
    for operation in ("status", "run"):
        script = Script(answer({"detail": "so it is"}, code, elsewhere))
        endpoint = driver.endpoint(script, max_retries=0)
        ask = partial(SINGLE[operation], endpoint)
        with pytest.raises(APIStatusError, match=f"HTTP {code}.*so it is") as caught:
            driver.call(ask)
        error = caught.value
        uncertain = operation == "run" and code >= 500 and code != 503
        assert type(error) is (SubmissionServerError if uncertain else CLASSES[code])
        assert error.status_code == code
        assert error.body == {"detail": "so it is"}
        assert error.headers["Location"] == "https://elsewhere.test/"
        assert [request.url.host for request in script.requests] == ["api.test"]


@in_no_time
@OPERATIONS
@pytest.mark.parametrize("code", [400, 401, 403, 500])
def test_every_operation_raises(driver: Driver, operation: str, code: int) -> None:
    """No operation returns a refusal as if it were an answer."""
    error = failure(driver, operation, problem(code, "because"))
    assert isinstance(error, APIStatusError)
    assert isinstance(error, CLASSES[code])
    assert error.status_code == code
    assert "because" in str(error)


@in_no_time
@OPERATIONS
def test_the_message_names_what_was_asked(driver: Driver, operation: str) -> None:
    """A message names the job, or the endpoint where there is no job yet."""
    for error in (
        failure(driver, operation, problem(400, "because")),
        failure(driver, operation, httpx.ReadError("reset")),
        failure(driver, operation, answer(b"nonsense")),
    ):
        asked_of_the_endpoint = operation in {*SUBMITS, "health", "purge_queue"}
        assert ("endpoint ep" if asked_of_the_endpoint else JOB) in str(error)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (401, "does not accept the API key; the key is from api_key="),
        (403, "API key"),
        (404, "expired"),
        (429, "later"),
    ],
)
def test_the_message_says_what_to_do(driver: Driver, code: int, advice: str) -> None:
    """Where there is something to do, the message says so."""
    assert advice in str(failure(driver, "status", problem(code)))


@OPERATIONS
def test_what_is_not_there_is_the_job_or_the_endpoint(driver: Driver, operation: str) -> None:
    """A call about the endpoint gets no advice about jobs; the advice has no parentheses in it."""
    said = str(failure(driver, operation, problem(404, "not found")))
    of_endpoint = operation in {*SUBMITS, "health", "purge_queue"}
    assert ("no such endpoint" in said) == of_endpoint
    assert ("no such job" in said) == ("expired" in said) == (not of_endpoint)
    assert re.fullmatch(r".*: HTTP 404, not found \([^()]*\)", said)


@pytest.mark.parametrize(
    ("base_url", "server"),
    [
        ("https://api.test/v2", "api.test:443"),
        ("http://API.test", "api.test:80"),
        ("http://127.0.0.1:38279/v2", "127.0.0.1:38279"),
        ("http://[::1]:8000/secret/v2", "[::1]:8000"),
    ],
)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (httpx.ConnectError("refused"), "no connection to {} (ConnectError: refused)"),
        (httpx.ConnectTimeout("far"), "no connection to {} in time"),
        (httpx.ReadError("reset"), "the connection to {} broke (ReadError: reset)"),
        (httpx.ReadTimeout("slow"), "no response from {} in time"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_no_answer_is_told_with_host_and_port(
    driver: Driver, base_url: str, server: str, fault: Exception, said: str
) -> None:
    """And with no more of the URL."""
    error = failure(driver, "status", fault, base_url=base_url)
    assert str(error) == f"status of job {JOB}: {said.format(server)}"


BODIES: list[tuple[Any, Any, str]] = [
    (b"", "", "HTTP 502"),
    ("<!DOCTYPE html><html><body>Bad gateway</body></html>", None, "HTTP 502"),
    ("upstream  is\r\n gone", "upstream  is\r\n gone", "upstream is gone"),
    (b"\xff\xfe", "\ufffd\ufffd", "HTTP 502"),
    (b"[1, 2]", [1, 2], "1, 2"),
    (b"null", None, "HTTP 502"),
    (b'"text"', "text", "text"),
    (b'{"error": "not allowed"}', {"error": "not allowed"}, "not allowed"),
    (b'{"error": {"code": 5}}', {"error": {"code": 5}}, "code"),
    (b'{"message": "Not Found"}', {"message": "Not Found"}, "Not Found"),
    (b'{"title": "Bad", "detail": null}', {"title": "Bad", "detail": None}, "Bad"),
    (b"{}", {}, "HTTP 502"),
    (b'{"cut": ', '{"cut": ', "cut"),
    (b'{"detail": NaN}', None, "HTTP 502"),
    (b"[" * 100_000, "[" * 100_000, "HTTP 502"),
]


@pytest.mark.parametrize(("sent", "body", "said"), BODIES, ids=range(len(BODIES)))
def test_the_body_of_a_refusal(driver: Driver, sent: Any, body: Any, said: str) -> None:
    """Any body of a refusal is kept: the decoded JSON, else the text; and never breaks it."""
    for operation in ("status", "run"):
        error = failure(driver, operation, answer(sent, 502))
        assert isinstance(error, ServerError)
        assert said in str(error)
        assert "<html>" not in str(error)
        assert len(str(error)) < 1_000
        if body is not None:
            assert error.body == body


def test_a_page_is_kept_but_not_shown(driver: Driver) -> None:
    """The page of a proxy is in `body`, and not in the message."""
    page = "<html><h1>524: A timeout occurred</h1></html>"
    error = failure(driver, "status", answer(page, 524, {"content-type": "text/html"}))
    assert error.body == page
    assert "<" not in str(error)


def test_a_long_detail_is_cut_in_the_message(driver: Driver) -> None:
    """A message stays short, `body` whole."""
    error = failure(driver, "status", problem(400, "x" * 100_000))
    assert len(str(error)) < 1_000
    assert len(error.body["detail"]) == 100_000


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-request-id": "req-1"}, "req-1"),
        ({"X-Request-ID": "req-1", "cf-ray": "ray-1"}, "req-1"),
        ({"CF-Ray": "ray-1"}, "ray-1"),
        ({}, None),
    ],
    ids=str,
)
def test_the_request_id(driver: Driver, headers: Any, expected: str | None) -> None:
    """The request's id, for RunPod's support."""
    error = failure(driver, "status", answer({"detail": "no"}, 500, headers))
    assert error.request_id == expected


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("1e9", 1e9),
        ("99999", 99_999.0),
        (" 7 ", 7.0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("3 seconds", None),
        ("9" * 400, None),
        ("\x81", None),
        ("10h", None),
        ("Monday", None),
        ("12:30", None),
        ("Jan 5", None),
        ("1 2 3", None),
        ("Wed, 99 Foo 2026 99:99:99 GMT", None),
    ],
    ids=ascii,
)
def test_retry_after_in_seconds(driver: Driver, value: str, seconds: float | None) -> None:
    """Seconds are read as they stand; nonsense is None, and breaks nothing."""
    refusal = httpx.Response(429, headers=[(b"retry-after", value.encode("latin-1"))])
    error = failure(driver, "status", refusal)
    assert isinstance(error, RateLimitError)
    if value == "9" * 400:
        assert error.retry_after in (None, float("inf"))
    else:
        assert error.retry_after == seconds


@pytest.mark.parametrize(
    "write",
    [
        lambda at: format_datetime(at, usegmt=True),
        lambda at: at.strftime("%A, %d-%b-%y %H:%M:%S GMT"),
        lambda at: at.strftime("%a %b %d %H:%M:%S %Y"),
        lambda at: at.isoformat(),
        lambda at: format_datetime(at.astimezone(timezone(timedelta(hours=5)))),
    ],
    ids=["IMF", "RFC 850", "asctime", "ISO", "offset"],
)
@pytest.mark.parametrize("ahead", [30, 3_600, -30])
def test_retry_after_as_a_date(driver: Driver, ahead: int, write: Any) -> None:
    """A date becomes seconds from now, in each form of HTTP; a past date becomes zero."""
    date = write(datetime.now(UTC) + timedelta(seconds=ahead))
    error = failure(driver, "status", answer({}, 503, {"retry-after": date}))
    assert max(ahead, 0) - 5 <= error.retry_after <= max(ahead, 0)


def test_a_refusal_without_retry_after(driver: Driver) -> None:
    """Not asked to wait is None, not zero."""
    assert failure(driver, "status", problem(429)).retry_after is None


NOT_JSON = [b"", b"<html>", b"nonsense", b'{"id": ', b"\xff\xff", b"[" * 100_000]
NO_OBJECT = [b"null", b"[]", b'"text"', b"5", b"true"]
NO_JOB = [
    b"{}",
    b'{"id": null, "status": "COMPLETED"}',
    b'{"id": 5, "status": "COMPLETED"}',
    b'{"id": "", "status": "COMPLETED"}',
    b'{"status": null}',
    b'{"status": ["COMPLETED"]}',
    b'{"status": "ok"}',
    b'{"error": "no such thing"}',
]
NO_STATUS: list[dict[str, Any]] = [
    {},
    {"status": None},
    {"status": ""},
    {"status": 200},
    {"status": ["COMPLETED"]},
]


@pytest.mark.parametrize(
    "content", [*NOT_JSON, *NO_OBJECT, *NO_JOB], ids=lambda body: ascii(body)[:30]
)
@pytest.mark.parametrize("operation", ["status", "cancel", "wait", "run", "run_sync"])
def test_a_good_status_with_a_bad_body(driver: Driver, operation: str, content: bytes) -> None:
    """A 2xx that holds no job is an error with all that came; of a submission, an uncertain one."""
    script = Script(answer(content))
    endpoint = driver.endpoint(script)
    with pytest.raises(APIResponseValidationError) as caught:
        driver.call(lambda: SINGLE[operation](endpoint))
    error = caught.value
    try:
        expected: Any = json.loads(content)
    except (ValueError, RecursionError):
        expected = content.decode("utf-8", "replace")
    assert error.body == expected
    assert len(script.requests) == 1
    assert isinstance(error, SubmissionUncertainError) == (operation in SUBMITS)
    if operation in SUBMITS:
        assert type(error) is SubmissionResponseError
        assert "may have been enqueued" in str(error)


@pytest.mark.parametrize("more", NO_STATUS, ids=str)
@pytest.mark.parametrize("operation", ["status", "cancel", "wait"])
def test_a_job_without_a_status(driver: Driver, operation: str, more: dict[str, Any]) -> None:
    """The answer says nothing about the job."""
    error = failure(driver, operation, answer({"id": JOB, **more}))
    assert isinstance(error, APIResponseValidationError)


@pytest.mark.parametrize("more", NO_STATUS, ids=str)
def test_a_submission_that_is_answered_without_a_status(
    driver: Driver, more: dict[str, Any]
) -> None:
    """Its id is what matters: the job is there, and can be waited for."""
    script = Script(answer({"id": JOB, "odd": 1, **more}), job(output=5))
    endpoint = driver.endpoint(script)
    assert driver.call(lambda: endpoint.run(input=1)).id == JOB
    script = Script(answer({"id": JOB, "retries": "x", **more}), job(output=5))
    endpoint = driver.endpoint(script)
    assert driver.call(lambda: endpoint.run_sync(input=1)).output == 5
    assert script.asked == ["POST /runsync", f"GET /status-sync/{JOB}"]


@pytest.mark.parametrize("operation", ["status", "cancel", "retry", "wait"])
def test_an_answer_on_a_job_without_its_id(driver: Driver, operation: str) -> None:
    """The id is the requested job's; the received JSON is kept unchanged."""
    body = {"status": "COMPLETED", "output": 1}
    endpoint = driver.endpoint(Script(answer(body)))
    state = driver.call(lambda: getattr(endpoint, operation)(JOB))
    assert (state.id, state.output, state.to_dict()) == (JOB, 1, body)


@pytest.mark.parametrize("operation", ["status", "cancel", "retry", "wait"])
def test_an_answer_on_another_job(driver: Driver, operation: str) -> None:
    """A reply that belongs to another request is not taken for this one's."""
    script = Script(answer({"id": "another", "status": "COMPLETED", "output": "of another"}))
    endpoint = driver.endpoint(script)
    with pytest.raises(APIResponseValidationError, match=f"{JOB}.*another job") as caught:
        driver.call(lambda: getattr(endpoint, operation)(JOB))
    assert caught.value.body["id"] == "another"
    assert len(script.requests) == 1


def test_a_stream_of_another_job(driver: Driver) -> None:
    """Its chunks are not handed out; what they took the place of is taken from the result."""
    ours = answer({"id": JOB, "status": "IN_PROGRESS", "stream": [{"output": 1}]})
    theirs = answer({"id": "another", "status": "IN_PROGRESS", "stream": [{"output": "theirs"}]})
    end = answer({"status": "COMPLETED", "stream": []})
    routes = Routes(
        stream=[ours, theirs, end],
        status=job(output=[1, 2]),
        status_sync=job(output=[1, 2]),
    )
    endpoint = driver.endpoint(routes)
    assert [chunk.output for chunk in driver.take(endpoint.stream(JOB))] == [1, 2]


WORDS = "the endpoint is paused: no credits"


@pytest.mark.parametrize(
    "body",
    [
        {"error": WORDS},
        {"message": WORDS},
        {"error": {"code": 402, "message": WORDS}},
        {"error": [WORDS]},
        {"status": 402, "title": "Payment Required", "detail": WORDS},
        {"status": "error", "error": WORDS},
    ],
    ids=str,
)
@pytest.mark.parametrize("operation", ["run", "status", "cancel", "retry", "health", "purge_queue"])
def test_an_error_with_a_good_status(driver: Driver, operation: str, body: Any) -> None:
    """The server's text is in the message, and the answer is an error."""
    error = failure(driver, operation, answer(body))
    assert isinstance(error, APIResponseValidationError)
    assert WORDS in str(error)
    assert error.body == body


def test_an_error_that_repeats_a_secret_with_a_good_status(driver: Driver) -> None:
    """The server's words are censored, like the words of a refusal."""
    error = failure(driver, "health", answer({"error": f"{KEY} is not welcome"}))
    assert KEY not in str(error)
    assert "is not welcome" in str(error)


def test_a_health_with_an_error_beside_it(driver: Driver) -> None:
    """Counts are read beside unknown members; an empty answer is not an error."""
    body = {"jobs": {"inQueue": 1}, "error": "some workers are unhealthy"}
    endpoint = driver.endpoint(Script(answer(body), answer({})))
    assert driver.call(endpoint.health).jobs.in_queue == 1
    assert driver.call(endpoint.health).jobs.in_queue is None


@pytest.mark.parametrize("body", [{"errors": ["no"]}, {"jobs": None, "error": "no"}])
def test_a_health_without_counts(driver: Driver, body: Any) -> None:
    """An object that has an error in place of counts is something else."""
    error = failure(driver, "health", answer(body))
    assert "an error in place of jobs and workers" in str(error)


@pytest.mark.parametrize(
    ("content", "said"), [(b"<!DOCTYPE html><title>Wait</title>", "an HTML page"), (b"", "empty")]
)
@pytest.mark.parametrize("operation", ["status", "health", "run"])
def test_a_page_in_place_of_json(driver: Driver, operation: str, content: bytes, said: str) -> None:
    """The error names the received value, not the decoder's position."""
    error = failure(driver, operation, answer(content))
    assert f"it is {said}" in str(error)


def test_a_stream_repeats_the_servers_words(driver: Driver) -> None:
    """If neither the chunks nor the job's status can be read, the error says why."""
    endpoint = driver.endpoint(Script(*[answer({"error": "no funds"})] * 9))
    with pytest.raises(StreamInterruptedError, match="the server's message: no funds"):
        driver.take(endpoint.stream("job-1", timeout=5))


@pytest.mark.parametrize("content", [*NOT_JSON, *NO_OBJECT])
@pytest.mark.parametrize("operation", ["health", "purge_queue"])
def test_counters_that_are_no_object(driver: Driver, operation: str, content: bytes) -> None:
    """Health and purge answers are checked too."""
    error = failure(driver, operation, answer(content))
    assert isinstance(error, APIResponseValidationError)
    assert "ep" in str(error)


@pytest.mark.parametrize("code", [200, 201, 202, 203, 207, 299])
def test_any_2xx_is_a_good_answer(driver: Driver, code: int) -> None:
    """A job is accepted with any 2xx status."""
    endpoint = driver.endpoint(
        Script(answer({"id": JOB, "status": "COMPLETED", "output": 5}, code))
    )
    assert driver.call(lambda: endpoint.status(JOB)).output == 5
    assert driver.call(lambda: endpoint.run(input=1)).id == JOB
    assert driver.call(lambda: endpoint.run_sync(input=1)).output == 5


def test_an_answer_without_content(driver: Driver) -> None:
    """204 holds nothing to read."""
    assert isinstance(failure(driver, "status", answer(b"", 204)), APIResponseValidationError)


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "x"])
def test_the_content_type_is_not_believed(driver: Driver, content_type: str) -> None:
    """JSON is read with any content type."""
    body = answer(
        json.dumps({"id": JOB, "status": "IN_QUEUE"}), headers={"content-type": content_type}
    )
    endpoint = driver.endpoint(Script(body))
    assert driver.call(lambda: endpoint.status(JOB)).id == JOB


@in_no_time
@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("cut short"),
        httpx.WriteError("broken pipe"),
        httpx.ReadTimeout("slow"),
        httpx.ConnectTimeout("far"),
        httpx.PoolTimeout("busy"),
        httpx.ProxyError("no proxy"),
        httpx.UnsupportedProtocol("what"),
        httpx.DecodingError("gzip?"),
        httpx.TooManyRedirects("round and round"),
        httpx.LocalProtocolError("header"),
    ],
    ids=lambda fault: type(fault).__name__,
)
@OPERATIONS
def test_no_error_of_httpx_comes_through(
    driver: Driver, operation: str, fault: httpx.HTTPError
) -> None:
    """Each exception of the transport is the cause of an error of the package."""
    error = failure(driver, operation, fault)
    assert isinstance(error, APIConnectionError)
    assert isinstance(error.__cause__, type(fault))
    never_sent = isinstance(
        fault,
        httpx.ConnectError
        | httpx.ConnectTimeout
        | httpx.PoolTimeout
        | httpx.ProxyError
        | httpx.UnsupportedProtocol
        | httpx.LocalProtocolError,
    )
    uncertain = operation in SUBMITS and not never_sent
    assert isinstance(error, SubmissionUncertainError) == uncertain
    assert ("may have been enqueued" in str(error)) == uncertain


class OddError(httpx.ReadError):
    """An exception that only the caller's transport knows."""


@in_no_time
def test_an_exception_of_the_callers_transport(driver: Driver) -> None:
    """It counts as the exception of httpx that it is, and keeps its name."""
    error = failure(driver, "run", fault := OddError("torn"))
    assert isinstance(error, SubmissionUncertainError)
    assert "(OddError: torn)" in str(error)
    assert error.__cause__ is fault


@in_no_time
def test_a_status_of_a_refusal_is_not_that_of_a_job(driver: Driver) -> None:
    """The `status` of an error body is a number, and never taken for a job's."""
    body = {"id": JOB, "status": "COMPLETED", "output": "not this"}
    error = failure(driver, "wait", answer(body, 500))
    assert isinstance(error, ServerError)


def test_unknown_statuses_are_kept(driver: Driver) -> None:
    """A status that is not known stays the string it came as, and is not terminal."""
    endpoint = driver.endpoint(Script(job("PAUSED", output="half")))
    state = driver.call(lambda: endpoint.status(JOB))
    assert state.status == "PAUSED"
    assert type(state.status) is str
    assert (state.started, state.completed, state.succeeded) == (True, False, False)
    assert (state.progress, state.output, state.has_output) == ("half", None, False)
    assert state.raise_for_status() is state
