"""The rules of the house: imports run one way, names are unique, and files stay short."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "runpod_sdk"
FILES = sorted(PACKAGE.rglob("*.py"))

LONGEST = 300

# Each layer may import itself and those before it. A module that stands in no
# layer by name is a value: what every layer may import.
LAYERS = ("values", "_flows", "_telemetry", "_io", "shells", "__init__", "users")
LAYER_OF = {
    "_flows": "_flows",
    "_telemetry": "_telemetry",
    "_io": "_io",
    "_sync": "shells",
    "_async": "shells",
    "__init__": "__init__",
    "__main__": "users",
    "cli": "users",
    "compat": "users",
    "local": "users",
    "webhooks": "shells",
}


NAMES_HTTPX = {
    "runpod_sdk._files.download",  # its connections have nothing to do with those to the API
    "runpod_sdk._io.httpx_client",
    "runpod_sdk._io.httpx_deadline",
    "runpod_sdk._io.httpx_over_pool",
}
"""Modules that import httpx, besides users of the public API: no result needs them by default."""
COMPAT = ("runpod_sdk.compat.", {"Endpoint", "Job"})
"""Where class names stand twice on purpose: those of RunPod's own package."""


@cache
def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def layer_of(module: str) -> str:
    """Tell the layer of `runpod_sdk.<part>…`; the bare package is `__init__`."""
    part = [*module.split("."), "__init__"][1]
    return LAYER_OF.get(part, "values")


@cache
def imports_of(path: Path, source: str) -> set[str]:
    """List the modules that *source* imports: at its top, in a function, or for type checkers."""
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    elif path.parent == PACKAGE:
        package = ["runpod_sdk"]
    tree, found = ast.parse(source), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            # `from runpod_sdk import errors` imports a module, `… import Runpod` a name.
            for alias in node.names:
                inner = ROOT.joinpath(*name.split("."), alias.name)
                is_module = inner.is_dir() or inner.with_suffix(".py").is_file()
                found.add(f"{name}.{alias.name}" if is_module else name)
    return found


def violations(path: Path, source: str) -> list[str]:
    """List each import of *source* that the layers forbid."""
    module, mine = module_of(path), layer_of(module_of(path))
    wrong: list[str] = []
    for target in sorted(imports_of(path, source)):
        top = target.split(".")[0]
        if top in ("httpx", "httpcore") and mine != "users" and module not in NAMES_HTTPX:
            wrong.append(f"{module} imports {top}: of _io only httpx_client and its helpers may")
        if top == "h11" and not module.startswith("runpod_sdk._io.http11."):
            wrong.append(f"{module} imports h11: only _io/http11 may")
        if top == "rich" and not module.startswith(("runpod_sdk.cli.", "runpod_sdk._progress.")):
            wrong.append(f"{module} imports rich: only cli and _progress may")
        if top == "opentelemetry" and not module.startswith("runpod_sdk._telemetry."):
            wrong.append(f"{module} imports opentelemetry: only _telemetry/ may")
        if top != "runpod_sdk":
            continue
        theirs = layer_of(target)
        if LAYERS.index(theirs) > LAYERS.index(mine):
            wrong.append(f"{module} ({mine}) imports {target} ({theirs})")
        if mine == "users" and any(part.startswith("_") for part in target.split(".")[1:2]):
            wrong.append(f"{module} imports {target}: it should use the public names")
    return wrong


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_run_one_way(path: Path) -> None:
    assert violations(path, path.read_text()) == []


IN_A_CIRCLE = {
    # A state is shown by `_display`, searched for files and converted; each of these takes a state.
    ("errors", "models"),
    ("_display", "models"),
    ("_display", "results"),
    ("settings", "models"),
    ("_messages", "models"),
    ("_typed_outputs", "models"),
    ("files", "models"),
    # A client makes endpoints, and an endpoint jobs; each has an attribute for its maker.
    *((f"{shell}.job", f"{shell}.endpoint") for shell in ("_async", "_sync")),
    *((f"{shell}.endpoint", f"{shell}.client") for shell in ("_async", "_sync")),
    # Imported when it is needed.
    ("_progress.bar", "_progress"),
    ("_progress.terminal", "_progress"),
    ("compat._shared", "compat"),
    ("webhooks._apps", "webhooks._receiver"),
}
"""Imports, by importer and imported module, that run back: no others may make a circle."""


def test_imports_make_no_circle() -> None:
    """Neither at run time nor for type checkers, but for the pairs that are listed."""
    modules = {module_of(path) for path in FILES}
    graph = {
        module_of(path): imports_of(path, path.read_text()) & modules - {module_of(path)}
        for path in FILES
    }
    for importer, imported in IN_A_CIRCLE:
        graph[f"runpod_sdk.{importer}"].remove(f"runpod_sdk.{imported}")  # none is left over
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]))


def test_a_class_name_is_unique() -> None:
    """Whoever searches for a class finds one; the sync shell is made from the async one."""
    homes = defaultdict[str, list[str]](list)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            mirrored = module_of(path).startswith(COMPAT[0])
            if isinstance(node, ast.ClassDef) and not (mirrored and node.name in COMPAT[1]):
                homes[node.name].append(module_of(path))
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


def test_one_part_of_the_client_imports_the_generated_package() -> None:
    """The local endpoint may too: it speaks the same document, from the other side."""
    importers = {
        ".".join(module_of(path).split(".")[:3])
        for path in FILES
        for target in imports_of(path, path.read_text())
        if target.split(".")[0] == "runpod_serverless_api"
    }
    assert {name for name in importers if layer_of(name) != "users"} == {"runpod_sdk._flows.api"}


FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def is_overload(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(ast.unparse(decorator) == "overload" for decorator in function.decorator_list)


def first_line(node: ast.Expr | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    decorators = [] if isinstance(node, ast.Expr) else node.decorator_list
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def lines_of_code(source: str) -> int:
    """
    Count the lines of code in *source*.

    Blank lines, comments and documentation do not count, nor do overloads, which are for type
    checkers.
    """
    documentation: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text or (isinstance(node, FUNCTION) and is_overload(node)):
            documentation.update(range(first_line(node), (node.end_lineno or 0) + 1))
    return sum(
        number not in documentation and bool(line.strip()) and not line.lstrip().startswith("#")
        for number, line in enumerate(source.splitlines(), 1)
    )


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_file_can_be_read_in_one_go(path: Path) -> None:
    assert lines_of_code(path.read_text()) <= LONGEST


def test_documentation_is_not_counted() -> None:
    source = '"""A\nmodule."""\n\n# comment\nx = 1\n"""An\nattribute."""\ny = """a\nb"""\n'
    assert lines_of_code(source) == 3


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("_flows/wait.py", "import httpx"),
        ("_io/http_common.py", "def request():\n    import httpcore"),
        ("_flows/wait.py", "from runpod_sdk._io import sync"),
        ("_flows/wait.py", "from .._sync.client import Runpod"),
        ("errors.py", "def late():\n    from . import _flows"),
        ("errors.py", "from runpod_sdk import Runpod"),
        ("errors.py", "if TYPE_CHECKING:\n    from ._sync.job import Job"),
        ("_io/sync.py", "import runpod_sdk._sync.job"),
        ("_async/job.py", "import runpod_sdk.cli"),
        ("_io/sync.py", "from opentelemetry import trace"),
        ("local/server.py", "from .._flows import retry"),
    ],
)
def test_a_forbidden_import_is_found(where: str, line: str) -> None:
    assert violations(PACKAGE / where, line) != []


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("_io/httpx_client.py", "import httpx\nfrom .._flows import waiting"),
        ("_flows/wait.py", "from ..errors import RunpodError"),
        ("__init__.py", "from ._sync.client import Runpod"),
        ("cli/__init__.py", "import runpod_sdk\nfrom runpod_sdk import Runpod, local"),
    ],
)
def test_an_allowed_import_is_not(where: str, line: str) -> None:
    assert violations(PACKAGE / where, line) == []
