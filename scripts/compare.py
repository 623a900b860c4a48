"""
Tell what of a change breaks those who use the API document or the Python API.

    python scripts/compare.py --base REVISION     # the tree here, with that of a revision
    python scripts/compare.py OLD.yaml NEW.yaml   # two documents

Prints a line for each breaking change, `name: what`. A change that the changelog tells of,
its `name` in backticks under a heading "Breaking" of the unreleased version, is let through.
Exit status 1 if there is another.

A client that was made of the old document must go on working with a server of the new one,
and code that was written for the old client must compile with the new one. So an answer may
get members, and a request may get optional ones; no name of an operation, a schema, a
parameter or a member may go away; a type may get narrower in answers and wider in requests.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import griffe
import yaml
from attrs import field, frozen

Node = dict[str, Any]
Direction = Literal["request", "answer"]

ROOT = Path(__file__).parents[1]
DOCUMENT = "openapi/runpod-serverless.yaml"
PACKAGE = "runpod_sdk"
INTERNAL = re.compile(r"runpod_sdk\.(cli|settings)\.|.*\.__a?exit__$")
"""What nobody writes down: modules that applications do not import; what `with` calls, by place."""
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ALL_TYPES = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


@frozen(order=True)
class Change:
    """One breaking change: the name that it is known by, and what it is."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


def documents(old: Node, new: Node) -> list[Change]:
    """List the breaking changes from one API document to another."""
    return sorted(set(_Documents(old, new).changes()))


@frozen
class _Documents:
    old: Node
    new: Node
    _seen: set[tuple[str, str, str]] = field(factory=set)

    def changes(self) -> Iterator[Change]:
        for server in (server["url"] for server in self.old.get("servers", [])):
            if server not in [server["url"] for server in self.new.get("servers", [])]:
                yield Change("servers", f"{server} is gone")
        for name in _schemas(self.old).keys() - _schemas(self.new).keys():
            yield Change(name, "the schema is gone")
        for where, old in _operations(self.old):
            new = dict(_operations(self.new)).get(where)
            name = old["operationId"]
            if new is None:
                yield Change(name, f"{where} is gone")
                continue
            for key in ("operationId", "tags", "security"):
                if old.get(key) != new.get(key):
                    yield Change(name, f"{key} is {new.get(key)} instead of {old.get(key)}")
            yield from self._parameters(name, old, new)
            yield from self._bodies(name, old, new)

    def _parameters(self, name: str, old: Node, new: Node) -> Iterator[Change]:
        before, after = _parameters(self.old, old), _parameters(self.new, new)
        for key in before.keys() - after.keys():
            yield Change(name, f"the parameter {key} is gone")
        for key, parameter in after.items():
            required = parameter.get("required", False)
            if required and not before.get(key, {}).get("required", False):
                yield Change(name, f"the parameter {key} has become required")
            if key in before:
                schemas = before[key]["schema"], parameter["schema"]
                yield from self._schema("request", f"{name}.{key}", *schemas)

    def _bodies(self, name: str, old: Node, new: Node) -> Iterator[Change]:
        before = _follow(self.old, old.get("requestBody", {}))
        after = _follow(self.new, new.get("requestBody", {}))
        if after.get("required", False) and not before.get("required", False):
            yield Change(name, "a body has become required")
        yield from self._media("request", f"{name} request", before, after)
        for code, answer in old["responses"].items():
            if code not in new["responses"]:
                yield Change(name, f"the answer {code} is gone")
                continue
            answers = _follow(self.old, answer), _follow(self.new, new["responses"][code])
            yield from self._media("answer", f"{name} {code}", *answers)

    def _media(self, way: Direction, name: str, old: Node, new: Node) -> Iterator[Change]:
        for media, body in old.get("content", {}).items():
            if media not in new.get("content", {}):
                yield Change(name, f"{media} is gone")
            else:
                yield from self._schema(way, name, body["schema"], new["content"][media]["schema"])

    def _schema(self, way: Direction, name: str, old: Node, new: Node) -> Iterator[Change]:
        was, now = _reference(old), _reference(new)
        if was and now:
            if (way, was, now) in self._seen:
                return
            self._seen.add((way, was, now))
        if was:
            name = was.rpartition("/")[2]
        before, after = _flat(self.old, old), _flat(self.new, new)
        yield from _types(way, name, before, after)
        yield from _values(way, name, before, after)
        for key in before["properties"].keys() - after["properties"].keys():
            yield Change(f"{name}.{key}", "the member is gone")
        wider, narrower = (before, after) if way == "answer" else (after, before)
        verb = "is not always there any more" if way == "answer" else "has become required"
        for key in wider["required"] - narrower["required"]:
            yield Change(f"{name}.{key}", f"the member {verb}")
        for key in before["properties"].keys() & after["properties"].keys():
            members = before["properties"][key], after["properties"][key]
            yield from self._schema(way, f"{name}.{key}", *members)
        if before["items"] and after["items"]:
            yield from self._schema(way, f"{name}[]", before["items"], after["items"])


def _types(way: Direction, name: str, old: Node, new: Node) -> Iterator[Change]:
    lost = (new["types"] - old["types"]) if way == "answer" else (old["types"] - new["types"])
    if lost:
        what = "may now be" if way == "answer" else "may no longer be"
        yield Change(name, f"it {what} {' or '.join(sorted(lost))}")
    if old["format"] != new["format"]:
        yield Change(name, f"its format is {new['format']} instead of {old['format']}")


def _values(way: Direction, name: str, old: Node, new: Node) -> Iterator[Change]:
    before, after = old["enum"], new["enum"]  # None: any
    if way == "request":
        before, after = after, before
    if before is not None and (after is None or after - before):
        change = "any value" if after is None else ", ".join(sorted(map(str, after - before)))
        what = f"it may now be {change}" if way == "answer" else f"it may no longer be {change}"
        yield Change(name, what)
    if way == "request":
        for key, sign in (*((key, 1) for key in LEAST), *((key, -1) for key in MOST)):
            limit, was = new["limits"].get(key), old["limits"].get(key)
            if limit is not None and (was is None or sign * limit > sign * was):
                yield Change(name, f"{key} is {limit} instead of {was}")


def _flat(document: Node, schema: Node) -> Node:
    """Give what a schema says, through its references and combinations, in one form."""
    if "$ref" in schema:
        return _flat(document, _follow(document, schema))
    if "anyOf" in schema:
        options = [_flat(document, option) for option in schema["anyOf"]]
        values = [option["enum"] for option in options]
        return {
            "types": frozenset().union(*(option["types"] for option in options)),
            "enum": None if None in values else frozenset().union(*values),
            "required": frozenset.intersection(*(option["required"] for option in options)),
            "properties": {k: v for o in reversed(options) for k, v in o["properties"].items()},
            "items": next((option["items"] for option in options if option["items"]), None),
            "format": schema.get("format"),
            "limits": {},
        }
    types = schema.get("type", ALL_TYPES)
    flat: Node = {
        "types": frozenset([types] if isinstance(types, str) else types),
        "enum": frozenset(schema["enum"]) if "enum" in schema else None,
        "required": frozenset(schema.get("required", ())),
        "properties": dict(schema.get("properties", {})),
        "items": schema.get("items"),
        "format": schema.get("format"),
        "limits": {key: schema[key] for key in (*LEAST, *MOST) if key in schema},
    }
    for part in schema.get("allOf", ()):
        other = _flat(document, part)
        flat["types"] &= other["types"]
        flat["required"] |= other["required"]
        flat["properties"] |= other["properties"]
    return flat


def _reference(schema: Node) -> str | None:
    """Name the one schema that *schema* refers to, perhaps beside null."""
    options = [option for option in schema.get("anyOf", [schema]) if option != {"type": "null"}]
    return options[0].get("$ref") if len(options) == 1 else None


def _follow(document: Node, node: Node) -> Node:
    while "$ref" in node:
        target: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def _schemas(document: Node) -> Node:
    schemas: Node = document.get("components", {}).get("schemas", {})
    return schemas


def _operations(document: Node) -> Iterator[tuple[str, Node]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def _parameters(document: Node, operation: Node) -> dict[str, Node]:
    found = [_follow(document, parameter) for parameter in operation.get("parameters", ())]
    return {f"{parameter['in']} {parameter['name']}": parameter for parameter in found}


def python_api(
    old: griffe.Object | griffe.Alias, new: griffe.Object | griffe.Alias
) -> list[Change]:
    """List the breaking changes from one package to another, of public names."""
    found = []
    for package in old, new:
        _find_methods(package, package)
    for breakage in griffe.find_breaking_changes(old, new):
        if INTERNAL.match(breakage.obj.canonical_path):
            continue
        values = (breakage.old_value, breakage.new_value)
        shown = [str(value) for value in values if isinstance(value, str | griffe.Expr)]
        what = f"{breakage.kind.value} {' -> '.join(shown)}"
        found.append(Change(breakage.obj.canonical_path, what.strip()))
    return sorted(set(found))


def _find_methods(
    package: griffe.Object | griffe.Alias, where: griffe.Object | griffe.Alias
) -> None:
    """Take for a method what a class names as one: a function of another module."""
    for name, member in list(where.members.items()):
        if isinstance(member, griffe.Module | griffe.Class):
            _find_methods(package, member)
        elif isinstance(where, griffe.Class) and isinstance(member, griffe.Attribute):
            function = _named(package, member.value)
            if isinstance(function, griffe.Function):
                where.set_member(name, function)


def _named(package: griffe.Object | griffe.Alias, value: object) -> object:
    if not isinstance(value, griffe.ExprName | griffe.ExprAttribute):
        return None
    try:
        return package[value.canonical_path.removeprefix(f"{package.path}.")]
    except (KeyError, griffe.AliasResolutionError):  # of another package
        return None


def told(changelog: str) -> set[str]:
    """Give the names that the changelog says are broken in the version that is to come."""
    unreleased = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:2]
    sections = re.split(r"^### ", "".join(unreleased), flags=re.MULTILINE)[1:]
    breaking = "".join(text for text in sections if text.startswith("Breaking"))
    return set(re.findall(r"`([^`\n]+)`", breaking))


def judge(changes: list[Change], changelog: str) -> list[Change]:
    """Give the changes that the changelog does not tell of."""
    names = told(changelog)
    return [change for change in changes if change.name not in names]


def _git(*arguments: str) -> str | None:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], text=True, capture_output=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def default_base() -> str | None:
    """Name what to compare with: the last tag, or the main branch where this is another."""
    head = _git("rev-parse", "HEAD")
    tag = _git("describe", "--tags", "--abbrev=0")
    for revision in (tag, "origin/main", "main"):
        if revision and _git("rev-parse", f"{revision}^{{commit}}") not in (None, head):
            return revision
    return None


def since(base: str) -> list[Change]:
    """List the breaking changes of the tree here since the revision *base*."""
    text = _git("show", f"{base}:{DOCUMENT}")
    if text is None:
        raise SystemExit(f"there is no {DOCUMENT} in {base}")
    changes = documents(yaml.safe_load(text), yaml.safe_load((ROOT / DOCUMENT).read_text()))
    old = griffe.load_git(PACKAGE, ref=base, repo=ROOT)
    new = griffe.load(PACKAGE, search_paths=[ROOT], try_relative_path=False)
    return [*changes, *python_api(old, new)]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("documents", nargs="*", type=Path, metavar="OLD NEW")
    parser.add_argument("--base", help="a revision; else the last tag, else the main branch")
    given = parser.parse_args()
    if given.documents:
        if len(given.documents) != 2:
            parser.error("give two documents, the older first")
        changes = documents(*(yaml.safe_load(path.read_text()) for path in given.documents))
    else:
        base = given.base or default_base()
        if base is None:
            print("nothing to compare with: no tag, and this is the main branch")
            return 0
        print(f"compared with {base}")
        changes = since(base)
    left = judge(changes, (ROOT / "CHANGELOG.md").read_text())
    for change in changes:
        print(change if change in left else f"{change} (in the changelog)")
    if left:
        print('say so under "### Breaking" in CHANGELOG.md, with the names in backticks')
        return 1
    print("nothing is broken" if not changes else "all that is broken is in the changelog")
    return 0


if __name__ == "__main__":
    sys.exit(main())
