"""JSON forms of dates, UUIDs, Decimals and numpy scalars, which have one obvious form each."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

_MAX_DIGITS: Final = 1_000
"""The largest exponent of a Decimal that is written with zeros instead, as 1E+999 is."""


def scalar_form(value: object) -> str | float | None:
    """
    Return the JSON form of *value*; None if it has another type.

    A `datetime` and a `date` become ISO 8601 strings, a `UUID` and a `Decimal` strings of their
    digits, and a numpy scalar a number or a boolean.

    Raises:
        ValueError: *value* is NaT, NaN or infinite.
    """
    if isinstance(value, date):  # includes datetime
        if value != value:
            raise ValueError("is NaT")
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"is {value}")
        return format(value, "f") if abs(value.adjusted()) < _MAX_DIGITS else str(value)
    return _numpy_number(value)


def _numpy_number(value: Any) -> float | None:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic):
        return None
    if isinstance(value, numpy.bool_):
        return bool(value)
    if isinstance(value, numpy.timedelta64):  # a subclass of integer, whose unit would be lost
        return None
    if isinstance(value, numpy.integer):
        return int(value)
    return float(value) if isinstance(value, numpy.floating) else None
