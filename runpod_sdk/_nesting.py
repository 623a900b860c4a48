"""
Pickle and copy values that contain deeply nested JSON.

Both are recursive, and raise `RecursionError` for values that a decoder can read. Values that are
nested deeper than `_DEEP` are therefore converted to a flat list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from attrs import fields, frozen

T = TypeVar("T", bound="Nesting")

_DEEP: Final = 100
"""The number of levels that pickle and copy always support."""


class Nesting:
    """Base of attrs classes whose fields hold decoded JSON."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        kind: Any = type(self)
        return _revive, (kind, {at.name: packed(getattr(self, at.name)) for at in fields(kind)})


def _revive(kind: type[T], values: dict[str, Any]) -> T:
    made = kind.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, unpacked(value))
    return made


@frozen(eq=False)
class _Packed:
    """A nested value as a flat list."""

    parts: list[tuple[Any, Any]]
    """Each part before its members: dict and its keys, list and its length, or None and the
    value."""


def packed(value: Any) -> Any:
    """Return *value* in a form that can be pickled and copied at any nesting depth."""
    if not _is_deep(value):
        return value
    parts: list[tuple[Any, Any]] = []
    rest = [value]
    while rest:
        part = rest.pop()
        if type(part) is dict:
            parts.append((dict, list(part)))
            rest.extend(part.values())
        elif type(part) is list:
            parts.append((list, len(part)))
            rest.extend(part)
        else:
            parts.append((None, part))
    return _Packed(parts)


def unpacked(value: Any) -> Any:
    """Return the value that was passed to `packed`."""
    if not isinstance(value, _Packed):
        return value
    made: list[Any] = []
    for kind, part in reversed(value.parts):  # in reverse, members come before their container
        if kind is None:
            made.append(part)
            continue
        start = len(made) - (part if kind is list else len(part))
        inner = made[start:]
        made[start:] = [inner if kind is list else dict(zip(part, inner, strict=True))]
    return made[0]


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEP):
        level = [
            inner
            for outer in level
            if type(outer) is dict or type(outer) is list
            for inner in (outer.values() if type(outer) is dict else outer)
        ]
        if not level:
            return False
    return True
