"""Every payload, recorded or of our own, goes through the public API, and comes out as it came."""

from __future__ import annotations

from typing import Any

import pytest

from runpod_sdk import (
    APIResponseValidationError,
    APIStatusError,
    EndpointHealth,
    JobState,
    PurgeResult,
    StreamInterruptedError,
)
from runpod_serverless_api import models
from tests.payloads import own
from tests.wire.documents import DOCUMENT, recorded, text
from tests.wire.test_values import check, endpoint

PAYLOADS = recorded() | own()
needs_payloads = pytest.mark.skipif(not recorded(), reason="no recorded payloads on this machine")

JOBS = ("run", "runsync", "status", "cancel", "retry")
NOT_OURS = {
    "local": "RunPod's development server, which differs from the service",
    "worker": "what workers call",
    "lb-gateway": "another host, of load-balancing endpoints",
    "metrics": "undocumented, and not in the API document",
    "openai": "the proxy, not the job API",
    "batch": "of the document, but not yet of the facade: held by test_generated_models.py",
}
TRIMMED = "the id was left out by those who published it"
UNREADABLE = {
    "runsync-1": TRIMMED,
    "runsync-13": TRIMMED,
    "status-4": TRIMMED,
    "status-5": TRIMMED,
    "status-6": TRIMMED,
    "stream-7": "documentation shows the chunks alone; recordings have them in an object",
}


def is_job(body: Any) -> bool:
    """Tell a job from an error: that has a number, or nothing, for its status."""
    return isinstance(body, dict) and isinstance(body.get("status"), str) and "stream" not in body


def named(*operations: str, direction: str = "response") -> list[str]:
    """Give the names of the payloads of *operations*."""
    return [
        name
        for name, payload in PAYLOADS.items()
        if payload["operation"] in operations and payload["direction"] == direction
    ]


JOB_BODIES = [
    name for name in named(*JOBS) if is_job(PAYLOADS[name]["body"]) and name not in UNREADABLE
]
REFUSALS = [name for name in named(*JOBS) if not is_job(PAYLOADS[name]["body"])]


@pytest.mark.parametrize("name", JOB_BODIES)
def test_a_job(name: str) -> None:
    """A job as the service, its documentation or its clients show it."""
    body = PAYLOADS[name]["body"]
    state = endpoint(body).status(body["id"])
    assert isinstance(state, JobState)
    check(state, body)
    assert text(models.Job.from_dict(body).to_dict()) == text(body)


@pytest.mark.parametrize("name", [n for n in named("stream") if n not in UNREADABLE])
def test_a_stream(name: str) -> None:
    """The chunks of an answer of a stream."""
    body = PAYLOADS[name]["body"]
    assert text(models.JobStream.from_dict(body).to_dict()) == text(body)
    last = {**body, "status": "COMPLETED"}
    taken = list(endpoint(last, {**last, "stream": []}).stream(last.get("id", "x")))
    assert text([chunk.to_dict() for chunk in taken]) == text(body["stream"])


@pytest.mark.parametrize("name", named("stream-chunk"))
def test_a_chunk(name: str) -> None:
    """A chunk that was shown alone."""
    body = PAYLOADS[name]["body"]
    bodies = body if isinstance(body, list) else [body]
    end = {"status": "COMPLETED", "stream": []}
    taken = list(endpoint({**end, "stream": bodies}, end).stream("x"))
    for chunk, one in zip(taken, bodies, strict=True):
        check(chunk, one)


@pytest.mark.parametrize("name", named("health"))
def test_health(name: str) -> None:
    """The counters of an endpoint, of every age."""
    body = PAYLOADS[name]["body"]
    health = endpoint(body).health()
    assert isinstance(health, EndpointHealth)
    check(health, body)
    assert health.workers.running is not None


@pytest.mark.parametrize("name", named("purge-queue"))
def test_a_purge(name: str) -> None:
    """What came of a purge."""
    body = PAYLOADS[name]["body"]
    result = endpoint(body).purge_queue()
    assert isinstance(result, PurgeResult)
    check(result, body)


def webhook_bodies() -> dict[str, Any]:
    """Give the document's examples of what a webhook is sent; none was recorded whole."""
    operation = DOCUMENT["webhooks"]["job_finished"]
    (media,) = operation["post"]["requestBody"]["content"].values()
    shared = DOCUMENT["components"]["examples"]
    return {
        name: (shared[example["$ref"].rpartition("/")[2]] if "$ref" in example else example)[
            "value"
        ]
        for name, example in media["examples"].items()
    }


@pytest.mark.parametrize("body", webhook_bodies().values(), ids=webhook_bodies())
def test_a_webhook_body(body: dict[str, Any]) -> None:
    """What a webhook is sent is a job with its input, and a model of its own."""
    assert text(models.WebhookPayload.from_dict(body).to_dict()) == text(body)
    state = endpoint(body).status(body["id"])
    check(state, body)
    assert text(state.extra) == text({"input": body["input"], "webhook": body["webhook"]})


@needs_payloads
@pytest.mark.parametrize("name", [n for n in UNREADABLE if not n.startswith("stream")])
def test_a_job_whose_id_was_left_out(name: str) -> None:
    """It is the one that was asked for; as the answer to a submission it is refused."""
    body = PAYLOADS[name]["body"]
    state = endpoint(body).status("x")
    check(state, body)
    assert state.id == "x"
    with pytest.raises(APIResponseValidationError, match="'id' is missing") as caught:
        endpoint(body).run(input=1)
    assert text(caught.value.body) == text(body)


@needs_payloads
def test_a_stream_that_is_a_bare_array() -> None:
    """Chunks without their object are lost to who asked: said, with all that came as its cause."""
    body = PAYLOADS["stream-7"]["body"]
    done = {"id": "x", "status": "COMPLETED", "output": []}
    with pytest.raises(StreamInterruptedError) as caught:
        next(endpoint(body, done).stream("x"))
    cause = caught.value.__cause__
    assert isinstance(cause, APIResponseValidationError)
    assert text(cause.body) == text(body)


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal(name: str) -> None:
    """What was refused is an error that says why, with the body as it came."""
    payload = PAYLOADS[name]
    with pytest.raises(APIStatusError, match=payload["body"]["detail"]) as caught:
        endpoint(payload["body"], code=payload["http_status"]).status("x")
    assert caught.value.status_code == payload["http_status"]
    assert text(caught.value.body) == text(payload["body"])


@pytest.mark.parametrize("name", named("run", "runsync", direction="request"))
def test_a_request(name: str) -> None:
    """A request that clients and documentation show is sent as it is shown."""
    body = PAYLOADS[name]["body"]
    assert text(models.JobRequest.from_dict(body).to_dict()) == text(body)


def test_no_payload_is_left_out() -> None:
    """Every payload is in a test above, or of something that is not this API."""
    covered = {
        *JOB_BODIES,
        *REFUSALS,
        *UNREADABLE,
        *named("stream", "stream-chunk", "health", "purge-queue"),
        *named("run", "runsync", "cancel", "purge-queue", "retry", direction="request"),
    }
    left = {name for name in PAYLOADS if name not in covered}
    assert {name for name in left if not name.startswith(tuple(NOT_OURS))} == set()
