"""
Decoded JSON as a value of a caller's own type.

cattrs does it (attrs classes, dataclasses, TypedDicts, what they are nested in); pydantic
does it itself, for its models. Nothing is made to fit: a number is no text, nor the
reverse. What both make of fields that a class does not name is their own default.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from attrs import evolve, frozen

from runpod_sdk.errors import ConfigurationError, OutputValidationError
from runpod_sdk.models import JobState

if TYPE_CHECKING:
    from cattrs.preconf.json import JsonConverter

_MOST_FAULTS = 5


@frozen
class Reader:
    """Makes values of one type."""

    output_type: Any
    _convert: Callable[[Any], Any]

    def output(self, state: JobState[Any]) -> Any:
        """
        Return the output of *state* as a value of the type.

        Raises:
            OutputValidationError: It can't be one.
        """
        # Raised without a cause, whose own references to the output nobody can pickle.
        try:
            return self._convert(state.output)
        except Exception as fault:
            faults = _faults(fault)
        plain = isinstance(self.output_type, type) and not get_args(self.output_type)
        name = self.output_type.__name__ if plain else repr(self.output_type)
        what = "no output" if not state.has_output else f"an output that is no {name}"
        more = f" and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise OutputValidationError(
            f"job {state.id} has {what}: {'; '.join(faults[:_MOST_FAULTS])}{more};"
            " see .state.output",
            state=state,
        )

    def state(self, state: JobState[Any]) -> JobState[Any]:
        """Return *state* with the output as a value of the type."""
        return evolve(state, output=self.output(state))


def reader(output_type: Any) -> Reader:
    """
    Make what reads outputs as values of a type; to be called before a job is sent.

    Raises:
        ConfigurationError: cattrs is needed for it, and is not installed.
        TypeError: No values of it can be made of JSON.
    """
    try:
        return Reader(output_type, _converter_to(output_type))
    except ConfigurationError:
        raise
    except Exception as fault:
        raise TypeError(f"no {output_type!r} can be made of JSON: {fault}") from fault


def _converter_to(output_type: Any) -> Callable[[Any], Any]:
    if _names_a_model(output_type):
        from pydantic import TypeAdapter

        convert: Callable[[Any], Any] = TypeAdapter(output_type).validate_python
        return convert
    try:
        structure = _json().get_structure_hook(output_type)
    except ImportError as missing:
        raise ConfigurationError(
            'output_type needs cattrs: pip install "runpod_sdk[types]"'
        ) from missing
    return lambda value: structure(value, output_type)


def _names_a_model(output_type: Any) -> bool:
    """Tell whether a type is a model of pydantic, or is spelled with one: `list[Model]`."""
    return _is_model(output_type) or any(map(_names_a_model, get_args(output_type)))


@cache
def _json() -> JsonConverter:
    from cattrs.preconf.json import make_converter

    converter = make_converter()
    for kind in (str, bool, int, float, type(None)):
        converter.register_structure_hook(kind, _only)
    converter.register_structure_hook(bytes, _bytes)
    converter.register_structure_hook_factory(_is_model, _structure_model)
    return converter


def _is_model(kind: Any) -> bool:
    """Tell whether a class is a model of pydantic, or one of its dataclasses."""
    return hasattr(kind, "__pydantic_validator__")


def _structure_model(kind: Any) -> Callable[[Any, Any], Any]:
    convert = _converter_to(kind)
    return lambda value, _: convert(value)


def _bytes(text: Any, _: type[bytes]) -> bytes:
    return base64.b64decode(text, validate=True)


def _only(value: Any, kind: type) -> Any:
    """Take a value of JSON as it is; a whole number is a float too, a truth is no number."""
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value


def _faults(fault: Exception) -> list[str]:
    """Say in a line each what is wrong, and where."""
    if isinstance(fault, ExceptionGroup) or type(fault).__module__.startswith("cattrs"):
        from cattrs import transform_error
        from cattrs.v import format_exception

        def spell(error: BaseException, kind: type | None) -> str:
            if isinstance(error, TypeError) and str(error).startswith("expected "):
                return str(error)
            return format_exception(error, kind)

        return transform_error(fault, path="output", format_exception=spell)
    if (errors := getattr(fault, "errors", None)) is not None:  # pydantic's
        found: list[dict[str, Any]] = errors()
        return [f"{one['msg']} @ {'.'.join(('output', *map(str, one['loc'])))}" for one in found]
    return [f"{type(fault).__name__}: {fault}"]
