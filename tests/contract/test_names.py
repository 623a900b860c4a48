"""
Names of the wire are written in the API document, and what maps them, nowhere else.

Taken from the document itself: paths, the server, the header that carries the key, and
each name of a field or parameter that is not also one of ours. Looked for in every
string of the package that is not documentation, f-strings included.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from runpod_sdk import settings
from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "runpod_sdk"
DOCUMENT: dict[str, Any] = read_yaml(ROOT / "openapi/runpod-serverless.yaml")
SERVER = DOCUMENT["servers"][0]["url"]

MAPPINGS = ("_flows/api/", "local/_wire.py", "local/_batch_wire.py")
"""Where wire names are written: of the client, and of the server that speaks the same."""

FILES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if not path.relative_to(PACKAGE).as_posix().startswith(MAPPINGS)
]

_BEARER = 'it begins with "Bearer": use the key alone'
EXCEPTIONS = {
    ("_environment.py", SERVER): "a default of ours, held to the document by a test below",
    ("_environment.py", _BEARER): "what a caller may have copied with the key",
    ("_environment.py", r"^bearer\b"): "the same",
    ("_headers.py", "authorization"): "a header that callers cannot replace",
    ("_origin.py", "x-request-id"): "a header that the API document leaves to HTTP",
    ("_origin.py", "cf-ray"): "the same",
    ("local/_rules/jobs.py", "executionTimeout exceeded"): "the text of an error of the service",
    ("local/_serving/documents.py", "executionTimeout"): "a member of the page's own state",
    ("local/_serving/page.py", "endpointId"): "a member of the page's own session",
    ("compat/_asyncio.py", "/run"): "of the URL that RunPod's own class shows",
    ("compat/_shared.py", "Authorization"): "of the argument that RunPod's own package takes",
    ("compat/_shared.py", "Bearer "): "the same",
    ("local/_serving/faults.py", "cf-ray"): "the edge's, of a page that is not the API's",
}
"""What may stand where all the same, and why."""

HEADERS = {"authorization", "bearer", "x-request-id", "cf-ray", "retry-after"}
"""
Of the scheme that the document names, and those that it leaves to HTTP but an answer may carry.

`Accept`, `Content-Type` and `User-Agent` are any HTTP client's.
"""


def properties(node: Any = DOCUMENT) -> Iterator[str]:
    """Give the name of every field and of every parameter that is not part of a path."""
    if isinstance(node, list):
        for value in node:
            yield from properties(value)
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield from node["properties"]
        if node.get("in") in ("query", "header", "cookie"):
            yield node["name"]
        for key, value in node.items():
            if key not in ("examples", "example"):
                yield from properties(value)


def is_ours(name: str) -> bool:
    """
    Tell whether a field's name is one of ours as it stands: a word in small letters.

    `id`, `status`, `output`, `error`, `input`, `policy`, `webhook`, `jobs`, `ttl`, `wait`, …
    are attributes, arguments and words of messages of this package, so that a string of
    one says nothing. A name that the wire spells in another way can only be the wire's.
    """
    return re.fullmatch(r"[a-z]+", name) is not None


def segments() -> set[str]:
    """List the fixed segments of all paths."""
    return {part for path in DOCUMENT["paths"] for part in path.split("/") if part[:1] not in "{"}


FIELDS = {name for name in properties() if not is_ours(name)}
# `purge-queue` is a command of ours, and the others words; behind a slash they are a path.
ONLY_PATHS = {"runsync", "status-sync"}
PATTERNS = {
    "a field": rf"(?<![A-Za-z0-9_])(?:{'|'.join(sorted(FIELDS))})(?![A-Za-z0-9_])",
    "a path": rf"/(?:{'|'.join(sorted(segments()))})(?:$|[/?])|\b(?:{'|'.join(ONLY_PATHS)})\b",
    "the server": rf"{re.escape(urlsplit(SERVER).netloc)}",
    "a header": rf"(?i)(?<![\w-])(?:{'|'.join(HEADERS)})(?![\w-])",
}


def literals(source: str) -> Iterator[str]:
    """Give every string of *source* but those that stand alone: docstrings."""
    tree = ast.parse(source)
    alone = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in alone:
            if isinstance(node.value, str):
                yield node.value
            if isinstance(node.value, bytes):
                yield node.value.decode("latin-1")


def found(source: str) -> list[tuple[str, str]]:
    """List each string of *source* with what of the wire is in it."""
    return [
        (text, what)
        for text in literals(source)
        for what, pattern in PATTERNS.items()
        if re.search(pattern, text)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_name_of_the_wire_is_written_by_hand(path: Path) -> None:
    """A change of the document is felt in the places that map it, and nowhere else."""
    name = path.relative_to(PACKAGE).as_posix()
    assert [hit for hit in found(path.read_text()) if (name, hit[0]) not in EXCEPTIONS] == []


def test_the_default_server_is_the_one_of_the_document() -> None:
    """The one URL that is written twice says the same in both places."""
    assert settings.BASE_URL == SERVER


@pytest.mark.parametrize(("file", "text"), EXCEPTIONS)
def test_an_exception_is_still_needed(file: str, text: str) -> None:
    """An exception for what is no longer there would hide what comes."""
    assert text in [hit for hit, _ in found((PACKAGE / file).read_text())]


@pytest.mark.parametrize("place", MAPPINGS)
def test_a_mapping_is_where_it_is_said_to_be(place: str) -> None:
    """What is left out here exists."""
    assert (PACKAGE / place).exists()


def test_names_come_from_the_document() -> None:
    """The names looked for are those that one would think of."""
    assert {"delayTime", "executionTime", "workerId", "s3Config", "inQueue"} <= FIELDS
    assert {"lowPriority", "accessSecret", "hasMore", "webhookV2"} <= FIELDS
    assert FIELDS.isdisjoint({"id", "status", "output", "error", "input", "wait", "ttl"})
    assert {"run", "purge-queue", "batch"} | ONLY_PATHS <= segments()
    assert DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"] in HEADERS


@pytest.mark.parametrize(
    ("line", "what"),
    [
        *((f'state["{name}"]', "a field") for name in sorted(FIELDS)),
        *(
            (f'send("GET", f"/{{endpoint}}/{part}/{{job}}")', "a path")
            for part in sorted(segments())
        ),
        ('body = {"s3Config": config}', "a field"),
        ('print(f"{x} of delayTime")', "a field"),
        ('b"delayTime" in content', "a field"),
        ('post(base + "/runsync?wait=1000")', "a path"),
        ('operation = "status-sync"', "a path"),
        ('url = base + "/health"', "a path"),
        ('url = "https://api.runpod.ai/v3"', "the server"),
        ('headers = {"Authorization": key}', "a header"),
        ('headers["X-Auth"] = f"Bearer {key}"', "a header"),
        ('reply.headers.get("retry-after")', "a header"),
    ],
)
def test_a_planted_name_is_found(line: str, what: str) -> None:
    """Whichever name is written anywhere, it is found."""
    assert what in [kind for _, kind in found(f"def f():\n    {line}\n")]


@pytest.mark.parametrize(
    "line",
    [
        '"""The `delayTime` of `/status/{id}`."""',
        'x = state["status"], "worker_id", job.id',
        'app.command("purge-queue")',
        'message = f"{action}: see .body of run_sync / run"',
        "state.delayTime  # delayTime",
        'urlsplit("http://127.0.0.1:1/v2")',
    ],
)
def test_what_is_ours_is_not_found(line: str) -> None:
    """Documentation, our own names and words are free."""
    assert found(f"def f():\n    {line}\n") == []
