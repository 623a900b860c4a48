"""The other forms of the API document say what the document says."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30ReadValidator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
DIST = ROOT / "openapi" / "dist"
SOURCE: dict[str, Any] = read_yaml(ROOT / "openapi/runpod-serverless.yaml")
FORMS: dict[str, dict[str, Any]] = {path.name: read_yaml(path) for path in sorted(DIST.iterdir())}
OLD = FORMS["runpod-serverless-3.0.json"]
REGISTRY: Registry[Any] = Registry().with_resource(
    "urn:api", Resource(contents=OLD, specification=DRAFT4)
)


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = OLD
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def absolute(node: Any) -> Any:
    """Let references lead into the registered document from wherever they stand."""
    if isinstance(node, list):
        return [absolute(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: f"urn:api{value}" if key == "$ref" else absolute(value) for key, value in node.items()
    }


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    validator = OAS30ReadValidator(absolute(schema), registry=REGISTRY)
    return [error.message for error in validator.iter_errors(value)]


def bodies() -> dict[str, tuple[dict[str, Any], Any]]:
    """Give schema and value of each example of each body, by operation, part and name."""
    found: dict[str, tuple[dict[str, Any], Any]] = {}
    for item in (*OLD["paths"].values(), *OLD["x-webhooks"].values()):
        for operation in item.values():
            parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
            for part, body in parts.items():
                for media in resolve(body).get("content", {}).values():
                    for name, example in media["examples"].items():
                        where = f"{operation['operationId']} {part} {name}"
                        found[where] = media["schema"], resolve(example)["value"]
    return found


EXAMPLES = bodies()


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_valid_openapi(name: str) -> None:
    validate(FORMS[name])


def test_the_forms_of_a_version_are_equal() -> None:
    for version in ("3.0", "3.1"):
        stem = f"runpod-serverless-{version}"
        assert FORMS[f"{stem}.json"] == FORMS[f"{stem}.yaml"]
    assert FORMS["runpod-serverless-3.1.json"] == SOURCE


def test_they_are_what_the_script_makes(tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "derive.py"))
    script["main"](ROOT / "openapi/runpod-serverless.yaml", tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in DIST.iterdir()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_valid_in_the_old_form(name: str) -> None:
    schema, value = EXAMPLES[name]
    assert problems(schema, value) == []


def test_the_old_form_knows_no_word_of_the_new_one() -> None:
    text = json.dumps({**OLD, "info": {}})
    for word in ('"null"', '"const"', '"webhooks":', '"identifier"'):
        assert word not in text


def test_nothing_but_its_form_differs() -> None:
    assert OLD["paths"].keys() == SOURCE["paths"].keys()
    assert OLD["components"]["schemas"].keys() == SOURCE["components"]["schemas"].keys()
    for name, schema in SOURCE["components"]["schemas"].items():
        old = OLD["components"]["schemas"][name]
        assert old.get("properties", {}).keys() == schema.get("properties", {}).keys()
        assert old.get("required") == schema.get("required")


JOB = {"$ref": "#/components/schemas/Job"}
HEALTH = {"$ref": "#/components/schemas/Health"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (JOB, {"id": "a", "status": "SOMETHING_NEW", "added": {"later": [1]}}),
        (JOB, {"id": "a", "status": "COMPLETED", "output": None, "retries": None}),
        (HEALTH, {"jobs": None, "workers": {"idle": None}}),
    ],
)
def test_what_may_grow_or_be_null_is_taken(schema: dict[str, Any], value: Any) -> None:
    assert problems(schema, value) == []


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (JOB, {"id": "a"}),
        (JOB, {"id": None, "status": "COMPLETED"}),
        (JOB, {"id": "a", "status": 404}),
        (HEALTH, {"jobs": {"completed": "many"}}),
    ],
)
def test_what_is_wrong_is_refused(schema: dict[str, Any], value: Any) -> None:
    assert problems(schema, value) != []
