"""
Conversion of a caller's values to JSON, the inverse of `_typed_outputs`.

Objects with fields are always converted: attrs classes and dataclasses by cattrs, pydantic models
and dataclasses by pydantic. Scalars with one obvious form are converted, too (see `_scalars`).
Values of other types are converted only if a type annotation names the type: in such a class, or
as the *input_type*.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, get_args

from runpod_sdk import _typed_outputs
from runpod_sdk._json import write
from runpod_sdk._json_faults import NoForm, Unwritable
from runpod_sdk._scalars import scalar_form
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk.errors import ConfigurationError

_OUR_PACKAGES = ("runpod_sdk", "runpod_serverless_api")
_JSON_TYPES = (str, bool, int, float, type(None))


def plain(value: object) -> Any:
    """
    Return the JSON form of a value that the standard library cannot encode.

    Its members may need this function again.

    Raises:
        ConfigurationError: cattrs is needed, and is not installed.
        TypeError: The value's class has no fields, or the value does not match its class.
    """
    form = scalar_form(value)
    if form is not None:
        return form
    kind = type(value)
    if not _has_fields(kind):
        raise NoForm(f"Object of type {kind.__name__} is not JSON serializable")
    try:
        return (
            _typed_outputs.dump_model(value)
            if _typed_outputs.is_model(kind)
            else _unstructure(value)
        )
    except ConfigurationError:
        raise
    except Unwritable as fault:
        if _typed_outputs.is_model(kind):
            raise
        what = f"{fault}"
    except Exception as fault:
        if raised_by_signal_handler(fault):
            raise
        what = f"{type(fault).__name__}: {fault}"
    # Raised without a cause, which would contain the value and any secrets in it.
    raise TypeError(f"{kind.__name__} does not match its class: {what}")


def check_types(input_type: Any, output_type: Any) -> None:
    """
    Check that an endpoint's types can be read from JSON.

    Raises:
        ConfigurationError: cattrs is needed, and is not installed.
        TypeError: A type cannot be read from JSON.
    """
    for kind in (input_type, output_type):
        _typed_outputs.reader_for(kind)


def checker(input_type: Any) -> Callable[[Any], Any]:
    """
    Return a function that checks an input against a type, and returns the value to encode.

    If the type is a class, the input must be an instance. If it is another type, the input's JSON
    must be readable as that type.

    Raises:
        ConfigurationError: cattrs is needed, and is not installed.
        TypeError: The type cannot be read from JSON.
    """
    read = _typed_outputs.reader(input_type)
    if input_type is Any:
        return lambda value: value
    if not isinstance(input_type, type) or get_args(input_type) or _is_typed_dict(input_type):
        return lambda value: _checked(_plain_json(value), read)
    if input_type in _JSON_TYPES:
        return lambda value: _checked(value, read)

    def instance(value: Any) -> Any:
        if not isinstance(value, input_type):
            raise TypeError(f"input must be a {read.name}, not {_type_name(value)}")
        return value if _has_fields(type(value)) else _plain_json(value)

    return instance


def _checked(wire: Any, read: _typed_outputs.Reader) -> Any:
    try:
        read.value(wire, "input")
    except _typed_outputs.Misfit as misfit:
        faults = str(misfit)
    else:
        return wire
    raise TypeError(f"input is not a {read.name}: {faults}")


def _plain_json(value: Any) -> Any:
    """Return a value as plain JSON; its parts may be of any type that cattrs supports."""
    return json.loads(write(value, "input", _plain_any))


def _plain_any(value: object) -> Any:
    if _has_fields(type(value)):
        return plain(value)
    form = _unstructure(value)
    return plain(value) if form is value else form


def _unstructure(value: object) -> Any:
    return _typed_outputs.converter().unstructure(value)


def _is_typed_dict(kind: type) -> bool:
    return issubclass(kind, dict) and hasattr(kind, "__required_keys__")


def _has_fields(kind: type) -> bool:
    if kind.__module__.partition(".")[0] in _OUR_PACKAGES:
        return False  # a mistake of the caller, such as a state instead of its output
    fields = ("__attrs_attrs__", "__dataclass_fields__")
    return _typed_outputs.is_model(kind) or any(hasattr(kind, name) for name in fields)


def _type_name(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
