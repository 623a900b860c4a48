"""
Write JSON with the standard library; an error names the path of the value that has no JSON form.

The invalid value is searched for only after writing has failed. Different keys that become equal
as JSON, such as 1 and "1", require a key that is not a string. The standard library accepts them,
so dicts with such keys are checked in any case.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from runpod_sdk._signals import raised_by_signal_handler

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


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
        content = json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=json_form
        ).encode()
        if not (unusual or has_other_keys(value)):
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
