"""Large inputs: written as JSON in pieces, once, and freed as soon as they were sent."""

from __future__ import annotations

import asyncio
import json
import reprlib
import tracemalloc
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import AsyncRunpod, Runpod, RunpodError
from tests.facade.clients import KEY, Script, answer, job
from tests.hypothesis_profiles import at_most

SIZE = 4 * 2**20


class Value:
    """A value that Hypothesis shows in short."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return reprlib.repr(self.value)


SHORT = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)
LONG = st.sampled_from([text * 66_000 for text in ("x", 'ä"', "\\\n", "\U0001f600", "\0")])


def held(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Put values into dicts, lists and tuples."""
    lists = st.lists(inner, max_size=3)
    names = st.text("abä", max_size=3)
    return st.one_of(lists, lists.map(tuple), st.dictionaries(names, inner, max_size=3))


LISTS = st.tuples(st.one_of(SHORT, held(SHORT)), st.sampled_from([256, 257, 600]))
LEAVES = st.one_of(SHORT, LONG, LISTS.map(lambda pair: [pair[0]] * pair[1]))
VALUES = st.one_of(held(LEAVES), held(st.one_of(LEAVES, held(LEAVES)))).map(Value)


def sent(value: Any) -> bytes:
    """Return the body with which *value* is submitted."""
    script = Script(job("IN_QUEUE"))
    with httpx.Client(transport=httpx.MockTransport(script)) as http_client:
        client = Runpod(KEY, http_client=http_client, size_limits=False)
        client.endpoint("ep").run(input=value)
    return script.last.content


@at_most(40, deadline=None)
@given(VALUES)
def test_pieces_are_the_whole(given: Value) -> None:
    """They are byte for byte what the standard library writes in one piece."""
    body = {"input": given.value}
    whole = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    assert sent(given.value) == whole.encode()


def test_faults_in_large_inputs() -> None:
    """An error names the place, as for small ones; a value that contains itself ends at once."""
    long = "x" * 100_000
    itself: list[Any] = [long]
    itself += [itself] * 200
    others: list[tuple[Any, str]] = [
        ({"image": long, "score": float("nan")}, r"input\.score"),
        ({"rows": [0] * 500 + [{1: "a", "1": "b"}]}, r"input\.rows\[500\]"),
        ({"text": long + "\ud800"}, r"input\.text"),
        ([long, object()], r"input\[1\]"),
        (itself, "itself"),
    ]
    for value, place in others:
        with pytest.raises((ValueError, TypeError), match=place):
            sent(value)


def peak_of(value: Any) -> float:
    """Return the most memory that encoding takes, over the size of the JSON."""
    length = len(sent(value))
    whole = b""

    def take(request: httpx.Request) -> httpx.Response:
        nonlocal whole
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
        return httpx.Response(200, json={"id": "j1", "status": "IN_QUEUE"})

    peaks: list[int] = []
    with httpx.Client(transport=httpx.MockTransport(take)) as http_client:
        endpoint = Runpod(KEY, http_client=http_client).endpoint("ep")
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            endpoint.run(input=value)
        finally:
            tracemalloc.stop()
    return peaks[0] / length


@pytest.mark.parametrize(
    "value",
    [
        {"image": "QUJD" * 2**20},
        {"images": [{"data": "QUJD" * 2**19}] * 2},
        [{"label": "x" * 100}] * 20_000,
    ],
    ids=["string", "strings", "list"],
)
def test_there_is_no_second_copy(value: Any) -> None:
    """A quarter of the text is more than there is in memory beside the bytes."""
    assert peak_of(value) < 1.3


def test_bodies_are_freed_while_jobs_run() -> None:
    """While a map waits for the jobs of large inputs, none of their bodies is in memory."""
    text, waiting, all_wait = "x" * SIZE, 0, asyncio.Event()

    async def serve(request: httpx.Request) -> httpx.Response:
        nonlocal waiting
        await request.aread()
        if request.url.path.endswith("/run"):
            return httpx.Response(200, json={"id": f"j{waiting}", "status": "IN_QUEUE"})
        waiting += 1
        if waiting == 4:
            all_wait.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def main() -> int:
        transport = httpx.MockTransport(serve)
        async with httpx.AsyncClient(transport=transport) as http_client:
            client = AsyncRunpod(KEY, http_client=http_client, rate_limits=False)
            async with client, client.endpoint("ep").map([text] * 4, concurrency=4) as results:
                taking = asyncio.ensure_future(anext(results))
                await all_wait.wait()
                memory = tracemalloc.get_traced_memory()[0]
                taking.cancel()
                await asyncio.wait([taking])
        return memory

    tracemalloc.start()
    try:
        assert asyncio.run(main()) < SIZE / 2
    finally:
        tracemalloc.stop()


def test_no_body_stays_with_its_outcome() -> None:
    """Neither a job nor an error has a reference to the body that was sent."""
    text = "x" * SIZE
    script = Script(job("IN_QUEUE"), answer({"title": "no"}, 400), answer({}, 500))
    kept: list[Any] = []
    bodies: list[int] = []

    def take(request: httpx.Request) -> httpx.Response:
        bodies.append(len(request.content))
        return script(httpx.Request(request.method, request.url))

    tracemalloc.start()
    try:
        with httpx.Client(transport=httpx.MockTransport(take)) as http_client:
            endpoint = Runpod(KEY, http_client=http_client, max_retries=0).endpoint("ep")
            kept.append(endpoint.run(input=text))
            for _ in range(2):
                try:
                    endpoint.run(input=text)
                except RunpodError as error:
                    kept.append(error)
            assert tracemalloc.get_traced_memory()[0] < SIZE / 2
    finally:
        tracemalloc.stop()
    assert [type(one).__name__ for one in kept] == [
        "Job",
        "BadRequestError",
        "SubmissionServerError",
    ]
    assert min(bodies) > SIZE
