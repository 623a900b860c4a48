"""
Derive other forms of the API document, for tools that do not support the source document.

    python scripts/derive.py DOCUMENT DIRECTORY

Writes the document to DIRECTORY in OpenAPI 3.1, as JSON and as YAML without anchors or folded
lines, and in OpenAPI 3.0.3, as both. The 3.0 form is equivalent as far as 3.0 allows, with three
differences: webhooks are under `x-webhooks`; an object or an array is any JSON; and an extensible
status is a plain string, with the known values under `x-extensible-enum`. Some generators make a
closed type of an `anyOf` of an enum and a string, and would lose statuses.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

Node = dict[str, Any]

NAME = "runpod-serverless"
GENERATED = "# Made of ../runpod-serverless.yaml by scripts/generate: do not edit.\n"


def main(source: Path, directory: Path) -> None:
    document = yaml.safe_load(source.read_text(encoding="utf-8"))
    directory.mkdir(parents=True, exist_ok=True)
    for version, form in (("3.1", document), ("3.0", as_3_0(document))):
        stem = directory / f"{NAME}-{version}"
        stem.with_name(f"{stem.name}.json").write_text(as_json(form), encoding="utf-8")
        stem.with_name(f"{stem.name}.yaml").write_text(as_yaml(form), encoding="utf-8")


def as_json(document: Node) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_yaml(document: Node) -> str:
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    return GENERATED + yaml.dump(
        document, Dumper=Plain, sort_keys=False, allow_unicode=True, width=100
    )


def as_3_0(document: Node) -> Node:
    """Convert *document* from OpenAPI 3.1 to OpenAPI 3.0.3."""
    unknown = {key for key in document if not key.startswith("x-")} - {
        "openapi", "info", "externalDocs", "servers", "tags", "paths", "webhooks", "components",
        "security",
    }  # fmt: skip
    if unknown:
        raise SystemExit(f"derive.py does not know what {sorted(unknown)} are in OpenAPI 3.0")
    info = dict(document["info"])
    summary = info.pop("summary", None)
    if summary:
        info["description"] = f"{summary}\n\n{info['description']}"
    license_ = dict(info["license"])
    license_["url"] = f"https://spdx.org/licenses/{license_.pop('identifier')}.html"
    info["license"] = license_
    form = {**document, "openapi": "3.0.3", "info": info}
    if "webhooks" in form:
        form["x-webhooks"] = form.pop("webhooks")
        form["tags"] = [tag for tag in form["tags"] if tag["name"] != "webhooks"]
    nullable = set[str]()
    form = dict(_walk(form, (), document, nullable))
    for reference in nullable:  # 3.0 has no null beside allOf
        _at(form, reference)["nullable"] = True
    return form


_VALUES = ("example", "examples", "default", "enum")
_SCHEMAS = ("schema", "items", "additionalProperties", "anyOf", "allOf", "oneOf")


def _walk(node: Any, where: tuple[str, ...], document: Node, nullable: set[str]) -> Any:
    """Convert *node* at *where*; *nullable* collects schemas that must allow null themselves."""
    if isinstance(node, list):
        return [_walk(item, where, document, nullable) for item in node]
    if not isinstance(node, dict) or (where and where[-1] in _VALUES):
        return node
    walked = {k: _walk(value, (*where, k), document, nullable) for k, value in node.items()}
    return _schema(walked, document, nullable) if _is_schema(where) else walked


def _is_schema(where: tuple[str, ...]) -> bool:
    """Whether the keys of a path lead to a schema."""
    parents = where[-2:-1]
    return parents in (("schemas",), ("properties",)) or (bool(where) and where[-1] in _SCHEMAS)


def _schema(schema: Node, document: Node, nullable: set[str]) -> Node:
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if isinstance(schema.get("examples"), list):
        schema["example"] = schema.pop("examples")[0]
    if isinstance(schema.get("type"), list):
        (schema["type"],) = [kind for kind in schema["type"] if kind != "null"]
        schema["nullable"] = True
    options = schema.get("anyOf", [])
    if {"type": "null"} in options:
        (known,) = [option["$ref"] for option in options if "$ref" in option]
        del schema["anyOf"]
        schema["$ref"] = known
        nullable.add(known)
    elif {"type": "string"} in options:
        (known,) = [option["$ref"] for option in options if "$ref" in option]
        del schema["anyOf"]
        schema["type"] = "string"
        schema["x-extensible-enum"] = _at(document, known)["enum"]
    elif any(option.get("type") == "array" for option in options):
        del schema["anyOf"]  # an object and an array have no common type: any JSON
    if "$ref" in schema and len(schema) > 1:  # 3.0 ignores siblings of a $ref
        schema["allOf"] = [{"$ref": schema.pop("$ref")}]
    return schema


def _at(document: Node, reference: str) -> Node:
    node = document
    for key in reference.removeprefix("#/").split("/"):
        node = node[key]
    return node


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
