"""
JSON as the server sends it, read in one place.

A large answer is read by msgspec where that is installed (the extra `fast`), in about half
the time. What it refuses the standard library reads: integers of any size, NaN, a lone
surrogate, UTF-16 mean the same with it and without. What is sent the standard library
writes, as msgspec would let NaN and bytes pass.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk.json_text import read

LARGE: Final = 64 * 1024
"""Bytes from which it pays."""


def decode(content: bytes | str) -> Any:
    """
    Read JSON.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deep.
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
