"""
Extend the Python reference beyond the source: a griffe extension.

It adds constructors that users call, including attrs's, functions that are methods by assignment
(`map = mapping.map`), members of private base classes, and links to the operations that docstrings
name.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from griffe import (
    Alias,
    Attribute,
    Class,
    Extension,
    Function,
    Module,
    Object,
    Parameter,
    ParameterKind,
    Parameters,
)

CONSTRUCTED = {"runpod_sdk.models.ExecutionPolicy", "runpod_sdk.models.S3Config"}
"""Classes that users call, although no docstring has arguments."""

LAST = 1_000_000
"""A number larger than the line count of any module."""

DOCUMENT = Path(__file__).parents[1] / "openapi" / "runpod-serverless.yaml"
OPERATIONS = re.findall(r"operationId: (\w+)", DOCUMENT.read_text("utf-8"))
OPERATION = re.compile(rf"(?<=\s)({'|'.join(OPERATIONS)})\b")
SOURCE = re.compile(r"^Source: (.*) in openapi/runpod-serverless\.yaml\.$", re.MULTILINE)


CODE = re.compile(r"(?<![`\[\w])`(?P<name>[A-Z]\w+)(?:\.(?P<member>[a-z]\w*))?(?:\(\))?`(?![`\]])")
"""A class, or a member of a class, in the text of a docstring."""


def public_names() -> dict[str, str]:
    """Return the paths of public names: those of runpod_sdk, then those of its modules."""
    found: dict[str, str] = {}
    for module in ("runpod_sdk", *(f"runpod_sdk.{name}" for name in ("local", "webhooks"))):
        for name in importlib.import_module(module).__all__:
            found.setdefault(name, f"{module}.{name}")
    return found


def linked(text: str, names: dict[str, str]) -> str:
    """Turn public names, and the operations in the last line of a docstring, into links."""

    def link(found: re.Match[str]) -> str:
        path, member = names.get(found["name"]), found["member"]
        if path is None:
            return found[0]
        module, _, name = path.rpartition(".")
        if member and not hasattr(getattr(importlib.import_module(module), name), member):
            return found[0]  # an attrs field has no value in the class
        return f"[{found[0]}][{path}{f'.{member}' if member else ''}]"

    text = CODE.sub(link, text)
    return SOURCE.sub(lambda line: OPERATION.sub(r"[`\1`][\1]", f"Source: {line[1]}."), text)


class DocsExtension(Extension):
    def on_package(self, *, pkg: Module, **_: Any) -> None:
        if pkg.name == "runpod_sdk":
            names = public_names()
            for found in list(walk(pkg)):
                if found.docstring:
                    found.docstring.value = linked(found.docstring.value, names)
                if isinstance(found, Class):
                    assigned_methods(found)
                    assigned_arguments(found)
                    constructor(found)
            for found in list(walk(pkg)):  # after all classes have their constructors
                if isinstance(found, Class):
                    private_bases(found, names)
                    fields(found)
                    methods_first(found)


def walk(found: Object) -> Iterator[Object]:
    yield found
    for member in found.members.values():
        if isinstance(member, Object):
            yield from walk(member)


def assigned_methods(found: Class) -> None:
    """Document `map = mapping.map` as a function."""
    for name, member in list(found.members.items()):
        if isinstance(member, Attribute) and str(member.value).endswith(f".{name}"):
            path = getattr(member.value, "canonical_path", "")
            if path.startswith("runpod_sdk."):
                found.set_member(name, Alias(name, path, parent=found))


def assigned_arguments(found: Class) -> None:
    """Document `self.size = size` with the type of the argument."""
    init = found.members.get("__init__")
    for name, member in found.members.items():
        if (
            isinstance(member, Attribute)
            and isinstance(init, Function)
            and str(member.value) == name
        ):
            member.annotation = member.annotation or init.parameters[name].annotation
            member.value = None


def constructor(found: Class) -> None:
    """Show the constructor of *found*, if users call it, including attrs's."""
    cls = getattr(importlib.import_module(found.module.path), found.name, None)
    told = isinstance(cls, type) and any(
        "Args:" in (vars(c).get("__doc__") or "") for c in cls.__mro__
    )
    if not told and found.path not in CONSTRUCTED:
        found.members.pop("__init__", None)
    elif isinstance(cls, type) and attrs.has(cls) and "__init__" not in found.members:
        attrs_constructor(found, cls)


def attrs_constructor(found: Class, cls: type) -> None:
    """Add the `__init__` to *found* that attrs makes from its fields."""
    known = {
        name: member
        for each in [*reversed(found.mro()), found]
        for name, member in each.members.items()
        if isinstance(member, Attribute)
    }
    parameters = [Parameter("self", kind=ParameterKind.positional_or_keyword)]
    for name, made in inspect.signature(cls).parameters.items():
        field = known.get(name)
        parameters.append(
            Parameter(
                name,
                annotation=field.annotation if field else None,
                kind=ParameterKind.keyword_only
                if made.kind is made.KEYWORD_ONLY
                else ParameterKind.positional_or_keyword,
                default=None if made.default is made.empty else repr(made.default),
            )
        )
    init = Function("__init__", parameters=Parameters(*parameters), returns="None", parent=found)
    found.set_member("__init__", init)


def private_bases(found: Class, names: dict[str, str]) -> None:
    """Show the members of private base classes as members of *found*."""
    hidden = [base for base in found.mro() if base.name not in names]
    for base in hidden:
        if base.path.startswith("runpod_sdk."):
            for name, member in base.members.items():
                if not name.startswith("_") and name not in found.members:
                    found.set_member(name, Alias(name, member.path, parent=found))
    ours = {base.name for base in hidden if base.path.startswith("runpod_sdk.")}
    found.bases = [base for base in found.bases if str(base).partition("[")[0] not in ours]


def fields(found: Class) -> None:
    """Show attrs fields with their types, without their `field()` calls."""
    for member in found.members.values():
        if isinstance(member, Attribute):
            member.labels -= {"class-attribute", "instance-attribute"}
            if str(member.value).startswith("field("):
                member.value = None


def methods_first(found: Class) -> None:
    """Move the methods of *found* before its attributes, in order and by line numbers."""
    members = sorted(found.members.items(), key=lambda item: not item[1].is_function)
    found.members.clear()
    found.members.update(members)
    for member in found.members.values():
        if isinstance(member, Attribute):
            member.lineno = LAST + (member.lineno or 0)
