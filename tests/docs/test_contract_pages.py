"""The pages of the service have all that the API document has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import contract_pages

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = yaml.safe_load(
    (ROOT / "openapi/runpod-serverless.yaml").read_text(encoding="utf-8")
)
PAGES = contract_pages.pages(DOCUMENT, {"run_job": ["runpod_sdk.Endpoint.run"]})
OPERATIONS = [
    (operation, path, method)
    for part in ("paths", "webhooks")
    for path, item in DOCUMENT[part].items()
    for method, operation in item.items()
]


def followed(node: Any) -> Any:
    """Return *node*, or what it refers to, as a reader of the document finds it."""
    while "$ref" in node:
        target: Any = DOCUMENT
        for step in node["$ref"].split("/")[1:]:
            target = target[step]
        node = target
    return node


def bodies(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give what the request and each answer of an operation say of their JSON."""
    parts = [operation.get("requestBody", {}), *operation["responses"].values()]
    for part in parts:
        yield from followed(part).get("content", {}).values()


def examples_of(page: str) -> list[Any]:
    return [json.loads(found) for found in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]


def plain(text: str) -> str:
    """Return the words of *text*, whatever stands around them."""
    return " ".join(re.sub(r"`?\[([a-z ]+)\]`?|<[^>]+>", r" \1 ", text).split())


@pytest.mark.parametrize(
    ("operation", "path", "method"), OPERATIONS, ids=[each[0]["operationId"] for each in OPERATIONS]
)
def test_an_operation_is_whole(operation: dict[str, Any], path: str, method: str) -> None:
    page = PAGES[f"{operation['operationId']}.md"]
    words = plain(page)
    assert page.startswith(f"# {operation['summary']} ")
    assert f"`{method.upper()}`" in page
    assert not path.startswith("/") or f"`{path}`" in page
    assert plain(operation["description"]) in words
    for parameter in map(followed, operation.get("parameters", ())):
        assert f"`{parameter['name']}`{{ .name }}" in page
        assert plain(parameter["description"]) in words
        for limit in ("minimum", "maximum"):
            assert str(parameter["schema"].get(limit, "")) in page
    for status, answer in operation["responses"].items():
        assert f"{{ #{status} }}" in page
        assert plain(followed(answer)["description"]) in words
    expected = [
        followed(example)
        for body in bodies(operation)
        for example in body.get("examples", {}).values()
    ]
    assert examples_of(page) == [example["value"] for example in expected]
    for example in expected:
        assert example.get("summary", "") in page


def test_every_example_is_shown() -> None:
    shown = [each for name, page in PAGES.items() for each in examples_of(page)]
    for example in DOCUMENT["components"]["examples"].values():
        assert example["value"] in shown


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_a_schema_is_whole(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    sections = re.split(r"^## ", PAGES["schemas.md"], flags=re.MULTILINE)
    (section,) = [each for each in sections if each.startswith(f"{name} {{")]
    words = plain(section)
    assert plain(schema["description"]) in words
    for value in schema.get("enum", ()):
        assert f"`{value}`" in section
    parts = [schema, *map(followed, schema.get("allOf", ()))]
    for part in parts:
        for member, described in part.get("properties", {}).items():
            entry = re.search(rf"^`{member}`{{ .name }} (.*)$", section, re.MULTILINE)
            assert entry, member
            assert ("**required**" in entry[1]) == (member in part.get("required", ()))
            assert plain(described["description"]) in words


def test_every_mark_is_shown() -> None:
    """As often as the document has them, on the page of its overview and of its schemas."""
    for text, page in (
        (DOCUMENT["info"]["description"], "index.md"),
        (json.dumps(DOCUMENT["paths"]["/{endpoint_id}/run"]["post"]["description"]), "run_job.md"),
    ):
        for mark in contract_pages.MARKS:
            shown = PAGES[page].count(f">{mark}</span>")
            assert shown >= text.count(f"[{mark}]")


def test_everything_is_in_the_contents() -> None:
    linked = re.findall(r"\]\(([\w.]+)\)", PAGES["SUMMARY.md"])
    assert sorted(linked) == sorted({*PAGES, "facts.md"} - {"SUMMARY.md"})


def test_an_operation_names_its_python() -> None:
    assert "[`Endpoint.run`][runpod_sdk.Endpoint.run]" in PAGES["run_job.md"]
    assert "`runpod_serverless_api.api.jobs.run_job`" in PAGES["run_job.md"]


def test_types_are_named() -> None:
    for schema, expected in (
        ({}, "any JSON"),
        ({"type": ["integer", "null"], "minimum": 0}, "integer or null (at least 0)"),
        ({"type": "string", "format": "uri"}, "string (uri)"),
        ({"type": "string", "enum": ["A", "B"]}, "string: `A`, `B`"),
        ({"type": "array", "items": {"$ref": "#/x/Job"}}, "array of [Job](schemas.md#job)"),
        ({"anyOf": [{"$ref": "#/x/A"}, {"type": "null"}]}, "[A](schemas.md#a) or null"),
    ):
        assert contract_pages.kind(schema) == expected
