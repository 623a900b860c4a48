"""JSON in and out, stricter than the `json` module: no NaN, no infinity."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is out of range")
    return number


def parse(text: bytes) -> Any:
    """Read JSON; ValueError if it is none, also if it is nested too deeply."""
    try:
        return json.loads(text.decode(), parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def snapshot(value: Any) -> Any:
    """
    Copy *value* as it would arrive on the other side of a wire.

    What the handler does to it afterwards has no effect on the copy. Tuples become lists,
    and keys strings.

    Raises:
        ValueError: JSON cannot represent it.
    """
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"JSON cannot represent this: {error}") from None
