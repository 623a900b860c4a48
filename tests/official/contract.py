"""What the API document says of an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.yaml_files import read_yaml

from .recorder import Exchange

DOCUMENT: dict[str, Any] = read_yaml(Path(__file__).parents[2] / "openapi/runpod-serverless.yaml")
REGISTRY: Registry[Any] = Registry().with_resource(
    "urn:api", Resource(contents=DOCUMENT, specification=DRAFT202012)
)


def fault_of(exchange: Exchange) -> str:
    """Say what of an answer the document does not describe; nothing, if it does."""
    here = f"{exchange.verb} {exchange.operation} {exchange.status}"
    place = _place(exchange)
    if place is None:
        return f"{here}: no such operation, or no such status"
    response = _resolve(place)
    content = response["content"].get(exchange.media_type)
    if content is None:
        return f"{here}: {exchange.media_type} is none of {list(response['content'])}"
    schema = {"$ref": f"urn:api{content['schema']['$ref']}"}
    validator = Draft202012Validator(schema, registry=REGISTRY)
    return "; ".join(f"{here}: {error.message}" for error in validator.iter_errors(exchange.answer))


def _place(exchange: Exchange) -> dict[str, Any] | None:
    for path, item in DOCUMENT["paths"].items():
        if path.split("/")[2] == exchange.operation and exchange.verb.lower() in item:
            responses = item[exchange.verb.lower()]["responses"]
            found: dict[str, Any] | None = responses.get(str(exchange.status))
            return found
    return None


def _resolve(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node
