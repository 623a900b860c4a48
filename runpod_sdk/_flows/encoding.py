"""Write the body of a request as JSON."""

from __future__ import annotations

import json
from typing import Any

from runpod_sdk._signals import raised_by_signal_handler


def encode(body: object) -> bytes:
    """
    Write *body* as JSON.

    Raises:
        ValueError: NaN, infinity, a lone surrogate, or a value that contains itself.
        TypeError: Something that JSON has no form for, nor a class of its own.
        ConfigurationError: It is of a class that needs cattrs, which is not installed.
    """
    # Raised without a cause: that would hold the request, and a secret in it.
    failure: ValueError | TypeError
    try:
        text = json.dumps(
            body, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
        )
        return text.encode()
    except (ValueError, RecursionError) as error:
        if raised_by_signal_handler(error):
            raise
        failure = ValueError(f"the request can't be written as JSON: {error}")
    except TypeError as error:
        if raised_by_signal_handler(error):
            raise
        failure = TypeError(
            f"the request can't be written as JSON: {error};"
            " give dicts, lists, strings, numbers, booleans and None, or values of attrs classes,"
            " dataclasses and models of pydantic"
        )
    raise failure


def _plain(value: object) -> Any:
    """Return the JSON form of what is none by itself."""
    from runpod_sdk import _inputs  # not needed for plain JSON

    return _inputs.plain(value)
