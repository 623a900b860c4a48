"""The API document keeps the rules that openapi/README.md gives reasons for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = read_yaml(ROOT / "openapi/runpod-serverless.yaml")
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
REGISTRY: Registry[Any] = Registry().with_resource(
    "urn:api", Resource(contents=DOCUMENT, specification=DRAFT202012)
)

RESPONSES = ["200", "400", "401", "404", "429", "500", "default"]

# Names that the generated code uses for itself; a property or a parameter of one breaks it.
TAKEN_BY_MODELS = {
    *("d", "cls", "field_dict", "to_dict", "from_dict", "additional_properties", "cast"),
}
TAKEN_BY_FUNCTIONS = {"params", "headers", "quote", "body", "client"}


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Follow a `$ref` to the thing itself."""
    while "$ref" in node:
        target: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def walk(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Give every object of the document with its place, except what examples hold."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            if key not in ("examples", "example"):
                yield from walk(value, (*path, str(key)))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, (*path, str(index)))


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every body of every operation and of the webhook, named."""
    webhooks = {name: item["post"] for name, item in DOCUMENT["webhooks"].items()}
    for operation in (*OPERATIONS.values(), *webhooks.values()):
        name = operation["operationId"]
        for code, response in operation["responses"].items():
            for media in resolve(response).get("content", {}).values():
                yield f"{name} {code}", media
        for media in resolve(operation.get("requestBody", {})).get("content", {}).values():
            yield f"{name} request", media


def own_properties() -> Iterator[tuple[str, str, dict[str, Any], bool]]:
    """Give each property: its schema's name, its own, what it is, and whether it is required."""
    for name, schema in SCHEMAS.items():
        for part in (schema, *schema.get("allOf", [])):
            for key, value in part.get("properties", {}).items():
                yield name, key, value, key in part.get("required", [])


def reachable(schema: dict[str, Any]) -> set[str]:
    """Name the schemas that *schema* is made of."""
    found: set[str] = set()
    todo = [schema]
    while todo:
        for _, node in walk(todo.pop()):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name in SCHEMAS and name not in found:
                found.add(name)
                todo.append(SCHEMAS[name])
    return found


def admits(schema: dict[str, Any], value: Any) -> bool:
    """Tell whether *value* is valid against *schema*, wherever its references lead."""
    moved = json.loads(json.dumps(schema).replace("#/components", "urn:api#/components"))
    return Draft202012Validator(moved, registry=REGISTRY).is_valid(value)


BODIES = list(contents())
PROPERTIES = list(own_properties())
ANSWERED = reachable({"all": [media["schema"] for name, media in BODIES if "200" in name]})


def test_it_is_valid_openapi() -> None:
    """The document is OpenAPI 3.1.0, written with all three numbers, as the generator asks."""
    assert DOCUMENT["openapi"] == "3.1.0"
    validate(DOCUMENT)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_has_what_the_generator_needs(operation: dict[str, Any]) -> None:
    """An operation has a snake_case id, one declared tag, and a security of its own."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"])
    assert len(operation["tags"]) == 1
    assert operation["tags"][0] in [tag["name"] for tag in DOCUMENT["tags"]]
    assert operation["security"] == [{"bearer": []}]


def test_operation_ids_are_unique() -> None:
    """No two operations share an id: the generator would keep the last one only."""
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(ids) == len(set(ids)) >= 18


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_documents_its_answers(operation: dict[str, Any]) -> None:
    """Every operation has the same codes; all but 200 have the one `Error`."""
    assert list(operation["responses"]) == RESPONSES
    for code, response in operation["responses"].items():
        assert resolve(response)["description"]
        content = resolve(response)["content"]
        first, *others = content.values()
        assert next(iter(content)) == "application/json", "the generator takes the first"
        assert all(other == first for other in others)
        assert (first["schema"] == {"$ref": "#/components/schemas/Error"}) is (code != "200")


@pytest.mark.parametrize(("name", "media"), BODIES, ids=[name for name, _ in BODIES])
def test_a_body_is_json_of_a_named_schema(name: str, media: dict[str, Any]) -> None:
    """Every body has a named schema, or is a list of one, so that its parts have a class."""
    schema = media["schema"]
    assert "$ref" in (schema["items"] if schema.get("type") == "array" else schema)
    assert "$ref" in schema or name.endswith("request")


@pytest.mark.parametrize(("name", "media"), BODIES, ids=[name for name, _ in BODIES])
def test_a_body_has_examples(name: str, media: dict[str, Any]) -> None:
    """Every body, of requests, answers, errors and webhooks, has an example with a name."""
    assert media["examples"]
    assert all(re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", key) for key in media["examples"])


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("run_job_sync", "JobStatus"),
        ("get_job_status", "JobStatus"),
        ("get_job_status_sync", "JobStatus"),
        ("stream_job", "JobStatus"),
        ("get_batch", "BatchStatus"),
    ],
)
def test_there_is_an_example_for_each_state(name: str, statuses: str) -> None:
    """What can be answered in every state has an example in every state."""
    (media,) = (media for here, media in BODIES if here == f"{name} 200")
    shown = {resolve(example)["value"]["status"] for example in media["examples"].values()}
    assert shown == set(SCHEMAS[statuses]["enum"])


@pytest.mark.parametrize(
    ("schema", "name", "what"),
    [row[:3] for row in PROPERTIES],
    ids=[f"{row[0]}.{row[1]}" for row in PROPERTIES],
)
def test_a_property_is_described(schema: str, name: str, what: dict[str, Any]) -> None:
    """A property says what it is, when it is there, how sure that is, and its unit."""
    description = what["description"]
    assert what["x-evidence"]
    assert re.search(r"[Pp]resent|Optional\.", description)
    if re.search(r"(Time|Timeout|ttl|At)$", name):
        assert re.search(r"millisecond|ISO 8601", description)


def test_parameters_are_described() -> None:
    """A parameter says what it is and how sure that is, its unit if it is a time."""
    for operation in OPERATIONS.values():
        for parameter in map(resolve, operation["parameters"]):
            assert parameter["description"]
            assert parameter["x-evidence"]
            assert "default" not in parameter["schema"], "it would always be sent"
            if parameter["name"] in ("wait", "ttl"):
                assert "in milliseconds" in parameter["description"]


def test_no_name_is_one_that_generated_code_needs() -> None:
    """Properties and parameters stay clear of the names that break the generated code."""
    assert not TAKEN_BY_MODELS & {name for _, name, _, _ in PROPERTIES}
    parameters = [p for operation in OPERATIONS.values() for p in operation["parameters"]]
    assert not TAKEN_BY_FUNCTIONS & {resolve(parameter)["name"] for parameter in parameters}


def test_nothing_is_closed_or_lost_or_mistyped_by_the_generator() -> None:
    """No schema uses a keyword or a format that the generator drops, ignores or trips over."""
    for path, node in walk(DOCUMENT):
        assert node.get("additionalProperties") is not False, path
        assert not {"discriminator", "nullable", "patternProperties", "not", "if"} & set(node), path
        assert node.get("format") in (None, "int32", "int64"), path
        if node.get("type") == "array" or "array" in str(node.get("type")):
            assert "items" in node, path
        if path[-1:] == ("properties",):
            assert all(isinstance(value, dict) for value in node.values()), path


def test_every_object_is_a_named_schema() -> None:
    """An object stands in `components/schemas`, alone or as a part of an `allOf`."""
    for path, node in walk(DOCUMENT):
        if node.get("type") == "object":
            assert path[:2] == ("components", "schemas"), path
            assert len(path) == 3 or path[3] == "allOf", path


@pytest.mark.parametrize(
    ("schema", "name", "what"),
    [row[:3] for row in PROPERTIES if row[0] in ANSWERED - {"JobRequest"} and not row[3]],
)
def test_an_optional_property_of_an_answer_may_be_null(
    schema: str, name: str, what: dict[str, Any]
) -> None:
    """A null, where a member may be missing, is never a reason to lose an answer."""
    assert admits(what, None)


@pytest.mark.parametrize("name", [name for name in SCHEMAS if "enum" in SCHEMAS[name]])
def test_an_answer_may_have_a_new_status(name: str) -> None:
    """Whatever holds a status holds one that is not in the document as well."""
    assert not admits(SCHEMAS[name], "NEW")
    users = [row for row in PROPERTIES if row[0] in ANSWERED and name in reachable(row[2])]
    direct = [row for row in users if admits(row[2], SCHEMAS[name]["enum"][0])]
    assert direct
    assert all(admits(row[2], "NEW") for row in direct)


def test_every_component_is_used() -> None:
    """Nothing is in `components` that no operation, webhook or other component needs."""
    text = (ROOT / "openapi/runpod-serverless.yaml").read_text()
    for kind, parts in DOCUMENT["components"].items():
        if kind != "securitySchemes":
            assert [name for name in parts if f"'#/components/{kind}/{name}'" not in text] == []
