"""
JSON of requests and responses.

If msgspec is installed (the extra `fast`), it decodes large responses, in about half the time. If
it refuses a response, the standard library decodes it: the result is the same with and without
msgspec, for integers of any size, NaN, lone surrogates and UTF-16. Requests are encoded by the
standard library, because msgspec would accept NaN and bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from runpod_sdk._json import write
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk.json_text import read

LARGE: Final = 64 * 1024
"""The size in bytes from which msgspec is worth its overhead."""


def decode(content: bytes | str) -> Any:
    """
    Parse JSON.

    Raises:
        ValueError: *content* is not JSON.
        RecursionError: *content* is nested too deep.
    """
    if len(content) >= LARGE and (fast := _fast()) is not None:
        return fast(content)
    return read(content)


@cache
def _fast() -> Callable[[bytes | str], Any] | None:
    try:
        import msgspec
    except ImportError:
        return None

    def decode(content: bytes | str) -> Any:
        try:
            return msgspec.json.decode(content)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            if raised_by_signal_handler(error):
                raise
            return read(content)

    return decode


def encode(body: object, name: str = "") -> bytes:
    """
    Write *body* as JSON.

    Args:
        name: The value's name in errors, if it is not a whole request.

    Raises:
        ValueError: NaN, infinity, a lone surrogate, or a value that contains itself.
        TypeError: A value has no JSON form.
        ConfigurationError: A value needs cattrs, which is not installed.
    """
    return write(body, name, _plain)


def _plain(value: object) -> Any:
    """Return the JSON form of an object that `json` cannot serialize."""
    from runpod_sdk import _typed_inputs  # not needed for plain JSON

    return _typed_inputs.plain(value)
