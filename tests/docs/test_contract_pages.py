"""The pages of the service have all that the API document has."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk.cli.app import command
from scripts import contract_pages, contract_samples
from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = read_yaml(ROOT / "openapi/runpod-serverless.yaml")
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
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


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
    shown = examples_of(page)
    assert len(shown) <= len(expected)
    assert all(example["value"] in shown for example in expected)
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


def evidence(node: Any) -> list[dict[str, Any]]:
    """Give the evidence of an operation and of its parameters and responses, or of a schema."""
    parts = [node, followed(node.get("requestBody", {}))]
    parts += map(followed, node.get("parameters", ()))
    parts += map(followed, node.get("responses", {}).values())
    parts += [member for part in parts for member in part.get("properties", {}).values()]
    return [entry for part in parts for entry in part.get("x-evidence", ())]


@pytest.mark.parametrize("operation", [each[0] for each in OPERATIONS])
def test_the_evidence_of_an_operation_is_shown(operation: dict[str, Any]) -> None:
    """A badge for each entry, with what it is of and its sources."""
    page = PAGES[f"{operation['operationId']}.md"]
    for entry in evidence(operation):
        badge = contract_pages.badge(entry)
        assert page.count(badge) >= 1
        assert f">{entry['mark']}</span>" in badge
        assert all(source in badge for source in entry.get("sources", ()))


def test_the_evidence_of_schemas_is_shown() -> None:
    shown = re.findall(r'<span class="mark [^>]*>([^<]*)</span>', PAGES["schemas.md"])
    found = [
        entry["mark"]
        for schema in DOCUMENT["components"]["schemas"].values()
        for part in schema.get("allOf", [schema])
        for entry in evidence(part)
    ]
    assert len(found) > 80
    assert not Counter(found) - Counter(shown)


@pytest.mark.parametrize("operation", [each[0] for each in OPERATIONS])
def test_code_samples_are_shown(operation: dict[str, Any]) -> None:
    page = PAGES[f"{operation['operationId']}.md"]
    for sample in operation.get("x-codeSamples", ()):
        assert f'=== "{sample["label"]}"' in page
        assert all(line.strip() in page for line in sample["source"].splitlines())


@pytest.mark.parametrize(
    ("operation", "path", "method"), OPERATIONS, ids=[each[0]["operationId"] for each in OPERATIONS]
)
def test_each_operation_has_code(operation: dict[str, Any], path: str, method: str) -> None:
    """Of the jobs' and the endpoint's in four languages, of batches for curl and JavaScript."""
    page = PAGES[f"{operation['operationId']}.md"]
    labels = re.findall(r'^=== "(.+)"$', page, re.MULTILINE)
    if not path.startswith("/"):
        assert labels == []
    elif operation["tags"] == ["batches"]:
        assert labels == ["curl", "JavaScript"]
        body = re.search(r"--data '(.+)'$", page, re.MULTILINE)
        assert (body is not None) == ("requestBody" in operation)
        if body is not None:
            assert json.loads(body[1]) in examples_of(page)
        assert f"method: '{method.upper()}'" in page
        assert path.count("{") == page.count("${") - 2  # the key, and the status of an error
    else:
        assert labels == ["curl", "Python", "JavaScript", "Command line"]


def test_commands_are_those_of_the_command_line() -> None:
    """Each exists, with the options that it is given."""
    for line in contract_samples.COMMANDS.values():
        name, *words = shlex.split(line)
        options = {
            option for parameter in command().commands[name].params for option in parameter.opts
        }
        assert {word for word in words if word.startswith("--")} <= options


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
