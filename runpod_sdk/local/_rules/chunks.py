"""Chunks that are longer than a chunk may be."""

from __future__ import annotations

import json
from typing import Any

_LONGEST_CHARACTER = 12  # bytes of JSON: an escaped surrogate pair


def split(value: Any, size: int) -> list[Any]:
    """
    Give a chunk as several, none of them longer than *size* bytes of JSON.

    Only a text can be split without changing what it is; anything else comes whole.
    """
    if not isinstance(value, str) or len(value) < 2 or len(value) * _LONGEST_CHARACTER + 2 <= size:
        return [value]
    if len(json.dumps(value)) <= size:
        return [value]
    half = len(value) // 2
    return split(value[:half], size) + split(value[half:], size)
