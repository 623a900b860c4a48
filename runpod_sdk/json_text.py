"""
JSON with integers of any length.

CPython converts no integer of more than 4,300 digits from or to text. Its limit belongs to
the whole process, so it stays as it is: longer ones are converted here. Both ways halve a
number until its parts are short, so that the time stays well below the square of the length,
which is what the limit is there to prevent.
"""

from __future__ import annotations

import json
import re
import reprlib
from functools import cache
from typing import Any, Final

from runpod_sdk._signals import raised_by_signal_handler

_SHORT: Final = 600
"""Digits that CPython converts, whatever its limit is set to."""
_SHORT_BITS: Final = 1_900
"""Bits of which no more than `_SHORT` digits come."""


def read(text: str | bytes) -> Any:
    """
    Read JSON.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deep.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        if "integer string conversion" not in str(error):  # any other is raised as it is
            raise
    return json.loads(text, parse_int=read_integer)


def write(value: Any, **options: Any) -> str:
    """
    Write decoded JSON as text.

    Args:
        options: What `json.dumps` takes.

    Raises:
        ValueError: There is a NaN or an infinity, and *options* do not allow it.
        RecursionError: The value is nested too deep.
    """
    try:
        return json.dumps(value, **options)
    except ValueError as error:
        if raised_by_signal_handler(error):
            raise
        from uuid import uuid4  # for such values only

        mark = uuid4().hex  # in no text that the value holds
        found: list[int] = []
        marked = _marked(value, mark, found)
        if not found:
            raise
    text = json.dumps(marked, **options)
    return re.sub(f'"{mark} (\\d+)"', lambda place: spell(found[int(place[1])]), text)


def read_integer(text: str) -> int:
    """Return the integer that *text* spells, a JSON number."""
    if len(text) <= _SHORT:
        return int(text)

    @cache
    def power(digits: int) -> int:
        return int(10**digits)

    def value(digits: str) -> int:
        if len(digits) <= _SHORT:
            return int(digits)
        low = len(digits) // 2
        high, rest = value(digits[:-low]), value(digits[-low:])
        return high * power(low) + rest

    return -value(text[1:]) if text.startswith("-") else value(text)


def spell(number: int) -> str:
    """Return the decimal digits of *number*."""
    if number.bit_length() <= _SHORT_BITS:
        return str(number)
    from decimal import MAX_EMAX, MAX_PREC, Context, Decimal, localcontext

    @cache
    def power(bits: int) -> Decimal:
        return Decimal(2) ** bits

    def value(part: int, bits: int) -> Decimal:
        if bits <= _SHORT_BITS:
            return Decimal(part)
        low = bits // 2
        high = part >> low
        return value(high, bits - low) * power(low) + value(part - (high << low), low)

    with localcontext(Context(prec=MAX_PREC, Emax=MAX_EMAX)):
        digits = format(value(abs(number), number.bit_length()), "f")
    return f"-{digits}" if number < 0 else digits


class Repr(reprlib.Repr):
    """Shows a value of any size, with integers of any length in it."""

    def repr_int(self, x: int, level: int) -> str:
        """Show the first and the last digits of a long integer."""
        digits = spell(x)
        if len(digits) <= self.maxlong:
            return digits
        end = (self.maxlong - len(self.fillvalue)) // 2
        return f"{digits[:end]}{self.fillvalue}{digits[-end:]}"


def _marked(value: Any, mark: str, found: list[int]) -> Any:
    """Return *value* with *mark* and a place in *found* for each long integer."""
    if isinstance(value, int) and value.bit_length() > _SHORT_BITS:
        found.append(value)
        return f"{mark} {len(found) - 1}"
    if isinstance(value, dict):
        return {name: _marked(inner, mark, found) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(inner, mark, found) for inner in value]
    return value
