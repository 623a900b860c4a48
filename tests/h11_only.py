"""Run code as if httptools were not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def h11_only() -> Iterator[None]:
    """Let clients that make their first request inside use h11."""
    missing = object()
    httptools = sys.modules.get("httptools", missing)
    sys.modules["httptools"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if httptools is missing:
            del sys.modules["httptools"]
        else:
            sys.modules["httptools"] = httptools  # type: ignore[assignment]
