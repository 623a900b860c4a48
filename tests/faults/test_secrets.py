"""A canary key and a canary S3 secret occur only in requests, in every call, fault and log."""

from __future__ import annotations

import logging
import pickle
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from runpod_sdk import S3Config
from tests.faults.catalogue import GOOD, OPERATIONS, ROWS
from tests.faults.modes import JOB, KEY, TALLY, Case, Outcome, run_all
from tests.faults.server import (
    Behaviour,
    Exchange,
    Server,
    answer,
    by_endpoint,
    closed_port,
    echo,
    head,
)

SECRET = "s3-CANARY/9876+543210=="
STORAGE = S3Config(
    access_id="id", access_secret=SECRET, bucket_name="bucket", endpoint_url="https://s3.test"
)
ECHOED = "The server repeats the request, its key and its secrets"


def broken(template: bytes) -> Behaviour:
    """Respond with the key in invalid HTTP."""

    def act(exchange: Exchange) -> bool:
        key = exchange.request.headers.get("authorization", "").encode()
        exchange.send(template.replace(b"@", key))
        return False

    return act


ECHOES: dict[str, Behaviour] = {
    **{f"{status} body": echo(status) for status in (200, 301, 400, 401, 404, 429, 500, 503, 520)},
    **{f"{status} headers": echo(status, in_header=True) for status in (302, 400, 401, 500)},
    "HTML": echo(502, template="<html><pre>%s</pre>"),
    "half a body": broken(head(200, 500) + b'{"id": "@'),
    "status line": broken(b"HTTP/1.1 @\r\n\r\n"),
    "no status line": broken(b"@\r\n\r\n"),
    "header without a colon": broken(b"HTTP/1.1 200 OK\r\n@\r\n\r\n{}"),
    "length": broken(b"HTTP/1.1 200 OK\r\ncontent-length: @\r\n\r\n{}"),
    "coding": broken(b"HTTP/1.1 200 OK\r\ncontent-encoding: @\r\ncontent-length: 2\r\n\r\n{}"),
    "chunk": broken(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n@\r\n"),
    "transfer coding": broken(b"HTTP/1.1 200 OK\r\ntransfer-encoding: @\r\n\r\n"),
    "location": broken(b"HTTP/1.1 307 Go\r\nlocation: http://x.test/?k=@\r\n\r\n"),
}

# One of each kind of fault: the others differ only in responses without a key.
FAULTS = {row.title: next(iter(row.faults.values())) for row in ROWS}

CALLS = {
    **{name: (lambda endpoint, op=op: op.ask(endpoint, 0.3)) for name, op in OPERATIONS.items()},
    "run s3": lambda e: e.run(input=1, s3_config=STORAGE, timeout=0.3),
    "run_sync s3": lambda e: e.run_sync(input=1, s3_config=STORAGE, timeout=0.3),
    "run_sync s3 long": lambda e: e.run_sync(input=1, s3_config=STORAGE, timeout=2.1),
    "run dict": lambda e: e.run({"input": 1, "s3Config": {"accessSecret": SECRET}}, timeout=0.3),
    "retry": lambda e: e.retry(JOB, timeout=0.3),
    "output": lambda e: e.job(JOB).output(timeout=0.3),
    "job.cancel": lambda e: e.job(JOB).cancel(timeout=0.3),
}


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception, its causes, its contexts, and those in a group."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]


def said(error: BaseException) -> str:
    """Return all texts of an exception, its causes and its contexts, without the lines of code."""
    shown: list[str] = []
    for one in causes(error):
        shown += traceback.format_exception_only(one)
        shown += [repr(one), str(one), repr(one.args), repr(vars(one))]
        shown += getattr(one, "__notes__", [])
    shown.append(pickle.dumps(error).decode("latin-1"))
    return "\n".join(shown)


def check(shown: str, what: str) -> None:
    """Look for the canaries."""
    for canary in (KEY, SECRET, SECRET.replace("/", "\\/")):
        assert canary not in shown, what


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Enable all loggers at the lowest level."""
    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    before = [(logger, logger.level, logger.disabled, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.disabled, logger.propagate = False, True
    caplog.set_level(logging.DEBUG)
    yield caplog
    for logger, level, disabled, propagate in before:
        logger.setLevel(level)
        logger.disabled, logger.propagate = disabled, propagate


def look(outcomes: list[Outcome], caplog: pytest.LogCaptureFixture) -> None:
    """Look for the canaries in the outcomes of the calls."""
    for outcome in outcomes:
        if outcome.error is not None:
            check(said(outcome.error), f"{outcome.case.endpoint}: {type(outcome.error)}")
        else:
            check(repr(outcome.value) + str(outcome.value), outcome.case.endpoint)
            check(pickle.dumps(outcome.value).decode("latin-1"), outcome.case.endpoint)
    for record in caplog.records:
        check(f"{record.getMessage()} {record.args!r} {vars(record)!r}", record.name)


@pytest.mark.usefixtures("virtual_time")
@pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")
def test_no_fault_shows_a_secret(
    mode: str, everything_logged: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither key nor secret is in an error, a value, a pickle, a log or on the terminal."""
    behaviours = {**{f"e{n}": one for n, one in enumerate(ECHOES.values())}, "good": GOOD}
    behaviours |= {f"f{n}": one for n, one in enumerate(FAULTS.values()) if one is not None}
    cases = [Case(f"{id}-{n}", ask) for id in behaviours for n, ask in enumerate(CALLS.values())]
    with warnings.catch_warnings(record=True) as warned:
        with Server(by_endpoint(lambda id: behaviours[id.split("-")[0]])) as server:
            options: dict[str, Any] = {"max_retries": 0, "max_response_size": 2**20}
            outcomes = run_all(mode, cases, base_url=server.base_url, **options)
        with closed_port() as base_url:
            refused = [Case("refused", ask) for ask in CALLS.values()]
            outcomes += run_all(mode, refused, base_url=base_url, **options)
    for case in cases:
        if case.endpoint.startswith("e"):
            name = list(CALLS)[int(case.endpoint.split("-")[1])]
            TALLY[ECHOED, name if name in OPERATIONS else "run", mode] += 1
    assert sum(outcome.error is not None for outcome in outcomes) > len(outcomes) / 2
    assert len(everything_logged.records) > len(outcomes) / 2
    assert "runpod_sdk" in {record.name for record in everything_logged.records}
    look(outcomes, everything_logged)
    check(" ".join(str(one.message) for one in warned), "warnings")
    check("".join(capfd.readouterr()), "terminal")
    assert all(
        f"Bearer {KEY}" in r.headers.get("authorization", "") for r in server.requests if r.headers
    )
    assert any(SECRET.encode() in request.body for request in server.requests)


def test_the_request_is_where_it_is(mode: str) -> None:
    """The key is in one header of each request, and in no path, query or body."""
    cases = [Case("ep", ask) for ask in CALLS.values()]
    with Server(GOOD) as server:
        run_all(mode, cases, base_url=server.base_url)
    for request in server.requests:
        head_, _, body = request.raw.partition(b"\r\n\r\n")
        assert head_.count(KEY.encode()) == 1
        assert KEY.encode() not in body
        assert KEY not in request.path


def test_a_wrong_answer_that_repeats_the_secret(mode: str) -> None:
    """Even an invalid 2xx response brings no secret into an error."""

    def repeat(exchange: Exchange) -> bool:
        body = exchange.request.body.decode()
        return answer(f'{{"you": {body}, "sent": true}}')(exchange)

    cases = [Case("ep", CALLS[name]) for name in ("run s3", "run_sync s3", "run dict")]
    with Server(repeat) as server:
        outcomes = run_all(mode, cases, base_url=server.base_url)
    for outcome in outcomes:
        assert outcome.error is not None
        check(said(outcome.error), "an answer that repeats the request")


def test_a_request_that_can_not_be_written(mode: str) -> None:
    """A request without a JSON form is not quoted, and not referenced by the error."""
    inputs: list[Any] = ["\ud800", float("nan"), {1, 2}, [object()], b"bytes"]
    cases = [
        Case("ep", lambda e, value=value: e.run(input=value, s3_config=STORAGE)) for value in inputs
    ]
    with Server(GOOD) as server:
        outcomes = run_all(mode, cases, base_url=server.base_url)
    assert server.requests == []
    for outcome in outcomes:
        assert isinstance(outcome.error, ValueError | TypeError)
        check(said(outcome.error), "a request that can't be written")


def test_a_wrong_answer_that_no_text_can_hold(mode: str) -> None:
    """A decoding error does not reference the response."""

    def repeat(exchange: Exchange) -> bool:
        return answer(b"\xff\xfe" + exchange.request.raw)(exchange)

    with Server(repeat) as server:
        for name in CALLS:
            outcome = run_all(mode, [Case("ep", CALLS[name])], base_url=server.base_url)[0]
            assert outcome.error is not None
            check(said(outcome.error), name)
