"""Find the part of a value that has no JSON form, and describe its path and the correction."""

from __future__ import annotations

import enum
import json
import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, TypeAlias

from runpod_sdk._signals import raised_by_signal_handler

_ENCODE: Final = "with to_base64(…) or to_data_url(…) of runpod_sdk.media"

Step: TypeAlias = tuple[str, Any]
"""A nested value, and its part of the path in messages."""


class Unwritable(TypeError):
    """A value whose JSON form would lose its meaning."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(f"{place} {message}".lstrip(". "))
        self.message = message
        self.place = place
        """The path within the value."""


def find(value: object, name: str, plain: Callable[[Any], Any]) -> ValueError | TypeError | None:
    """
    Return the error for the first part of *value* that has no JSON form, or None.

    Args:
        name, plain: As in `runpod_sdk._json.write`.
    """
    trail: list[str] = []
    holders: list[object] = []  # kept, because the id of a deleted object may be reused
    within: set[int] = set()
    pending: list[Iterator[Step]] = [iter([(name, value)])]
    while pending:
        step, part = next(pending[-1], ("", pending))
        if part is pending:
            pending.pop()
            if trail:
                trail.pop()
                within.discard(id(holders.pop()))
            continue
        try:
            inner = _parts(part, plain)
            if inner is None:
                continue
            if id(part) in within:
                raise ValueError("contains itself")
        except (TypeError, ValueError) as fault:
            if raised_by_signal_handler(fault):
                raise
            where = "".join([*trail, step, getattr(fault, "place", "")]).lstrip(".")
            where = where or "the request"
            if isinstance(fault, TypeError):
                return TypeError(f"{where} {getattr(fault, 'message', fault)}")
            return ValueError(f"{where} {fault}, which can't be written as JSON")
        trail.append(step)
        holders.append(part)
        within.add(id(part))
        pending.append(inner)
    return None


def _parts(value: Any, plain: Callable[[Any], Any]) -> Iterator[Step] | None:
    """Return the parts of *value*, or None without parts; raise if *value* itself is invalid."""
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int):
        _check_digits(value, "is")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"is {float.__repr__(value)}")
    elif isinstance(value, dict):
        _check_keys(value)
        return ((_spelled(key), inner) for key, inner in value.items())
    elif isinstance(value, list | tuple):
        return ((f"[{index}]", inner) for index, inner in enumerate(value))
    elif value is not None:
        return iter([("", _form_of(value, plain))])
    return None


def _form_of(value: Any, plain: Callable[[Any], Any]) -> Any:
    try:
        return plain(value)
    except Unwritable:
        raise
    except NoForm:
        why = f"is of type {name_of(type(value))}, which can't be written as JSON: {_advice(value)}"
    except TypeError as fault:
        if raised_by_signal_handler(fault):
            raise
        why = f"can't be written as JSON: {fault}"
    raise TypeError(why)


class NoForm(TypeError):
    """Values of this type have no JSON form."""


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("contains a lone surrogate, half of a character") from None


def _check_digits(number: int, how: str) -> None:
    try:
        int.__repr__(number)
    except ValueError:
        raise ValueError(f"{how} an integer with too many digits") from None


def _check_keys(value: dict[Any, Any]) -> None:
    seen: dict[str, Any] = {}
    for key in value:
        if not (key is None or isinstance(key, str | int | float)):
            raise TypeError(
                f"has a key of type {name_of(type(key))}, which can't be written as JSON:"
                " keys are strings, numbers, booleans or None"
            )
        if isinstance(key, int):
            _check_digits(key, "has as a key")
        if isinstance(key, float) and not math.isfinite(key):
            raise ValueError(f"has the key {float.__repr__(key)}")
        written = key if isinstance(key, str) else json.dumps(key)
        _check_text(written)
        if written in seen:
            raise TypeError(
                f"has the keys {seen[written]!r:.40} and {key!r:.40}, which become the"
                " same key as JSON: remove one"
            )
        seen[written] = key


def _spelled(key: object) -> str:
    return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r:.40}]"


def name_of(kind: type) -> str:
    """Return the name of a class, with its module unless it is built in."""
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _advice(value: Any) -> str:
    """Return advice on what to pass instead."""
    if isinstance(value, bytes | bytearray | memoryview):
        return f"encode it as base64 text, {_ENCODE}"
    if isinstance(value, os.PathLike):
        return (
            f"to send the file's content, encode it as base64 text, {_ENCODE}; to send the path,"
            " convert it with str(…)"
        )
    if isinstance(value, type):
        return "pass a value, not a class"
    if isinstance(value, enum.Enum):
        return "pass its .value, or make the class a StrEnum or an IntEnum"
    for has, advice in _ADVICE.items():
        if _has(value, has):
            return advice
    if isinstance(value, Mapping):
        return "convert it with dict(…)"
    if isinstance(value, Collection | Iterator):
        return "convert it with list(…)"
    return (
        "use dicts, lists, strings, numbers, booleans, None, or instances of attrs classes,"
        " dataclasses and pydantic models"
    )


def _has(value: Any, name: str) -> bool:
    """Return whether *value* has an attribute; an attribute that raises counts as missing."""
    try:
        return hasattr(value, name)
    except Exception as fault:
        if raised_by_signal_handler(fault):
            raise
        return False


_ADVICE: Final = {
    "get_secret_value": "pass its get_secret_value() if you want to send the secret",
    "tolist": "pass its tolist(), or its item() if it is a single number",
    "isoformat": "pass its isoformat()",
    "total_seconds": "pass its total_seconds()",
    "tobytes": f"encode it as base64 text, {_ENCODE}",
    "read": f"encode its content as base64 text, {_ENCODE}",
    "as_tuple": "convert it with str(…) or float(…)",
    "hex": "convert it with str(…)",
    "succeeded": "pass its .output",
    "to_dict": "pass its to_dict()",
}
"""Advice, by the name of a method that the value has."""
