"""
Find parts of the API document that the generator dropped without a warning.

openapi-python-client does not warn about every omission: a path item behind a `$ref`, a parameter
with `content`, or the first of two operations with the same id are dropped with exit status 0. This
script therefore compares the document with the source of the generated package. It relies on a few
patterns of the generated code; if a release changes them, the script fails, too.

    python scripts/find_dropped.py DOCUMENT PACKAGE
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

Node = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def find_dropped(document: Node, package: Path) -> list[str]:
    """Yield a line for each part of *document* that the generated *package* lacks."""
    return list(_unreadable(package)) or [
        *_unfit(document),
        *_dropped_operations(document, package),
        *_dropped_schemas(document, package),
    ]


def operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    """Yield the path, the method and the definition of each operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def resolve(document: Node, node: Node) -> Node:
    """Follow the `$ref` of *node*, if it has one, within *document*."""
    while "$ref" in node:
        target: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


# Known omissions of the generator, independent of the package


def _unfit(document: Node) -> Iterator[str]:
    seen: dict[str, str] = {}
    for path, item in document["paths"].items():
        if "$ref" in item:
            yield f"{path}: a path behind a $ref is dropped; write it out"
        if "parameters" in item:
            yield f"{path}: parameters of a path are not checked; give them to its operations"
    for path, method, operation in operations(document):
        here = f"{method.upper()} {path}"
        name = operation.get("operationId", "")
        if len(operation.get("tags", [])) != 1 or not name:
            yield f"{here}: needs an operationId and one tag"
        elif name in seen:
            yield f"{here}: has the operationId of {seen[name]} ({name}); only one of them is kept"
        seen[name] = here
        for parameter in _parameters(document, operation):
            if "content" in parameter:
                yield f"{here}: parameter {parameter['name']} has content, and is dropped"


def _unreadable(package: Path) -> Iterator[str]:
    for module in sorted(package.rglob("*.py")):
        try:
            ast.parse(module.read_text())
        except SyntaxError as error:
            yield f"{module.relative_to(package)}: is not Python, line {error.lineno}: {error.msg}"


# Operations, compared with their modules


def _dropped_operations(document: Node, package: Path) -> Iterator[str]:
    for path, method, operation in operations(document):
        name, tag = operation.get("operationId"), (operation.get("tags") or [None])[0]
        module = package / "api" / f"{tag}" / f"{name}.py"
        here = f"{name} ({method.upper()} {path})"
        if not module.is_file():
            yield f"{here}: no module api/{tag}/{name}.py"
            continue
        tree = ast.parse(module.read_text())
        literals = _literals(tree)
        if method not in literals or path not in literals:
            yield f"{here}: its module sends something else"
        functions = {f.name: f for f in ast.walk(tree) if isinstance(f, FUNCTION)}
        for call in ("sync_detailed", "asyncio_detailed"):
            if call in functions:
                yield from (
                    f"{here}: {lost}"
                    for lost in _lost_arguments(document, operation, functions[call])
                )
            else:
                yield f"{here}: no function {call}"
        yield from (
            f"{here}: {lost}"
            for lost in _lost_responses(document, operation, functions.get("_parse_response"))
        )


FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def _lost_arguments(
    document: Node, operation: Node, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[str]:
    arguments = {
        _squash(argument.arg): argument
        for argument in (*function.args.args, *function.args.kwonlyargs)
    }
    for parameter in _parameters(document, operation):
        if _squash(parameter["name"]) not in arguments:
            yield f"{function.name} has no parameter {parameter['name']}"
    body = resolve(document, operation.get("requestBody", {}))
    if body and "body" not in arguments:
        yield f"{function.name} has no request body"
    for schema in _schemas_of(body):
        yield from _unnamed(document, schema, arguments.get("body"), f"body of {function.name}")


def _lost_responses(
    document: Node, operation: Node, function: ast.FunctionDef | ast.AsyncFunctionDef | None
) -> Iterator[str]:
    if function is None:
        yield "no function _parse_response"
        return
    tests = [statement for statement in function.body if isinstance(statement, ast.If)]
    rest = [statement for statement in function.body if statement not in tests]
    branches: dict[str, ast.AST] = {"default": ast.Module(body=rest, type_ignores=[])}
    for test in tests:
        branches.update({str(status): test for status in _literals(test.test)})
    for status, response in operation["responses"].items():
        if status not in branches:
            yield f"response {status} is not parsed"
            continue
        for schema in _schemas_of(resolve(document, response)):
            if not _names(document, schema):
                yield f"response {status} has no named object: its body is not parsed"
            yield from _unnamed(document, schema, branches[status], f"response {status}")


# Schemas, compared with their classes


def _dropped_schemas(document: Node, package: Path) -> Iterator[str]:
    classes = {
        definition.name: definition
        for module in sorted((package / "models").glob("*.py"))
        for definition in ast.parse(module.read_text()).body
        if isinstance(definition, ast.ClassDef)
    }
    for name, schema in document["components"]["schemas"].items():
        if not _is_class(schema):
            continue  # a union or a list has no class, but its members have
        if name not in classes:
            yield f"schema {name}: no model"
        elif "enum" in schema:
            kept = _literals(classes[name])
            yield from (
                f"schema {name}: no member for {value}"
                for value in schema["enum"]
                if value not in kept
            )
        else:
            yield from _lost_properties(document, name, classes[name])


def _lost_properties(document: Node, name: str, model: ast.ClassDef) -> Iterator[str]:
    attributes = {
        _squash(node.target.id): node
        for node in model.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    methods = {f.name: _literals(f) for f in model.body if isinstance(f, ast.FunctionDef)}
    for prop, schema in properties(document, document["components"]["schemas"][name]).items():
        here = f"{name}.{prop}"
        if _squash(prop) not in attributes:
            yield f"{here}: no attribute"
            continue
        yield from _unnamed(document, schema, attributes[_squash(prop)], here)
        for method in ("from_dict", "to_dict"):
            if prop not in methods.get(method, ()):
                yield f"{here}: {method} does not know it"


def properties(document: Node, schema: Node) -> Node:
    """Collect the properties of *schema*, including its `allOf`."""
    schema = resolve(document, schema)
    found: Node = {}
    for part in schema.get("allOf", []):
        found.update(properties(document, part))
    return {**found, **schema.get("properties", {})}


# The parts of a document and of a source


def _parameters(document: Node, operation: Node) -> list[Node]:
    return [resolve(document, parameter) for parameter in operation.get("parameters", [])]


def _schemas_of(body: Node) -> list[Node]:
    return [media["schema"] for media in body.get("content", {}).values() if "schema" in media]


def _is_class(schema: Node) -> bool:
    return "enum" in schema or "allOf" in schema or schema.get("type") == "object"


def _names(document: Node, schema: Node) -> set[str]:
    """Return the names of the classes in the type of *schema*."""
    if "$ref" in schema:
        target = resolve(document, schema)
        if _is_class(target):
            return {schema["$ref"].rpartition("/")[2]}
        return _names(document, target)
    parts = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    if "items" in schema:
        parts.append(schema["items"])
    return {name for part in parts for name in _names(document, part)}


def _unnamed(document: Node, schema: Node, source: ast.AST | None, where: str) -> Iterator[str]:
    """Return the classes in *schema* that *source* does not name."""
    if source is not None:
        used = {node.id for node in ast.walk(source) if isinstance(node, ast.Name)}
        for name in sorted(_names(document, schema) - used):
            yield f"{where}: not of the type {name}"


def _literals(source: ast.AST) -> set[object]:
    constants: Iterable[ast.Constant] = (
        node for node in ast.walk(source) if isinstance(node, ast.Constant)
    )
    return {node.value for node in constants}


def _squash(name: str) -> str:
    """Normalize a name: `s3Config` equals `s_3_config`, `input` equals `input_`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def main(document: str, package: str) -> int:
    dropped = find_dropped(yaml.safe_load(Path(document).read_text()), Path(package))
    for line in dropped:
        print(line, file=sys.stderr)
    if dropped:
        print(
            f"{document} has this, and {package} has not: write it in a form that the generator"
            " takes (openapi/README.md has the rules), and run scripts/generate",
            file=sys.stderr,
        )
    return 1 if dropped else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
