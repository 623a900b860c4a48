"""Strategies that make whatever the API document admits, and the bodies that were recorded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = read_yaml(ROOT / "openapi/runpod-serverless.yaml")
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OBJECTS = [
    name for name, schema in SCHEMAS.items() if schema.get("type") == "object" or "allOf" in schema
]
FIXTURES = ROOT.parent / "shared" / "fixtures"

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
_FLAT = (
    SCALARS
    | st.lists(SCALARS, max_size=2)
    | st.dictionaries(st.text(max_size=4), SCALARS, max_size=2)
)
# Two levels deep: `st.recursive` would go deeper, and take most of the time of the tests.
JSON: st.SearchStrategy[Any] = (
    SCALARS | st.lists(_FLAT, max_size=2) | st.dictionaries(st.text(max_size=4), _FLAT, max_size=2)
)


def text(value: Any) -> str:
    """Write *value* as JSON; unlike `==`, it tells 1, 1.0 and true apart."""
    return json.dumps(value, sort_keys=True)


def parts(name: str) -> list[dict[str, Any]]:
    """Give the schemas that the object schema *name* is made of."""
    return [_resolved(part) for part in SCHEMAS[name].get("allOf", [SCHEMAS[name]])]


def members(name: str) -> dict[str, Any]:
    """Give the members that the object schema *name* knows."""
    return {key: value for part in parts(name) for key, value in part.get("properties", {}).items()}


def documents(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Make objects of the schema *name*, with members that it does not know."""
    required: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for part in parts(name):
        for key, value in part.get("properties", {}).items():
            target = required if key in part.get("required", []) else optional
            target[key] = admitted(value)
    known = members(name)
    extra = st.dictionaries(
        st.text(max_size=8).filter(lambda key: key not in known), JSON, max_size=2
    )
    return st.builds(
        lambda more, these: {**more, **these},
        extra,
        st.fixed_dictionaries(required, optional=optional),
    )


def admitted(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Make what *schema* admits."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return documents(name) if name in OBJECTS else admitted(SCHEMAS[name])
    if "anyOf" in schema:
        return st.one_of([admitted(part) for part in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if isinstance(schema.get("type"), list):
        return st.one_of([admitted({**schema, "type": one}) for one in schema["type"]])
    if "type" not in schema:
        return JSON
    return {
        "array": lambda: st.lists(admitted(schema["items"]), max_size=3),
        "boolean": st.booleans,
        "integer": lambda: st.integers(schema.get("minimum"), schema.get("maximum")),
        "null": st.none,
        "string": lambda: st.text(max_size=12),
    }[schema["type"]]()


def jobs() -> st.SearchStrategy[dict[str, Any]]:
    """
    Make jobs with an id and a status that are not empty.

    An empty one is a string by the schema, but no job could be asked for by it; nor by an id
    with a slash, white space or a control character.
    """
    return documents("Job").filter(lambda body: bool(body["status"] and _is_id(body["id"])))


def _is_id(text: str) -> bool:
    return text not in ("", ".", "..") and not re.search(r"[\s/\\\x00-\x1f\x7f]", text)


def recorded() -> dict[str, dict[str, Any]]:
    """Give the recorded payloads by their names; none where they are not on this machine."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))}


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    return SCHEMAS[part["$ref"].rpartition("/")[2]] if "$ref" in part else part
