"""Single values that JSON has no type for, and that have one obvious form in it."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

_MAX_DIGITS: Final = 1_000
"""Zeros that a Decimal such as 1E+1000 is written with; beyond that its exponent is written."""


def scalar_form(value: object) -> str | float | None:
    """
    Return what is written for *value*; None if it is of another type.

    A `datetime` and a `date` become ISO 8601, a `UUID` and a `Decimal` their digits, and a scalar
    of numpy a number or a truth value.

    Raises:
        ValueError: It is no date, or no number (NaT, NaN, infinity).
    """
    if isinstance(value, date):  # a datetime is one too
        if value != value:
            raise ValueError("is NaT")
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"is {value}")
        return format(value, "f") if abs(value.adjusted()) < _MAX_DIGITS else str(value)
    return _number_of_numpy(value)


def _number_of_numpy(value: Any) -> float | None:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic):
        return None
    if isinstance(value, numpy.bool_):
        return bool(value)
    if isinstance(value, numpy.timedelta64):  # an integer too, whose unit would be lost
        return None
    if isinstance(value, numpy.integer):
        return int(value)
    return float(value) if isinstance(value, numpy.floating) else None
