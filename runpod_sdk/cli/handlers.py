"""The handlers that `runpod-sdk serve` loads, and loads again when their files change."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import typer

from runpod_sdk.local import Handler

_WITH_ID = re.compile(r"([\w.-]+)=(.+)", re.DOTALL)


class LoadedHandlers:
    """
    Functions by endpoint id; None is the id of a handler without one.

    Args:
        words: `module:function` or `path/to/file.py:function`, alone, or several with ids before
            them, as in `a=handler.py:handler`.

    Raises:
        BadParameter: A word is wrong, or its function cannot be found.
    """

    def __init__(self, words: list[str]) -> None:
        self._specs = _by_id(words)
        self._handlers = {id: _load(spec) for id, spec in self._specs.items()}

    def served(self) -> Handler | Mapping[str, Handler]:
        """Return the handler, or the handlers by id, that call what is loaded at that time."""
        by_id = {id: self._latest(id) for id in self._specs if id is not None}
        return by_id or self._latest(None)

    def _latest(self, id: str | None) -> Handler:
        return lambda job: self._handlers[id](job)

    def folders(self) -> list[Path]:
        """Return the folders whose files can change the handlers."""
        paths = [Path(spec.rpartition(":")[0]) for spec in self._specs.values()]
        return list(
            {path.resolve().parent if path.suffix == ".py" else Path.cwd() for path in paths}
        )

    def reload(self) -> None:
        """Load the handlers and the modules in their folders again; if that fails, keep the old."""
        folders = self.folders()
        for name, module in list(sys.modules.items()):
            if _is_within(module, folders):
                del sys.modules[name]
        importlib.invalidate_caches()
        self._handlers = {id: _load(spec) for id, spec in self._specs.items()}


def watch(folders: list[Path], changed: Callable[[list[str]], object]) -> None:
    """
    Call *changed* with the names of Python files that have changed, until Ctrl-C.

    Raises:
        BadParameter: The package `watchfiles` is not installed.
    """
    watchfiles = _watchfiles()
    for changes in watchfiles.watch(*folders, watch_filter=watchfiles.PythonFilter()):
        changed(sorted({Path(path).name for _, path in changes}))


def check_watch() -> None:
    """
    Check that `watch` can work.

    Raises:
        BadParameter: The package `watchfiles` is not installed.
    """
    _watchfiles()


def _watchfiles() -> Any:
    try:
        import watchfiles
    except ImportError:
        raise typer.BadParameter("--reload needs watchfiles: pip install watchfiles") from None
    # A file that changes twice in a second, at the same size, would be loaded as it was compiled.
    sys.dont_write_bytecode = True
    return watchfiles


def _by_id(words: list[str]) -> dict[str | None, str]:
    if len(words) == 1 and not _WITH_ID.fullmatch(words[0]):
        return {None: words[0]}
    found: dict[str | None, str] = {}
    for word in words:
        parts = _WITH_ID.fullmatch(word)
        if parts is None:
            raise typer.BadParameter(
                f"{word!r} has no endpoint id; serve one handler, such as handler.py:handler, or"
                " several with ids: a=handler.py:handler b=other.py:handler; to start a program,"
                " serve --worker -- python handler.py",
                param_hint="HANDLER",
            )
        if parts[1] in found:
            raise typer.BadParameter(f"the endpoint id {parts[1]} is given twice")
        found[parts[1]] = parts[2]
    if not found:
        raise typer.BadParameter(
            "no handler; give one, such as handler.py:handler; or, to start a program,"
            " serve --worker -- python handler.py",
            param_hint="HANDLER",
        )
    return found


def _load(spec: str) -> Handler:
    """Import the function that `module:function` or `path/to/file.py:function` names."""
    where, _, name = spec.rpartition(":")
    if not where or not name:
        raise typer.BadParameter(
            f"{spec!r} is not module:function or path/to/file.py:function", param_hint="HANDLER"
        )
    found: Any = _load_file(where) if where.endswith(".py") else _load_module(where)
    for attribute in name.split("."):
        found = getattr(found, attribute, None)
    if not callable(found):
        raise typer.BadParameter(f"{where} has no function {name}", param_hint="HANDLER")
    handler: Handler = found
    return handler


def _load_module(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # the current directory, as `python -m` does
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise typer.BadParameter(f"no module {error.name} here", param_hint="HANDLER") from None


def _load_file(name: str) -> ModuleType:
    path = Path(name).resolve()
    loaded = [m for m in sys.modules.values() if getattr(m, "__file__", None) == str(path)]
    if loaded:
        return loaded[0]
    module_name = f"_served_{sum(name.startswith('_served_') for name in sys.modules)}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise typer.BadParameter(f"no file {name}", param_hint="HANDLER")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))  # as `python FILE` does
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def _is_within(module: ModuleType, folders: list[Path]) -> bool:
    """Return whether a module is one of the user's, in one of *folders*."""
    file = getattr(module, "__file__", None)
    if file is None or module.__name__ == "__main__" or "site-packages" in file:
        return False
    path = Path(file).resolve()
    if path.is_relative_to(Path(sys.prefix)) or path.is_relative_to(Path(__file__).parents[1]):
        return False
    return any(path.is_relative_to(folder) for folder in folders)
