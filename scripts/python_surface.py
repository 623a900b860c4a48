"""
Write the public Python API as stubs, and find the breaking changes between two of them.

    python scripts/python_surface.py DIRECTORY   # write the stubs of the package into DIRECTORY

The stubs contain what applications may import, under its public names. The private module that
defines a class does not matter, and may change.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe
from attrs import field, frozen

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.contract_changes import Change

ROOT = Path(__file__).parents[1]
PACKAGE = "runpod_sdk"
INTERNAL = re.compile(r"runpod_sdk\.(cli|settings)(\.|$)|.*\.__(version|all)__$")
"""Excluded names: modules that applications do not import, and the version."""

Found = griffe.Object | griffe.Alias


def changes(old: Path, new: Path) -> list[Change]:
    """List the breaking changes between the stubs in two directories."""
    packages = [
        griffe.load(PACKAGE, search_paths=[where], try_relative_path=False) for where in (old, new)
    ]
    found = []
    for breakage in griffe.find_breaking_changes(*packages):
        values = (breakage.old_value, breakage.new_value)
        shown = [str(value) for value in values if isinstance(value, str | griffe.Expr)]
        what = f"{breakage.kind.value} {' -> '.join(shown)}".strip()
        found.append(Change(breakage.obj.path, what, "python"))
    return sorted(set(found))


def write(package: Path, target: Path) -> None:
    """Write the stubs of the package in *package*'s directory into *target*."""
    loaded = griffe.load(PACKAGE, search_paths=[package], try_relative_path=False)
    assert isinstance(loaded, griffe.Module)
    _find_methods(loaded, loaded)
    surface = _Surface()
    for module in _modules(loaded):
        path = target / Path(*module.path.split("."))
        path = path / "__init__.pyi" if module.is_init_module else path.with_suffix(".pyi")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(surface.module(module), encoding="utf-8")


def _modules(module: griffe.Module) -> Iterator[griffe.Module]:
    """Yield the public modules, the package first: a name is written where it is shortest."""
    yield module
    for name, member in module.members.items():
        if isinstance(member, griffe.Module) and not name.startswith("_"):
            yield from () if INTERNAL.match(member.path) else _modules(member)


@frozen
class _Surface:
    """Writes modules: each object once, and imports of it in other public modules."""

    written: dict[str, str] = field(factory=dict)

    def module(self, module: griffe.Module) -> str:
        lines = [f'"""Public names of `{module.path}`; written by scripts/release."""', ""]
        for name, member in sorted(module.members.items()):
            target = _resolved(member)
            if target is None or target.is_module or not member.is_public:
                continue
            if INTERNAL.match(f"{module.path}.{name}"):
                continue
            place = self.written.setdefault(target.path, module.path)
            if place != module.path or name != target.name:
                lines.append(f"from {place} import {target.name} as {name}")
            else:
                lines += ["", *self.object(target, "")]
        return "\n".join(lines) + "\n"

    def object(self, target: griffe.Object, indent: str) -> Iterator[str]:
        name = target.name
        if isinstance(target, griffe.Class):
            bases = [str(base) for base in target.bases]
            shown = [base for base in bases if not base.rpartition(".")[2].startswith("_")]
            yield f"{indent}class {name}({', '.join(shown)}):".replace("()", "")
            public = list(_members(target))
            for member in public:
                yield from self.object(member, f"{indent}    ")
            if not public:
                yield f"{indent}    ..."
        elif isinstance(target, griffe.Function):
            for decorator in ("classmethod", "staticmethod"):
                if decorator in target.labels:
                    yield f"{indent}@{decorator}"
            start = "async def" if "async" in target.labels else "def"
            returned = f" -> {target.returns}" if target.returns is not None else ""
            yield f"{indent}{start} {name}({_signature(target)}){returned}: ..."
        elif isinstance(target, griffe.Attribute):
            if target.annotation:
                yield f"{indent}{name}: {target.annotation}"
            else:
                value = f" = {target.value}" if _is_literal(target.value) else ": object"
                yield f"{indent}{name}{value}"


def _members(target: griffe.Class) -> Iterator[griffe.Object]:
    """Yield the public members of a class, including inherited members."""
    for name, member in sorted(target.all_members.items()):
        found = _resolved(member)
        if found is not None and (name == "__init__" or not name.startswith("_")):
            yield found


def _is_literal(value: object) -> bool:
    try:
        ast.literal_eval(str(value))
    except (SyntaxError, ValueError):
        return False
    return value is not None


def _signature(function: griffe.Function) -> str:
    written: list[str] = []
    star = False
    kinds = [parameter.kind for parameter in function.parameters]
    for index, parameter in enumerate(function.parameters):
        kind = parameter.kind
        if kind is griffe.ParameterKind.keyword_only and not star:
            star = True
            written.append("*")
        prefix = {
            griffe.ParameterKind.var_positional: "*",
            griffe.ParameterKind.var_keyword: "**",
        }.get(kind, "")
        star = star or prefix == "*"
        annotation = f": {parameter.annotation}" if parameter.annotation is not None else ""
        default = f" = {parameter.default}" if parameter.default is not None and not prefix else ""
        written.append(f"{prefix}{parameter.name}{annotation}{default}")
        positional = griffe.ParameterKind.positional_only
        if kind is positional and positional not in kinds[index + 1 :]:
            written.append("/")
    return ", ".join(written)


def _resolved(member: Found) -> griffe.Object | None:
    """Return the resolved object; None if it belongs to another package."""
    try:
        target = member.final_target if isinstance(member, griffe.Alias) else member
    except (griffe.AliasResolutionError, griffe.CyclicAliasError):
        return None
    return target if target.path.startswith(f"{PACKAGE}.") else None


def _find_methods(package: Found, where: Found) -> None:
    """Treat a function of another module that a class assigns as a method."""
    for name, member in list(where.members.items()):
        if isinstance(member, griffe.Module | griffe.Class):
            _find_methods(package, member)
        elif isinstance(where, griffe.Class) and isinstance(member, griffe.Attribute):
            function = _named(package, member.value)
            if isinstance(function, griffe.Function):
                where.set_member(name, function)


def _named(package: Found, value: object) -> object:
    if not isinstance(value, griffe.ExprName | griffe.ExprAttribute):
        return None
    try:
        return package[value.canonical_path.removeprefix(f"{package.path}.")]
    except (KeyError, griffe.AliasResolutionError):  # belongs to another package
        return None


if __name__ == "__main__":
    write(ROOT, Path(sys.argv[1]))
