"""
Imports that can be interrupted.

If an import is interrupted, Python removes the package, but keeps its modules that are already
imported. A second import of the package does not bind these modules: `asyncio`, `pathlib` and
other packages then fail until the process ends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def whole_imports() -> Iterator[None]:
    """Enclose imports; after an interruption, they can be repeated."""
    before = set(sys.modules)
    try:
        yield
    except BaseException:
        _repair(set(sys.modules) - before)
        raise


def _repair(imported: set[str]) -> None:
    """Remove modules whose package was removed; bind the others to their packages."""
    for name in sorted(imported):  # a package sorts before its modules
        package, _, child = name.rpartition(".")
        module = sys.modules.get(name)
        if not package or module is None:
            continue
        if package not in sys.modules:
            del sys.modules[name]
        elif not hasattr(sys.modules[package], child):
            setattr(sys.modules[package], child, module)
