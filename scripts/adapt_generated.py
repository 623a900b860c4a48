"""
Adapt the generated package; the generator has no options for these changes.

    scripts/adapt_generated.py PACKAGE

- Omit secrets from the `repr` of classes, because tools show the `repr` of a program's variables.
- Import httpx only where a function uses it, and a model when it is first used, because the
  facade needs neither httpx nor most models.

scripts/generate calls this script after the generator.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

HIDDEN = {
    "client.py": ("token", "_headers", "_cookies", "_httpx_args"),
    "models/s3_config.py": ("access_secret", "additional_properties"),
    # An input or a URL may contain a secret.
    "models/job_request.py": ("input_", "webhook", "webhook_v2", "additional_properties"),
}

LAZY_NAMES = '''
_MODULES = {modules!r}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a class, or a module, when it is first used."""
        if name in _MODULES.values():
            return import_module(f".{{name}}", __name__)
        if name in _MODULES:
            globals()[name] = getattr(import_module(f".{{_MODULES[name]}}", __name__), name)
            return globals()[name]
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")

    def __dir__() -> list[str]:
        return sorted({{*globals(), *_MODULES, *_MODULES.values()}})
'''


def hidden(text: str, name: str) -> str:
    """Return the module *text* with the field *name* omitted from its class's repr."""
    field = "_attrs_field" if "_attrs_field" in text else "field"

    def replaced(found: re.Match[str]) -> str:
        declared, given = found[1], found[2]
        if given is None:
            return f"{declared} = {field}(repr=False)"
        if call := re.fullmatch(rf"{field}\((.*)\)", given):
            return f"{declared} = {field}({call[1]}, repr=False)"
        return f"{declared} = {field}(default={given}, repr=False)"

    changed, count = re.subn(
        rf"^(    {name}: [^=\n]+?)(?: = (.+))?$", replaced, text, flags=re.MULTILINE
    )
    if not count:
        raise SystemExit(f"there is no field {name}: correct {Path(__file__).name}")
    return changed


def without_httpx(text: str) -> str:
    """Return the module *text*, which imports httpx for annotations, and where it is called."""
    body = ast.parse(text).body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    lines, end = text.splitlines(), imports[-1].end_lineno
    lines[end:end] = ["", "if TYPE_CHECKING:", "    import httpx", ""]
    text = "\n".join(["from __future__ import annotations", "", *lines, ""])
    text = re.sub(r"^import httpx\n+", "", text, count=1, flags=re.MULTILINE)
    text = text.replace("from typing import ", "from typing import TYPE_CHECKING, ", 1)
    return re.sub(r"^( +)(\S+ = httpx\.)", r"\1import httpx\n\n\1\2", text, flags=re.MULTILINE)


def with_lazy_names(text: str) -> str:
    """Return the package's *text*, which imports each module when its class is first used."""
    tree = ast.parse(text)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    modules = {node.names[0].name: node.module for node in imports}
    title = text.partition("\n")[0]
    names = ast.unparse(tree.body[-1])
    typed = "\n".join(f"    {ast.unparse(node)}" for node in imports)
    return (
        f"{title}\n\nfrom importlib import import_module\nfrom typing import TYPE_CHECKING\n\n"
        f"if TYPE_CHECKING:\n{typed}\n\n{names}\n{LAZY_NAMES.format(modules=modules)}"
    )


def main(package: Path) -> None:
    for file, names in HIDDEN.items():
        text = (package / file).read_text("utf-8")
        for name in names:
            text = hidden(text, name)
        (package / file).write_text(text, "utf-8")
    for path in package.rglob("*.py"):
        text = path.read_text("utf-8")
        if "\nimport httpx\n" in text:
            path.write_text(without_httpx(text), "utf-8")
    models = package / "models/__init__.py"
    models.write_text(with_lazy_names(models.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
