"""Read OpenAPI documents for a comparison: resolve references, and normalize schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ALL_TYPES = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
EXACT = ("pattern", "multipleOf", "uniqueItems")
FORMATS = ("format", "contentEncoding", "contentMediaType")


def flat(document: Node, schema: Any) -> Node:
    """Return a schema in normal form, with its references and combinations resolved."""
    if not isinstance(schema, dict):  # true and false are schemas
        schema = {} if schema else {"not": {}}
    if "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key == "default"}
        found = flat(document, follow(document, schema))
        return {**found, "default": [beside["default"]]} if beside else found
    if options := [*schema.get("anyOf", ()), *schema.get("oneOf", ())]:
        return _union([flat(document, option) for option in options], schema)
    kinds = schema.get("type", ALL_TYPES)
    types = frozenset([kinds] if isinstance(kinds, str) else kinds)
    values = [schema["const"]] if "const" in schema else schema.get("enum", ())
    found = {
        "types": types | {"null"} if schema.get("nullable") else types,
        "values": frozenset(str(value) for value in values),
        "open": not values,
        "required": frozenset(schema.get("required", ())),
        "properties": dict(schema.get("properties", {})),
        "items": schema.get("items"),
        "additional": _additional(schema),
        "limits": {key: schema[key] for key in (*LEAST, *MOST, *EXACT) if _limit(schema, key)},
        "default": [schema["default"]] if "default" in schema else [],
        **{key: schema.get(key) for key in FORMATS},
    }
    for part in schema.get("allOf", ()):
        _merge(found, flat(document, part))
    return found


def _limit(schema: Node, key: str) -> bool:
    """Whether the schema has that limit; in OpenAPI 3.0, false means that it has not."""
    return key in schema and schema[key] is not False


def _additional(schema: Node) -> Any:
    for key in ("additionalProperties", "unevaluatedProperties"):
        if key in schema and schema[key] not in (True, {}):
            return schema[key]
    return True


def _merge(found: Node, other: Node) -> None:
    """Merge a part of an `allOf`."""
    found["types"] &= other["types"]
    found["required"] |= other["required"]
    found["properties"] = {**other["properties"], **found["properties"]}
    found["limits"] = {**other["limits"], **found["limits"]}
    found["values"] |= other["values"]
    found["open"] = found["open"] and other["open"]
    for key in ("items", "default", *FORMATS):
        found[key] = found[key] or other[key]
    if other["additional"] is not True:
        found["additional"] = other["additional"]


def _union(options: list[Node], schema: Node) -> Node:
    """Return the options of `anyOf` or `oneOf`; a null option changes only the types."""
    real = [option for option in options if option["types"] != {"null"}] or options
    first = real[0]
    return {
        "types": frozenset().union(*(option["types"] for option in options)),
        "values": frozenset().union(*(option["values"] for option in real)),
        "open": any(option["open"] for option in real),
        "required": frozenset.intersection(*(option["required"] for option in real)),
        "properties": {k: v for o in reversed(real) for k, v in o["properties"].items()},
        "items": next((option["items"] for option in real if option["items"]), None),
        "additional": True if any(o["additional"] is True for o in real) else first["additional"],
        "limits": first["limits"] if len(real) == 1 else {},
        "default": [schema["default"]] if "default" in schema else [],
        **{key: schema.get(key, first[key] if len(real) == 1 else None) for key in FORMATS},
    }


def reference(schema: Any) -> str | None:
    """Return the name of the single schema that *schema* refers to, apart from null."""
    if not isinstance(schema, dict):
        return None
    given: list[Any] = schema.get("anyOf") or schema.get("oneOf") or [schema]
    options = [option for option in given if option != {"type": "null"}]
    return str(options[0]["$ref"]) if len(options) == 1 and "$ref" in options[0] else None


def follow(document: Node, node: Node) -> Node:
    while "$ref" in node:
        target: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def within(requirement: Node, other: Node) -> bool:
    """Whether credentials for *other* are enough for *requirement*."""
    return all(key in other and set(requirement[key]) <= set(other[key]) for key in requirement)


def operations(document: Node, part: str) -> Iterator[tuple[str, Node]]:
    for path, item in document.get(part, {}).items():
        item = follow(document, item)
        for method in METHODS:
            if method in item:
                shared = item.get("parameters", [])
                operation = {**item[method]}
                operation["parameters"] = [*shared, *operation.get("parameters", ())]
                yield f"{method.upper()} {path}", operation


def parameters(document: Node, operation: Node) -> dict[str, Node]:
    found = [follow(document, parameter) for parameter in operation["parameters"]]
    return {f"{parameter['in']} {parameter['name']}": parameter for parameter in found}
