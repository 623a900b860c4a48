"""Handlers of every kind, and what their outcomes become."""

from __future__ import annotations

import asyncio
import functools
import json
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from . import support
from .conftest import Serve


def plain(job: dict[str, Any]) -> Any:
    return job["input"]


async def asynchronous(job: dict[str, Any]) -> Any:
    await asyncio.sleep(0)
    return job["input"]


def generator(job: dict[str, Any]) -> Iterator[Any]:
    yield from job["input"]


async def async_generator(job: dict[str, Any]) -> AsyncIterator[Any]:
    for value in job["input"]:
        await asyncio.sleep(0)
        yield value


class Model:
    """Handlers as methods and as a callable object."""

    def __call__(self, job: dict[str, Any]) -> Any:
        return job["input"]

    async def ask(self, job: dict[str, Any]) -> Any:
        return job["input"]

    def tell(self, job: dict[str, Any]) -> Iterator[Any]:
        yield from job["input"]


RETURNING = [
    plain,
    asynchronous,
    Model(),
    Model().ask,
    functools.partial(lambda _, job: job["input"], None),
    functools.partial(asynchronous),
    lambda job: asynchronous(job),
]
YIELDING = [
    generator,
    async_generator,
    Model().tell,
    functools.partial(generator),
    lambda job: async_generator(job),
]


@pytest.mark.parametrize("handler", RETURNING)
def test_what_is_returned_is_the_output(serve: Serve, handler: Any) -> None:
    """Plain and async handlers, however they are wrapped."""
    api = serve(handler)
    done = api.run_sync([1, {"a": None}])
    assert (done["status"], done["output"]) == ("COMPLETED", [1, {"a": None}])
    assert api.stream(done["id"]) == {"status": "COMPLETED", "stream": []}


@pytest.mark.parametrize("handler", YIELDING)
@pytest.mark.parametrize("aggregate", [False, True])
def test_what_is_yielded_is_streamed(serve: Serve, handler: Any, aggregate: bool) -> None:
    """Each value is a chunk; the output has them only if that was asked for."""
    api = serve(handler, return_aggregate_stream=aggregate)
    values = [{"n": 0}, "b", None, [2], {"error": ""}]
    done = api.run_sync(values)
    assert (done["status"], done["output"]) == ("COMPLETED", values if aggregate else [])
    assert api.stream(done["id"]) == {
        "status": "COMPLETED",
        "stream": [{"output": value} for value in values],
    }
    for _ in range(2):
        assert api.stream(done["id"]) == {"status": "COMPLETED", "stream": []}


@pytest.mark.parametrize(
    ("returned", "answer"),
    [
        (None, {"output": None}),
        (0, {"output": 0}),
        (False, {"output": False}),
        ([], {"output": []}),
        ((1, 2), {"output": [1, 2]}),
        ({1: "a"}, {"output": {"1": "a"}}),
        ({}, {}),
        ({"refresh_worker": True}, {}),
        ({"refresh_worker": True, "a": 1}, {"output": {"a": 1}}),
        ({"error": None, "a": 1}, {"output": {"a": 1}}),
        ({"error": ""}, {}),
        ({"error": {"code": 1}}, {}),
        ({"error": ["x"], "a": 1}, {}),
    ],
)
def test_completed_outcomes(serve: Serve, returned: Any, answer: dict[str, Any]) -> None:
    """Null is an output, an empty dict is none, and an error that is no string is no failure."""
    done = serve(lambda _: returned).run_sync()
    assert done["status"] == "COMPLETED"
    assert set(done) == support.COMPLETED - {"output"} | set(answer)
    assert done.items() >= answer.items()


def test_a_returned_error_fails_the_job(serve: Serve) -> None:
    """The error is passed on as it is, and what else was returned stays the output."""
    done = serve(lambda _: {"error": "no such voice"}).run_sync()
    assert set(done) == support.FAILED
    assert (done["status"], done["error"]) == ("FAILED", "no such voice")
    done = serve(lambda _: {"error": "no such voice", "tried": 2}).run_sync()
    assert set(done) == support.FAILED | {"output"}
    assert done["output"] == {"tried": 2}


class OddError(Exception):
    """An error of a user's own."""


def raises(_: Any) -> Any:
    raise OddError("out of luck")


async def raises_later(_: Any) -> Any:
    await asyncio.sleep(0)
    raise OddError("out of luck")


@pytest.mark.parametrize("handler", [raises, raises_later])
def test_an_exception_fails_the_job(serve: Serve, handler: Any) -> None:
    """The error is a JSON object in a string, with the six recorded keys."""
    done = serve(handler).run_sync()
    assert (done["status"], set(done)) == ("FAILED", support.FAILED)
    error = json.loads(done["error"])
    assert set(error) == {
        "error_type",
        "error_message",
        "error_traceback",
        "hostname",
        "worker_id",
        "runpod_version",
    }
    assert "OddError" in error["error_type"]
    assert error["error_message"] == "out of luck"
    assert "in raises" in error["error_traceback"]
    assert error["worker_id"] == done["workerId"]
    assert all(isinstance(value, str) for value in error.values())


class UnwritableError(Exception):
    def __str__(self) -> str:
        raise LookupError


def raises_unwritable(_: Any) -> Any:
    raise UnwritableError


def yields_before_unwritable(_: Any) -> Any:
    yield 1
    raise UnwritableError


@pytest.mark.parametrize("handler", [raises_unwritable, yields_before_unwritable])
def test_an_exception_without_a_text_fails_the_job(serve: Serve, handler: Any) -> None:
    """The job does not stay in progress."""
    done = serve(handler).run_sync()
    assert done["status"] == "FAILED"
    assert "its text could not be written: LookupError" in done["error"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_a_handler_cannot_end_its_worker(serve: Serve, error: BaseException) -> None:
    """Exceptions that are no errors fail the job, and the next one runs."""
    left = [error]

    async def handler(_: Any) -> Any:
        if left:
            raise left.pop()
        return "alive"

    api = serve(handler)
    assert api.run_sync()["status"] == "FAILED"
    assert api.run_sync()["output"] == "alive"


def yields_and_raises(_: Any) -> Iterator[Any]:
    yield 1
    raise OddError("ran dry")


async def yields_and_raises_later(_: Any) -> AsyncIterator[Any]:
    yield 1
    raise OddError("ran dry")


@pytest.mark.parametrize("handler", [yields_and_raises, yields_and_raises_later])
def test_an_exception_between_yields(serve: Serve, handler: Any) -> None:
    """The error is plain text, and what was yielded before can still be read."""
    api = serve(handler, return_aggregate_stream=True)
    done = api.run_sync()
    assert set(done) == support.FAILED
    assert done["error"].startswith("handler: ran dry \ntraceback: Traceback")
    assert api.stream(done["id"]) == {"status": "FAILED", "stream": [{"output": 1}]}


@pytest.mark.parametrize(("error", "text"), [("too long", "too long"), ({"a": 1}, "{'a': 1}")])
def test_a_yielded_error_ends_the_job(serve: Serve, error: Any, text: str) -> None:
    """Nothing after it is asked for, and it is no chunk."""
    closed = []

    def handler(_: Any) -> Iterator[Any]:
        try:
            yield "begun"
            yield {"error": error}
            closed.append("went on")
        finally:
            closed.append("closed")

    api = serve(handler)
    done = api.run_sync()
    assert (done["status"], done["error"]) == ("FAILED", text)
    assert api.stream(done["id"])["stream"] == [{"output": "begun"}]
    assert closed == ["closed"]


def unserializable(_: Any) -> Any:
    return object()


def not_a_number(_: Any) -> Any:
    return [float("nan")]


def yields_a_set(_: Any) -> Iterator[Any]:
    yield {1}


def circular(_: Any) -> Any:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def deep(_: Any) -> Any:
    value: list[Any] = []
    for _ in range(sys.getrecursionlimit() * 10):
        value = [value]
    return value


@pytest.mark.parametrize("handler", [unserializable, not_a_number, yields_a_set, circular, deep])
def test_what_json_cannot_represent_fails_the_job(serve: Serve, handler: Any) -> None:
    """The error says so."""
    done = serve(handler).run_sync()
    assert (done["status"], set(done)) == ("FAILED", support.FAILED)
    assert "JSON cannot represent this" in done["error"]


def test_what_was_yielded_is_not_changed_afterwards(serve: Serve) -> None:
    """A handler that uses one object again streams what it was at each yield."""

    def handler(_: Any) -> Iterator[Any]:
        growing: list[int] = []
        for number in range(3):
            growing.append(number)
            yield growing

    done = serve(handler, return_aggregate_stream=True).run_sync()
    assert done["output"] == [[0], [0, 1], [0, 1, 2]]
