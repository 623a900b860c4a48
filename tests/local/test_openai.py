"""The OpenAI proxy, with a handler that yields what RunPod's vLLM worker yields."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from runpod_sdk.local import LocalEndpoint

from .conftest import Serve
from .processes import until
from .support import PATIENCE, Api, Gate

COMPLETION = {"object": "chat.completion", "id": "c-1", "choices": [{"index": 0}]}
MODELS = {"object": "list", "data": [{"id": "tiny", "object": "model"}]}
EVENTS = ['data: {"n":1}\n', '\ndata: {"n":2}\n\nda', "ta: [DONE]\n\n"]
"""Server-sent events as they come from a socket: cut anywhere."""


async def worker(job: dict[str, Any]) -> AsyncIterator[Any]:
    """Do what the vLLM worker does with a job of the proxy."""
    asked = job["input"]
    body = asked.get("openai_input")
    if body is None:
        yield {"seen": asked} if asked["openai_route"] != "/v1/models" else MODELS
    elif body.get("stream"):
        for event in EVENTS:
            yield event
        if body.get("fail"):
            yield {"error": {"message": "out of memory", "type": "worker_error", "code": None}}
    elif "fail" in body:
        yield {"error": {"message": "no such model", "type": "worker_error", "code": body["fail"]}}
    else:
        yield {**COMPLETION, "seen": asked}


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with LocalEndpoint(worker) as local:
        api = Api(local)
        yield api
        api.http.close()


def test_a_completion(api: Api) -> None:
    """The job gets route and body; what it yields first is the answer."""
    body = {"model": "tiny", "messages": [{"role": "user", "content": "hé"}], "stream": False}
    response = api.http.post("/openai/v1/chat/completions", json=body)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    seen = {"openai_route": "/v1/chat/completions", "openai_input": body}
    assert response.json() == {**COMPLETION, "seen": seen}


@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
def test_without_a_body_there_is_only_a_route(api: Api, verb: str) -> None:
    """Any verb is taken, and any path."""
    assert api.http.request(verb, "/openai/v1/models").json() == MODELS
    response = api.http.request(verb, "/openai/v1/models/tiny?x=1")
    assert response.json() == {"seen": {"openai_route": "/v1/models/tiny"}}


def test_a_stream_is_relayed_as_it_is(api: Api) -> None:
    """The yielded pieces are joined, for any cuts."""
    body = {"stream": True}
    with api.http.stream("POST", "/openai/v1/chat/completions", json=body) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert "content-length" not in response.headers
        assert "".join(response.iter_text()) == "".join(EVENTS)


def test_a_stream_is_relayed_as_it_comes(serve: Serve) -> None:
    """Each event is there before the next is made."""
    gate = Gate()

    def handler(job: dict[str, Any]) -> Iterator[Any]:
        for n in range(3):
            yield f"data: {n}\n\n"
            gate.wait()
        yield {"done": True}

    api = serve(handler)
    body = {"stream": True}
    with api.http.stream("POST", "/openai/v1/completions", json=body) as response:
        lines = response.iter_lines()
        for n in range(3):
            assert (next(lines), next(lines)) == (f"data: {n}", "")
            gate.reached()
            gate.open()
        assert list(lines) == ['data: {"done":true}', ""]


def test_an_error_within_a_stream_is_its_last_event(api: Api) -> None:
    """A client sees what it got, and then why there is no more."""
    response = api.http.post("/openai/v1/completions", json={"stream": True, "fail": 1})
    text = response.text.removeprefix("".join(EVENTS))
    assert text.startswith("data: {")
    error = json.loads(text.removeprefix("data: "))["error"]
    assert error == {"message": "out of memory", "type": "worker_error", "code": None}


@pytest.mark.parametrize(("code", "status"), [(404, 404), (None, 500), ("x", 500), (200, 500)])
def test_an_error_of_the_worker(api: Api, code: Any, status: int) -> None:
    """It is passed on in OpenAI's form, with the status that the worker says, if any."""
    response = api.http.post("/openai/v1/completions", json={"fail": code})
    assert response.status_code == status
    error = {"message": "no such model", "type": "worker_error", "code": code}
    assert response.json() == {"error": error}


def _raises(job: dict[str, Any]) -> None:
    raise ValueError("broken")


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (_raises, "broken"),
        (lambda job: {"error": "no"}, "no"),
        (lambda job: {"error": "[1]"}, "[1]"),
        (lambda job: {"error": "{" * 9999}, "{" * 9999),
        (lambda job: {}, "the worker returned no output"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_job_that_fails(serve: Serve, handler: Any, message: str, stream: bool) -> None:
    """Before anything was yielded, a failure is an error with a status, for streams too."""
    response = serve(handler).http.post("/openai/v1/completions", json={"stream": stream})
    assert response.status_code == 500
    error = {"message": message, "type": "server_error", "param": None, "code": None}
    assert response.json() == {"error": error}


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_returned_is_the_answer(serve: Serve, stream: bool) -> None:
    """A handler that does not yield is taken at its word; only text can be a stream of it."""
    api = serve(lambda job: job["input"]["openai_input"]["answer"])
    vllm_error = {"object": "error", "code": 422, "message": "too long"}
    for answer, status in (({"b": 1, "a": [None]}, 200), (vllm_error, 422)):
        response = api.http.post("/openai/v1/x", json={"answer": answer, "stream": stream})
        assert (response.status_code, response.json()) == (status, answer)
    text = api.http.post("/openai/v1/x", json={"answer": "data: 1\n\n", "stream": stream}).text
    assert text == ("data: 1\n\n" if stream else '"data: 1\\n\\n"')


def test_bad_bodies(api: Api) -> None:
    """A body that is not JSON creates no job."""
    before = api.health()
    for content in (b"{", b"--boundary"):
        status, detail = api.refused("POST", "/openai/v1/x", content=content)
        assert status == 400
        assert detail.startswith("bad request: body: malformed JSON")
    assert api.refused("GET", "/openai") == (404, "not found")
    assert api.health() == before


@pytest.mark.parametrize(("events", "length"), [(0, 0), (1, 0), (0, 100_000)])
def test_a_client_that_hangs_up_cancels_its_job(serve: Serve, events: int, length: int) -> None:
    """Whether it has got a part of its stream already or nothing; also after a long body."""
    begun, stopped = threading.Event(), threading.Event()

    async def handler(job: dict[str, Any]) -> AsyncIterator[str]:
        try:
            for n in range(events):
                yield f"data: {n}\n\n"
            begun.set()
            await asyncio.sleep(PATIENCE)
        finally:
            stopped.set()

    api = serve(handler)
    body = {"stream": True, "prompt": "x" * length}
    with _begun(api) if events else api.held("POST", "/openai/v1/x", body):
        assert begun.wait(PATIENCE)
    assert stopped.wait(PATIENCE)
    until(lambda: not api.health()["jobs"]["inProgress"])
    assert api.health()["jobs"]["failed"] == 0


def _begun(api: Api) -> Any:
    return httpx.stream(
        "POST",
        f"{api.url}/openai/v1/x",
        json={"stream": True},
        headers=api.headers,
        trust_env=False,
    )


def test_closing_ends_what_is_held() -> None:
    """When the endpoint closes, no request keeps waiting."""
    gate = Gate()
    with LocalEndpoint(lambda job: gate.wait()) as local:
        api = Api(local)
        with api.held("POST", "/openai/v1/x", {}) as held:
            gate.reached()
            closing = threading.Thread(target=local.close)
            closing.start()
            answer = held.answer()
            gate.open()
            closing.join()
        api.http.close()
    assert answer["http"] == 500
    assert answer["error"]["message"] == "the local endpoint was closed before the job ended"
