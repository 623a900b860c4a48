"""What the API document says fits its own examples and the payloads that were recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests import payloads
from tests.yaml_files import parse_yaml

ROOT = Path(__file__).parents[2]
# Its references made absolute, so that a validator can follow them from wherever they stand.
DOCUMENT: dict[str, Any] = parse_yaml(
    (ROOT / "openapi/runpod-serverless.yaml")
    .read_text()
    .replace("'#/components/", "'urn:api#/components/")
)
REGISTRY: Registry[Any] = Registry().with_resource(
    "urn:api", Resource(contents=DOCUMENT, specification=DRAFT202012)
)


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Follow a `$ref` to the thing itself."""
    while "$ref" in node:
        target: Any = DOCUMENT
        for step in node["$ref"].removeprefix("urn:api#/").split("/"):
            target = target[step]
        node = target
    return node


def errors(schema: dict[str, Any], value: Any) -> list[str]:
    """Say what is wrong with *value* by *schema*."""
    validator = Draft202012Validator(schema, registry=REGISTRY)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def bodies() -> dict[str, dict[str, Any]]:
    """Give every body by `operation code` or `operation request`."""
    found: dict[str, dict[str, Any]] = {}
    for item in (*DOCUMENT["paths"].values(), *DOCUMENT["webhooks"].values()):
        for operation in item.values():
            parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
            for part, body in parts.items():
                for media in resolve(body).get("content", {}).values():
                    found[f"{operation['operationId']} {part}"] = media
    return found


BODIES = bodies()
EXAMPLES = {
    f"{body} {name}": (media["schema"], resolve(example)["value"])
    for body, media in BODIES.items()
    for name, example in media["examples"].items()
}


@pytest.mark.parametrize(("schema", "value"), EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_is_valid(schema: dict[str, Any], value: Any) -> None:
    """An example fits the schema of the body that it is an example of."""
    assert errors(schema, value) == []


@pytest.mark.parametrize("name", [name for name in EXAMPLES if " 200 " in name])
def test_an_answer_has_its_members_in_order(name: str) -> None:
    """The members of an answer are shown in the order they arrive in: that of the alphabet."""
    value = EXAMPLES[name][1]
    assert isinstance(value, list) or list(value) == sorted(value)


def test_the_error_of_an_exception_is_json_in_a_string() -> None:
    """The example of a handler that raised has the keys that RunPod's worker reports."""
    error = EXAMPLES["get_job_status 200 failed_by_exception"][1]["error"]
    assert {"error_type", "error_message", "error_traceback"} < set(json.loads(error))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("run_job 200", {"id": 1, "status": "COMPLETED"}),
        ("job_finished request", {"id": "a"}),
        ("get_health 200", {"jobs": {"failed": -1}}),
        ("add_batch_requests request", {"requests": [{"webhook": "https://example.com"}]}),
    ],
)
def test_a_body_that_does_not_fit_is_found(body: str, value: Any) -> None:
    """The validation of these tests is able to fail, behind references too."""
    assert errors(BODIES[body]["schema"], value)


# Payloads that were recorded, or that RunPod's documentation and clients show

OPERATION_OF = {
    "run": "run_job",
    "runsync": "run_job_sync",
    "status": "get_job_status",
    "stream": "stream_job",
    "cancel": "cancel_job",
    "retry": "retry_job",
    "purge-queue": "purge_queue",
    "health": "get_health",
    "batch-create": "create_batch",
    "batch-append": "add_batch_requests",
    "batch-get": "get_batch",
}


class Excepted(NamedTuple):
    """Why a payload does not fit, and what it is without that."""

    reason: str
    code: Callable[[str], str] = lambda code: code
    body: Callable[[Any], Any] = lambda body: body


ID_TRIMMED = Excepted(
    "the id was left out by those who published it",
    body=lambda body: {"id": "left-out", **body},
)
FAILED_AS_400 = Excepted(
    "documentation files a failed job under 400; recorded failed jobs are all 200",
    code=lambda _: "200",
)
EXCEPTIONS = {
    "runsync-1": ID_TRIMMED,
    "runsync-13": ID_TRIMMED,
    "status-4": ID_TRIMMED,
    "status-5": ID_TRIMMED,
    "status-6": ID_TRIMMED,
    **{f"runsync-{number}": FAILED_AS_400 for number in range(26, 37)},
    "runsync-25": Excepted(
        "one page gives executionTime in seconds, a fraction; all else has milliseconds",
        body=lambda body: {**body, "executionTime": int(body["executionTime"] * 1000)},
    ),
    "stream-7": Excepted(
        "documentation shows the chunks alone; recordings and clients have them in an object",
        body=lambda body: {"status": "IN_PROGRESS", "stream": body},
    ),
}
PAYLOADS = payloads.recorded()
OWN = payloads.own()
needs_payloads = pytest.mark.skipif(not PAYLOADS, reason="no recorded payloads on this machine")


def schema_for(payload: dict[str, Any], code: str) -> dict[str, Any]:
    """Give the schema of a payload that came with HTTP *code*, or went out."""
    if payload["operation"] == "stream-chunk":
        return {"$ref": "urn:api#/components/schemas/StreamChunk"}
    part = "request" if payload["direction"] == "request" else code
    body = BODIES[f"{OPERATION_OF[payload['operation']]} {part}"]
    schema: dict[str, Any] = body["schema"]
    return schema


@pytest.mark.parametrize("name", sorted((OWN | PAYLOADS).keys() - EXCEPTIONS))
def test_a_payload_is_valid(name: str) -> None:
    """A payload fits the schema of its operation and HTTP code."""
    payload = (OWN | PAYLOADS)[name]
    assert errors(schema_for(payload, str(payload["http_status"])), payload["body"]) == []


@needs_payloads
@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_is_one_for_its_reason_alone(name: str) -> None:
    """A payload that is excepted does not fit, and would but for the reason given."""
    payload, exception = PAYLOADS[name], EXCEPTIONS[name]
    code = str(payload["http_status"])
    assert errors(schema_for(payload, code), payload["body"])
    corrected = exception.code(code)
    assert errors(schema_for(payload, corrected), exception.body(payload["body"])) == []


@needs_payloads
def test_there_is_one_of_our_own_of_each_shape() -> None:
    """So that whoever has no recorded payloads still tries each shape."""
    shapes = {payloads.shape(payload) for payload in OWN.values()}
    assert len(shapes) == len(OWN)
    missing = {
        name
        for name, payload in PAYLOADS.items()
        if name not in EXCEPTIONS and payloads.shape(payload) not in shapes
    }
    assert not missing
