"""
Write JSON: by the standard library, and with an error that names the place of what it can't write.

A value that can't be written is looked for only after writing has failed. Keys that become equal
as JSON, such as 1 and "1", can only be in a dict with a key that is no string: the standard
library does not mind them, so that dicts are looked at before.
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
        name: What the value is called in an error; empty if its keys are names themselves.
        plain: Returns the JSON form of a value that JSON has none for, or raises TypeError.

    Raises:
        ValueError: NaN, infinity, a lone surrogate, an integer that is too long, a value that
            contains itself, or is nested too deep.
        TypeError: A value or a key that JSON has no form for, or keys that become equal.
        ConfigurationError: *plain* raises it.
    """
    unusual = False

    def form_of(other: Any) -> Any:
        nonlocal unusual
        form = plain(other)
        unusual = unusual or has_other_keys(form)
        return form

    # Raised without a cause: that would hold the value, and what may be secret in it.
    content = b""
    failure: ValueError | TypeError | None = None
    named = name or "the request"
    try:
        content = json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=form_of
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
    from runpod_sdk._json_faults import find  # not needed for what can be written

    failure = find(value, name, plain) or failure
    if failure is None:
        return content
    raise failure


def has_other_keys(value: object) -> bool:
    """Return whether a dict in *value* has a key that is not a string."""
    pending = [value]
    for holder in pending:  # which grows
        if isinstance(holder, dict):
            for key, inner in holder.items():
                if type(key) is not str:
                    return True
                if type(inner) not in _SCALARS:
                    pending.append(inner)
        elif isinstance(holder, list | tuple) and not _SCALARS.issuperset(map(type, holder)):
            pending.extend(holder)
    return False
