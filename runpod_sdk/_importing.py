"""
Imports that can be interrupted.

Python forgets a package whose import is interrupted, but keeps the modules of it that were
imported by then. Imported again, the package lacks them: `asyncio`, `pathlib` and others then
fail until the process ends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def whole_imports() -> Iterator[None]:
    """Enclose imports; if they are interrupted, they can be made again."""
    before = set(sys.modules)
    try:
        yield
    except BaseException:
        _repair(set(sys.modules) - before)
        raise


def _repair(imported: set[str]) -> None:
    """Forget modules whose package is forgotten; bind the others to their packages."""
    for name in sorted(imported):  # a package comes before what is in it
        package, _, child = name.rpartition(".")
        module = sys.modules.get(name)
        if not package or module is None:
            continue
        if package not in sys.modules:
            del sys.modules[name]
        elif not hasattr(sys.modules[package], child):
            setattr(sys.modules[package], child, module)
