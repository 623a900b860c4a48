"""A change that breaks users is found, and let through only if the changelog announces it."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import compare, contract_changes, python_surface
from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "openapi/runpod-serverless.yaml"
DOCUMENT: dict[str, Any] = read_yaml(SOURCE)
PREPARED: dict[str, list[dict[str, Any]]] = read_yaml(Path(__file__).with_name("changes.yaml"))


def changed(prepared: dict[str, Any]) -> dict[str, Any]:
    """Return the document with a prepared change."""
    document = copy.deepcopy(DOCUMENT)
    node: Any = document
    for step in prepared["at"]:
        node = node[step]
    node.update(copy.deepcopy(prepared.get("set", {})))
    for key in prepared.get("remove", ()):
        del node[key]
    for old, new in prepared.get("rename", {}).items():
        node[new] = node.pop(old)
    for key, value in prepared.get("append", {}).items():
        node[key] = [*node[key], value]
    return document


def found(document: dict[str, Any]) -> list[contract_changes.Change]:
    return contract_changes.find(DOCUMENT, document)


@pytest.mark.parametrize("prepared", PREPARED["harmless"], ids=lambda each: each["change"])
def test_a_harmless_change_passes(prepared: dict[str, Any]) -> None:
    assert found(changed(prepared)) == []


@pytest.mark.parametrize("prepared", PREPARED["breaking"], ids=lambda each: each["change"])
def test_a_breaking_change_is_found(prepared: dict[str, Any]) -> None:
    """By its rule, in the words that the changelog has to repeat."""
    document = changed(prepared)
    if "unused" in prepared:  # what refers to it has to go as well
        document = without_references(document, prepared["unused"])
    changes = found(document)
    lines = {str(change) for change in changes}
    for wanted in prepared["finds"]:
        beginning = wanted.removesuffix("…")
        assert wanted in lines or any(line.startswith(beginning) for line in lines if "…" in wanted)
    names = {line.partition(":")[0] for line in prepared["finds"]}
    assert {change.rule for change in changes if change.name in names} >= {prepared["rule"]}


def without_references(node: Any, name: str) -> Any:
    """Return *node* with any JSON instead of the schema *name*."""
    if isinstance(node, list):
        return [without_references(each, name) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("$ref") == f"#/components/schemas/{name}":
        return {}
    return {key: without_references(value, name) for key, value in node.items()}


def test_every_rule_has_a_prepared_change() -> None:
    rules = {prepared["rule"] for prepared in PREPARED["breaking"]}
    assert rules == contract_changes.RULES.keys() - {"python", "value-added"}


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        ({"type": "string", "enum": ["a", "b", "c"]}, "it may now be c"),
        ({"type": "string"}, "it may now be any value"),
    ],
)
def test_a_closed_enum_that_is_received_has_no_new_values(schema: Any, what: str) -> None:
    """The document itself has none that is closed."""
    documents = []
    for given in ({"type": "string", "enum": ["a", "b"]}, schema):
        answer = {"content": {"application/json": {"schema": given}}}
        operation = {"operationId": "look", "responses": {"200": answer}}
        documents.append({"paths": {"/look": {"get": operation}}})
    changes = contract_changes.find(*documents)
    assert contract_changes.Change("look 200", what, "value-added") in changes


def test_the_table_of_rules_is_up_to_date() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (.*) \|$", (ROOT / "openapi/README.md").read_text(), re.M
    )
    table = {rule: text for rule, text in rows if rule in contract_changes.RULES}
    assert table == dict(contract_changes.RULES)


def test_a_document_in_openapi_3_0_is_compared_too() -> None:
    """Null is said by another word there."""
    old = read_yaml(ROOT / "openapi/dist/runpod-serverless-3.0.yaml")
    new = copy.deepcopy(old)
    assert contract_changes.find(old, new) == []
    new["components"]["schemas"]["Job"]["properties"]["id"]["nullable"] = True
    assert [str(change) for change in contract_changes.find(old, new)] == [
        "Job.id: it may now be null"
    ]


CHANGELOG = """# Changelog

## Unreleased

### Breaking

- `JobCounts.retried: the member is
  removed`, as the service no longer counts.

### Added

- `get_health: the tag endpoints is removed` is not announced here.

## 0.1.0

### Breaking

- `get_health: the response 429 is removed`
"""


def test_only_what_is_announced_as_breaking_now_is_let_through() -> None:
    """An entry lets through the change that it names, and nothing else of that name."""
    changes = [
        contract_changes.Change("JobCounts.retried", "the member is removed", "member-removed"),
        contract_changes.Change("JobCounts.retried", "its format is int32", "format"),
        contract_changes.Change("get_health", "the tag endpoints is removed", "operation-tag"),
        contract_changes.Change("get_health", "the response 429 is removed", "response-removed"),
    ]
    assert compare.unannounced(changes, CHANGELOG) == changes[1:]
    assert compare.unannounced(changes, CHANGELOG.replace("Unreleased", "0.2.0")) == changes


OLD = "class Endpoint:\n    def run(self, request, *, timeout=None): ...\n"


def write_package(where: Path, shell: str, beside: str = "") -> None:
    """Write a package that exports `Endpoint`, a class of a private module."""
    package = where / "runpod_sdk"
    package.mkdir(parents=True, exist_ok=True)
    (package / "_shell.py").write_text(shell)
    (package / "_running.py").write_text(beside)
    (package / "__init__.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from runpod_sdk._shell import Endpoint as Endpoint\n"
        '__all__ = ["Endpoint"]\n'
    )


def surface(where: Path, shell: str, beside: str = "") -> Path:
    """Write the stubs of such a package."""
    write_package(where / "source", shell, beside)
    python_surface.write(where / "source", where / "stubs")
    return where / "stubs"


@pytest.mark.parametrize(
    ("new", "broken"),
    [
        ("def run(self, request, *, timeout=None, priority=0): ...", False),
        ("def run(self, request, *, timeout=None): ...\n    def _run(self): ...", False),
        ("def run(self, request, *, timeout=10.0): ...", True),
        ("def run(self, request): ...", True),
        ("def run(self, request, *, timeout): ...", True),
        ("def run(self, *, request, timeout=None): ...", True),
        ("def submit(self, request, *, timeout=None): ...", True),
    ],
)
def test_the_python_api(tmp_path: Path, new: str, broken: bool) -> None:
    before = surface(tmp_path / "old", OLD)
    after = surface(tmp_path / "new", f"class Endpoint:\n    {new}\n")
    changes = python_surface.changes(before, after)
    assert bool(changes) is broken
    assert all(change.name.startswith("runpod_sdk.Endpoint") for change in changes)


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize(
    ("given", "broken"),
    [("self, request, *, timeout=None, more=None", False), ("self", True)],
)
def test_a_method_that_is_a_function_of_another_module(
    tmp_path: Path, moves: bool, given: str, broken: bool
) -> None:
    """It may move there, but not change on the way, nor when it is there."""
    there = "from runpod_sdk import _running\n\nclass Endpoint:\n    run = _running.run\n"
    function = "def run(self, request, *, timeout=None): ...\n"
    before = surface(tmp_path / "old", OLD if moves else there, function)
    after = surface(tmp_path / "new", there, f"def run({given}): ...\n")
    assert bool(python_surface.changes(before, after)) is broken


def test_a_tree_without_history(tmp_path: Path) -> None:
    """A copy without git is edited, as a contributor would; what is announced is let through."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for name in ("released", "openapi"):
        (tmp_path / name).mkdir()
        shutil.copy(ROOT / "released/runpod-serverless.yaml", tmp_path / name)
    shutil.copy(ROOT / "released/version.txt", tmp_path / "released")
    write_package(tmp_path, OLD)
    python_surface.write(tmp_path, tmp_path / "released")
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## Unreleased\n")

    def run() -> tuple[int, str]:
        command = [sys.executable, tmp_path / "scripts/compare.py"]
        done = subprocess.run(command, text=True, capture_output=True, check=False)
        return done.returncode, done.stdout + done.stderr

    document = tmp_path / "openapi/runpod-serverless.yaml"
    document.write_text(
        document.read_text().replace("        retries:\n", "        attempts:\n", 1)
    )
    write_package(tmp_path, OLD.replace("def run", "def start"))
    status, said = run()
    assert status == 1
    lines = [
        "Job.retries: the member is removed",
        "runpod_sdk.Endpoint.run: Public object was removed",
    ]
    assert set(lines) <= set(said.splitlines())
    entries = "\n".join(f"- `{line}`" for line in said.splitlines()[1:-1])
    changelog.write_text(f"# Changelog\n\n## Unreleased\n\n### Breaking\n\n{entries}\n")
    status, said = run()
    assert (status, said.splitlines()[-1]) == (0, "all breaking changes are in the changelog")
