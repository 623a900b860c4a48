"""The API document keeps the rules that generators of other languages, and readers, need."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .test_document import BODIES, DOCUMENT, OPERATIONS, SCHEMAS, reachable, walk

MARKS = {"documented", "recorded", "client source", "inferred", "contradicted", "unknown"}
SOURCES: dict[str, str] = DOCUMENT["x-evidence-sources"]
WEBHOOKS = [f"{name} request" for name in DOCUMENT["webhooks"]]
RECEIVED = reachable(
    {
        "all": [
            media["schema"]
            for name, media in BODIES
            if name in WEBHOOKS or not name.endswith(" request")
        ]
    }
)
"""The schemas of what a client receives, and a receiver of webhooks."""


def test_evidence_has_a_mark_and_its_sources() -> None:
    """Each entry has a known mark, and sources of the list; what is inferred may have none."""
    used: set[str] = set()
    for path, node in walk(DOCUMENT):
        for entry in node.get("x-evidence", ()):
            assert entry["mark"] in MARKS, path
            assert entry.keys() <= {"mark", "sources", "of"}, path
            assert entry.get("sources") or entry["mark"] in ("inferred", "unknown"), path
            assert entry.get("sources") or entry.get("of"), path
            used.update(entry.get("sources", ()))
    assert used == SOURCES.keys()


def test_whatever_is_described_has_evidence() -> None:
    """Operations, bodies, responses, headers and schemas too; an open status needs none."""
    for path, node in walk({key: DOCUMENT[key] for key in ("paths", "webhooks", "components")}):
        if isinstance(node.get("description"), str) and not path[-1].startswith("Open"):
            assert node.get("x-evidence"), path


def test_descriptions_are_for_those_who_use_the_api() -> None:
    """A generator copies them into its client: no marks, and no word on how this was made."""
    for path, node in walk(DOCUMENT):
        for key in ("description", "summary"):
            text = node.get(key)
            if isinstance(text, str) and "x-evidence-sources" not in path:
                assert not re.search(rf"\[({'|'.join(MARKS)})\]", text), path
                assert not re.search("openapi|generator|README|by hand|this repository", text), path


def test_an_integer_has_a_size() -> None:
    """Milliseconds and counts of jobs are int64; see openapi/README.md for the reasons."""
    for path, node in walk(DOCUMENT):
        kinds = node.get("type", ())
        if "integer" in ([kinds] if isinstance(kinds, str) else kinds):
            assert node["format"] in ("int32", "int64"), path
            if re.search(r"(Time|Timeout|ttl|At)$", path[-1]):
                assert node["format"] == "int64", path


def test_webhooks_have_a_tag_of_their_own() -> None:
    """openapi-generator writes one class per tag; those of webhooks would replace another's."""
    tags = {tag for operation in OPERATIONS.values() for tag in operation["tags"]}
    for item in DOCUMENT["webhooks"].values():
        assert item["post"]["tags"] == ["webhooks"]
    assert "webhooks" not in tags


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_success_stands_at_its_operation(operation: dict[str, Any]) -> None:
    """swagger-typescript-api loses the type of a 2xx response behind a `$ref`."""
    assert "$ref" not in operation["responses"]["200"]


@pytest.mark.parametrize("name", sorted(RECEIVED))
def test_an_answer_is_open_and_says_so(name: str) -> None:
    """Clients made by openapi-generator for Go and Java refuse new members otherwise."""
    for part in SCHEMAS[name].get("allOf", [SCHEMAS[name]]):
        if part.get("type") == "object":
            assert part.get("additionalProperties") is True


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_what_is_unknown_can_be_left_out(operation: dict[str, Any]) -> None:
    """An operation whose success nobody knows is a draft; a generator can filter by that."""
    (media,) = operation["responses"]["200"]["content"].values()
    draft = SCHEMAS[media["schema"]["$ref"].rpartition("/")[2]].get("x-stability-level") == "draft"
    assert (operation.get("x-stability-level") == "draft") is draft
