"""Run code as if httptools were not installed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_lock = threading.Lock()
_inside = 0
_hidden: ModuleType | None = None


@contextmanager
def h11_only() -> Iterator[None]:
    """Let clients that make their first request inside use h11; threads may overlap."""
    global _inside, _hidden
    with _lock:
        if not _inside:
            _hidden = sys.modules.get("httptools")
            sys.modules["httptools"] = None  # type: ignore[assignment]
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                del sys.modules["httptools"]
                if _hidden is not None:
                    sys.modules["httptools"] = _hidden
