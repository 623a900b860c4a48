"""
Write JSON with the standard library; an error names the path of the value that has no JSON form.

The invalid value is searched for only after writing has failed. Different keys that become equal
as JSON, such as 1 and "1", require a key that is not a string. The standard library accepts them,
so dicts with such keys are checked in any case.

Long strings, such as a file in base64, and long lists are written in pieces: as a whole, they would
be in memory as text, in part twice, and as bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, Final

from runpod_sdk._signals import raised_by_signal_handler

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_LONG: Final = 64 * 1024
"""The length from which a string is written in pieces of this length."""
_GROUP: Final = 256
"""The length from which a list is written in groups of this length."""
_SAMPLE: Final = 16
"""The number of values in a group that are searched for long strings and lists."""
_SEARCHED: Final = 1_000
"""The number of dicts and lists that are searched for them."""
_LEVELS: Final = 8
"""The number of levels that are written in pieces."""


def write(value: object, name: str, plain: Callable[[Any], Any]) -> bytes:
    """
    Return *value* as JSON, in UTF-8.

    Args:
        name: The value's name in errors; empty if its keys are names themselves.
        plain: Returns the JSON form of a value of another type, or raises TypeError.

    Raises:
        ValueError: NaN, infinity, a lone surrogate, an integer that is too long, or a value that
            contains itself or is nested too deep.
        TypeError: A value or a key has no JSON form, or keys become equal.
        ConfigurationError: *plain* raises it.
    """
    unusual = False

    def json_form(other: Any) -> Any:
        nonlocal unusual
        form = plain(other)
        unusual = unusual or has_other_keys(form)
        return form

    # Raised without a cause, which would contain the value and any secrets in it.
    content = b""
    failure: ValueError | TypeError | None = None
    named = name or "the request"
    try:
        encode = json.JSONEncoder(
            ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=json_form
        ).encode
        is_large, has_names = _survey(value)
        content = _in_pieces(value, encode) if is_large else encode(value).encode()
        if not unusual and (has_names or not has_other_keys(value)):
            return content
    except RecursionError:
        failure = ValueError(f"{named} is nested too deeply for JSON")
    except (ValueError, TypeError) as error:
        if raised_by_signal_handler(error):
            raise
        cls = TypeError if isinstance(error, TypeError) else ValueError
        failure = cls(f"{named} can't be written as JSON: {error}")
    from runpod_sdk._json_faults import find  # only needed after a failure

    failure = find(value, name, plain) or failure
    if failure is None:
        return content
    raise failure


def _survey(value: object) -> tuple[bool, bool]:
    """
    Return whether *value* contains long strings or lists, and whether all its keys are strings.

    If *value* has many parts, or contains itself, the first ones are searched, and keys count as
    unknown.
    """
    is_large, has_names, pending = False, True, [value]
    for holder in pending:  # grows during the loop
        if isinstance(holder, dict):
            for key, inner in holder.items():
                kind = type(inner)
                if kind is str:
                    is_large = is_large or len(inner) > _LONG
                elif kind not in _SCALARS:
                    pending.append(inner)
                if type(key) is not str:
                    has_names = False
        elif isinstance(holder, list | tuple):
            if len(holder) > _GROUP:
                return True, False
            for inner in holder:
                kind = type(inner)
                if kind is str:
                    is_large = is_large or len(inner) > _LONG
                elif kind not in _SCALARS:
                    pending.append(inner)
        if len(pending) > _SEARCHED:
            return is_large, False
    return is_large, has_names


def _in_pieces(value: object, encode: Callable[[Any], str]) -> bytes:
    """Return the JSON of *value*, without a copy of all of it as text."""
    buffer = BytesIO()
    for piece in _pieces(value, encode, _LEVELS):
        buffer.write(piece.encode())
    return buffer.getvalue()  # not a copy


def _pieces(value: Any, encode: Callable[[Any], str], levels: int) -> Iterator[str]:
    kind = type(value)
    if kind is str and len(value) > _LONG:
        yield '"'
        for start in range(0, len(value), _LONG):
            yield encode(value[start : start + _LONG])[1:-1]
        yield '"'
    elif levels and kind in (list, tuple) and _survey(value)[0]:
        for start in range(0, len(value), _GROUP):
            yield "," if start else "["
            group = value[start : start + _GROUP]
            if not _survey(group[:_SAMPLE])[0]:
                yield encode(group)[1:-1]
                continue
            for place, inner in enumerate(group):
                if place:
                    yield ","
                yield from _pieces(inner, encode, levels - 1)
        yield "]"
    elif levels and kind is dict and _survey(value)[0] and {str}.issuperset(map(type, value)):
        for place, (key, inner) in enumerate(value.items()):
            yield f"{',' if place else '{'}{encode(key)}:"
            yield from _pieces(inner, encode, levels - 1)
        yield "}"
    else:
        yield encode(value)


def has_other_keys(value: object) -> bool:
    """Return whether a dict in *value* has a key that is not a string."""
    pending = [value]
    for holder in pending:  # grows during the loop
        if isinstance(holder, dict):
            for key, inner in holder.items():
                if type(key) is not str:
                    return True
                if type(inner) not in _SCALARS:
                    pending.append(inner)
        elif isinstance(holder, list | tuple) and not _SCALARS.issuperset(map(type, holder)):
            pending.extend(holder)
    return False
