"""Read and copy JSON, stricter than the `json` module: no NaN, no infinity."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is out of range")
    return number


# Made once: `json.loads` and `json.dumps` make one for each call with options.
_decode = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite).decode
_encode = json.JSONEncoder(allow_nan=False).encode


def parse(text: bytes) -> Any:
    """Parse JSON; raise ValueError if it is not valid or is nested too deeply."""
    try:
        return _decode(text.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


def json_copy(value: Any) -> Any:
    """
    Return *value* as it would arrive after being sent as JSON.

    The copy shares nothing with *value*. Tuples become lists, and keys become strings.

    Raises:
        ValueError: JSON cannot represent *value*.
    """
    try:
        return json.loads(_encode(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"JSON cannot represent this: {error}") from None
