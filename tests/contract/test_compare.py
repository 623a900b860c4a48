"""A change that breaks somebody is found, and let through only if the changelog tells of it."""

from __future__ import annotations

import copy
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import griffe
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "compare.py"
compare: dict[str, Any] = runpy.run_path(str(SCRIPT), run_name="compare")
DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "openapi/runpod-serverless.yaml").read_text())

Edit = Callable[[dict[str, Any]], object]


def lines(edit: Edit) -> list[str]:
    """Edit the document, and say what that breaks."""
    new = copy.deepcopy(DOCUMENT)
    edit(new)
    return [str(change) for change in compare["documents"](DOCUMENT, new)]


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def operation(document: dict[str, Any], path: str, method: str = "get") -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][f"/{{endpoint_id}}/{path}"][method]
    return found


HARMLESS: dict[str, Edit] = {
    "nothing": lambda d: None,
    "an optional member of an answer": lambda d: schema(d, "Job")["properties"].update(
        gpu={"type": ["string", "null"]}
    ),
    "an optional member of a request": lambda d: schema(d, "JobRequest")["properties"].update(
        tags={"type": "array", "items": {"type": "string"}}
    ),
    "an operation": lambda d: d["paths"].update(
        {"/{endpoint_id}/logs": {"get": dict(operation(d, "health"), operationId="get_logs")}}
    ),
    "a status of an open enum": lambda d: schema(d, "JobStatus")["enum"].append("PAUSED"),
    "an optional parameter": lambda d: operation(d, "health")["parameters"].append(
        {"name": "verbose", "in": "query", "schema": {"type": "boolean"}}
    ),
    "an answer of another code": lambda d: operation(d, "health")["responses"].update(
        {"403": {"$ref": "#/components/responses/Unauthorized"}}
    ),
    "a schema": lambda d: d["components"]["schemas"].update(Log={"type": "object"}),
    "a member that is always there": lambda d: schema(d, "JobStream")["required"].append("stream"),
    "other words": lambda d: d["info"].update(description="Other words."),
    "a wider request": lambda d: schema(d, "ExecutionPolicy")["properties"]["ttl"].update(
        minimum=1, type=["integer", "null"]
    ),
}

BREAKING: dict[str, tuple[Edit, list[str]]] = {
    "an operation is gone": (
        lambda d: d["paths"].pop("/{endpoint_id}/health"),
        ["get_health: GET /{endpoint_id}/health is gone"],
    ),
    "an operation has another name": (
        lambda d: operation(d, "health").update(operationId="health"),
        ["get_health: operationId is health instead of get_health"],
    ),
    "a member of an answer is gone": (
        lambda d: schema(d, "JobCounts")["properties"].pop("retried"),
        ["JobCounts.retried: the member is gone"],
    ),
    "a member may be absent": (
        lambda d: schema(d, "JobStream").update(required=[]),
        ["JobStream.status: the member is not always there any more"],
    ),
    "a member of an answer may be more": (
        lambda d: schema(d, "JobCounts")["properties"]["failed"].update(
            type=["integer", "string", "null"]
        ),
        ["JobCounts.failed: it may now be string"],
    ),
    "a member of a request may be less": (
        lambda d: schema(d, "ExecutionPolicy")["properties"]["lowPriority"].update(
            enum=[True, False], type="boolean"
        ),
        ["ExecutionPolicy.lowPriority: it may no longer be any value"],
    ),
    "a member of a request has become required": (
        lambda d: schema(d, "S3Config").update(required=["bucketName"]),
        ["S3Config.bucketName: the member has become required"],
    ),
    "a limit is narrower": (
        lambda d: schema(d, "ExecutionPolicy")["properties"]["ttl"].update(minimum=60_000),
        ["ExecutionPolicy.ttl: minimum is 60000 instead of 10000"],
    ),
    "an open enum is closed": (
        lambda d: schema(d, "OpenJobStatus")["anyOf"].pop(),
        [],  # those who read it lose nothing
    ),
    "a closed enum has another value": (
        lambda d: schema(d, "PurgeResult")["properties"].update(
            status={"type": "string", "enum": ["completed", "empty"]}
        ),
        [],  # it was open before
    ),
    "a parameter has become required": (
        lambda d: operation(d, "stream/{job_id}")["parameters"][-1].update(required=True),
        ["stream_job: the parameter query wait has become required"],
    ),
    "a parameter is gone": (
        lambda d: operation(d, "stream/{job_id}")["parameters"].pop(),
        ["stream_job: the parameter query wait is gone"],
    ),
    "an answer is gone": (
        lambda d: operation(d, "health")["responses"].pop("429"),
        ["get_health: the answer 429 is gone"],
    ),
    "the server is another": (
        lambda d: d["servers"][0].update(url="https://api.example.com"),
        ["servers: https://api.runpod.ai/v2 is gone"],
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_passes(name: str) -> None:
    assert lines(HARMLESS[name]) == []


@pytest.mark.parametrize("name", BREAKING)
def test_a_breaking_change_is_found(name: str) -> None:
    edit, expected = BREAKING[name]
    assert lines(edit) == expected


def test_a_schema_by_another_name_is_found() -> None:
    text = yaml.safe_dump(DOCUMENT).replace("#/components/schemas/Health", "#/x/Vitals")
    new = yaml.safe_load(text.replace("#/x/", "#/components/schemas/"))
    new["components"]["schemas"]["Vitals"] = new["components"]["schemas"].pop("Health")
    changes = [str(change) for change in compare["documents"](DOCUMENT, new)]
    assert changes == ["Health: the schema is gone"]


CHANGELOG = """# Changelog

## Unreleased

### Breaking

- `JobCounts.retried` is gone, as the service no longer counts.

### Added

- `get_health` is faster.

## 0.1.0

### Breaking

- `get_health` has gone away.
"""


def test_only_what_is_told_as_breaking_now_is_let_through() -> None:
    change = compare["Change"]
    told, others = change("JobCounts.retried", "gone"), [change("get_health", "gone")]
    assert compare["judge"]([told, *others], CHANGELOG) == others


def packages(tmp_path: Path, old: str, new: str, before: str = "", after: str = "") -> list[str]:
    """Compare packages that export `Endpoint` of a module, beside which there is another."""
    for name, text, beside in (("old", old, before), ("new", new, after)):
        package = tmp_path / name / "sdk"
        package.mkdir(parents=True)
        (package / "_shell.py").write_text(text)
        (package / "_running.py").write_text(beside)
        (package / "__init__.py").write_text(
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from sdk._shell import Endpoint as Endpoint\n"
            '__all__ = ["Endpoint"]\n'
        )
    loaded = (griffe.load("sdk", search_paths=[tmp_path / name]) for name in ("old", "new"))
    return [change.name for change in compare["python_api"](*loaded)]


@pytest.mark.parametrize(
    ("new", "broken"),
    [
        ("def run(self, request, *, timeout=None, priority=0): ...", False),
        ("def run(self, request, *, timeout=10.0): ...", True),
        ("def run(self, request): ...", True),
        ("def run(self, request, *, timeout): ...", True),
        ("def submit(self, request, *, timeout=None): ...", True),
    ],
)
def test_the_python_api(tmp_path: Path, new: str, broken: bool) -> None:
    head = "class Endpoint:\n    "
    old = f"{head}def run(self, request, *, timeout=None): ...\n"
    assert bool(packages(tmp_path, old, f"{head}{new}\n")) is broken


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize(("given", "broken"), [("self, request, more=None", False), ("self", True)])
def test_a_method_that_is_a_function_of_another_module(
    tmp_path: Path, moves: bool, given: str, broken: bool
) -> None:
    """It may move there, but not change on the way, nor when it is there."""
    function = "def run(self, request): ...\n"
    there = "from sdk import _running\n\nclass Endpoint:\n    run = _running.run\n"
    before = f"class Endpoint:\n    {function}" if moves else there
    changed = f"def run({given}): ...\n"
    assert bool(packages(tmp_path, before, there, function, changed)) is broken


def test_what_nobody_writes_down(tmp_path: Path) -> None:
    """The end of a `with` statement is called by place."""
    old = "class Endpoint:\n    def __exit__(self, kind, error, traceback): ...\n"
    new = "class Endpoint:\n    def __exit__(self, *exc_info): ...\n"
    assert packages(tmp_path, old, new) == []


def run(where: Path, *arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, where / "scripts/compare.py", *arguments],
        text=True,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="needs a git checkout"
)
def test_a_tree_against_a_revision(tmp_path: Path) -> None:
    """A clone is edited, as a contributor would; what is broken is let through once told."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    shutil.copy(SCRIPT, clone / "scripts/compare.py")
    document = clone / "openapi/runpod-serverless.yaml"
    endpoint = clone / "runpod_sdk/_sync/endpoint.py"
    text = document.read_text()

    added = "        gpu:\n          type: [string, 'null']\n        retries:\n"
    document.write_text(text.replace("        retries:\n", added, 1))
    status, said = run(clone, "--base", "HEAD")
    assert (status, said.splitlines()[-1]) == (0, "nothing is broken")

    document.write_text(text.replace("        retries:\n", "        attempts:\n", 1))
    endpoint.write_text(endpoint.read_text().replace("def purge_queue", "def purge"))
    status, said = run(clone, "--base", "HEAD")
    assert status == 1
    assert "Job.retries: the member is gone" in said
    assert "runpod_sdk._sync.endpoint.Endpoint.purge_queue: Public object was removed" in said

    changelog = clone / "CHANGELOG.md"
    changelog.write_text(
        changelog.read_text().replace(
            "## Unreleased\n",
            "## Unreleased\n\n### Breaking\n\n- `Job.retries` is `Job.attempts` now.\n"
            "- `runpod_sdk._sync.endpoint.Endpoint.purge_queue` is `purge`.\n",
            1,
        )
    )
    status, said = run(clone, "--base", "HEAD")
    assert (status, said.splitlines()[-1]) == (0, "all that is broken is in the changelog")
