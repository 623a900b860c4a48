"""
Conversion of decoded JSON to a value of a caller's type.

cattrs converts attrs classes, dataclasses, TypedDicts and types that contain them. pydantic
converts its own models. Values are not coerced: a number is not a text, and a text is not a number.
Unknown fields are handled by each library's default. `_typed_inputs` converts in the other
direction.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

from attrs import evolve, frozen

from runpod_sdk._json_faults import Unwritable
from runpod_sdk._signals import interruption_in
from runpod_sdk.errors import ConfigurationError, OutputValidationError
from runpod_sdk.json_text import write
from runpod_sdk.models import JobState

if TYPE_CHECKING:
    from cattrs import BaseConverter
    from cattrs.preconf.json import JsonConverter

_MOST_FAULTS = 5
_ASTERISKS = "*" * 10
"""What pydantic writes of a secret."""


class Misfit(Exception):
    """A value of JSON is none of a type; the text says what is wrong, and where."""


@frozen
class Reader:
    """Makes values of one type."""

    kind: Any
    _convert: Callable[[Any], Any]

    @property
    def name(self) -> str:
        """The type, as a message names it."""
        plain = isinstance(self.kind, type) and not get_args(self.kind)
        return self.kind.__name__ if plain else repr(self.kind)

    def value(self, value: Any, path: str) -> Any:
        """
        Return *value*, decoded JSON, as a value of the type.

        Args:
            path: The value's name in errors.

        Raises:
            Misfit: The value does not match the type.
        """
        # Raised without a cause, whose own references to the value nobody can pickle.
        before = sys.exception()
        try:
            return self._convert(value)
        except Exception as fault:
            if (interruption := interruption_in(fault, before)) is not None:
                raise interruption from interruption.__cause__
            faults = _faults(fault, path)
        more = f" and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise Misfit("; ".join(faults[:_MOST_FAULTS]) + more)

    def output(self, state: JobState[Any]) -> Any:
        """
        Return the output of *state* as a value of the type.

        Raises:
            OutputValidationError: It can't be one.
        """
        try:
            return self.value(state.output, "output")
        except Misfit as misfit:
            faults = str(misfit)
        what = f"an output that is not a {self.name}" if state.has_output else "no output"
        raise OutputValidationError(
            f"job {state.id} has {what}: {faults}; see .state.output", state=state
        )

    def state(self, state: JobState[Any]) -> JobState[Any]:
        """Return *state* with the output as a value of the type."""
        return evolve(state, output=self.output(state))


def reader(kind: Any) -> Reader:
    """
    Make what reads JSON as values of a type; to be called before a job is sent.

    Raises:
        ConfigurationError: cattrs is needed for it, and is not installed.
        TypeError: No values of it can be made of JSON.
    """
    try:
        return Reader(kind, _converter_to(kind))
    except ConfigurationError:
        raise
    except Exception as fault:
        raise TypeError(f"cannot convert JSON to {kind!r}: {fault}") from fault


def reader_for(asked: Any, otherwise: Any = None) -> Reader | None:
    """Make what reads the outputs of a call, by the type that it names or the endpoint's."""
    kind = otherwise if asked is None else asked
    return None if kind is None else reader(kind)


def _converter_to(kind: Any) -> Callable[[Any], Any]:
    if _names_a_model(kind):
        from pydantic import TypeAdapter

        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        # Of JSON, not of Python: bytes, and what is strict, are read as they are written.
        return lambda value: adapter.validate_json(write(value))
    structure = converter().get_structure_hook(kind)
    return lambda value: structure(value, kind)


def _names_a_model(kind: Any) -> bool:
    """Tell whether a type is a model of pydantic, or is spelled with one: `list[Model]`."""
    return is_model(kind) or any(map(_names_a_model, get_args(kind)))


@cache
def converter() -> JsonConverter:
    """
    Return the converter of cattrs that reads and writes all JSON, but for pydantic's own.

    Raises:
        ConfigurationError: cattrs is not installed.
    """
    try:
        from cattrs.preconf.json import make_converter
    except ImportError as missing:
        raise ConfigurationError(
            'types other than plain JSON need cattrs: pip install "runpod_sdk[types]"'
        ) from missing
    made = make_converter()
    for kind in (str, bool, int, float, type(None)):
        made.register_structure_hook(kind, only)
    made.register_structure_hook_factory(_is_list, _structure_list)
    made.register_structure_hook(bytes, _bytes)
    made.register_unstructure_hook(bytes, lambda value: base64.b64encode(value).decode())
    made.register_structure_hook_factory(is_model, _structure_model)
    made.register_unstructure_hook_factory(is_model, _dump_hook)
    return made


def is_model(kind: Any) -> bool:
    """Return whether a class is a pydantic model or a pydantic dataclass."""
    return hasattr(kind, "__pydantic_validator__")


def dump_model(value: Any) -> Any:
    """Return what pydantic writes of a model, or of one of its dataclasses."""
    serializer = type(value).__pydantic_serializer__
    dumped = serializer.to_python(value, mode="json", by_alias=True)  # by the names that it reads
    if _has_asterisks(dumped):
        place = _secret_in(dumped, serializer.to_python(value, by_alias=True))
        if place is not None:
            raise Unwritable(
                f"is a secret, which pydantic writes as {_ASTERISKS}: declare it as a str, or add"
                " a serializer that returns its get_secret_value()",
                place,
            )
    return dumped


def _has_asterisks(dumped: Any) -> bool:
    if isinstance(dumped, dict):
        return _ASTERISKS in dumped or any(map(_has_asterisks, dumped.values()))
    if isinstance(dumped, list):
        return any(map(_has_asterisks, dumped))
    return isinstance(dumped, str) and dumped == _ASTERISKS


def _secret_in(dumped: Any, value: Any) -> str | None:
    """Return the place of a secret that was written as asterisks, if there is one."""
    if isinstance(dumped, dict):
        parts = [(f".{key}", inner) for key, inner in dumped.items()]
        values = list(value.values()) if isinstance(value, dict) else []
        if isinstance(value, dict) and any(hasattr(key, "get_secret_value") for key in value):
            return f"[{_ASTERISKS!r}]"
    elif isinstance(dumped, list):
        parts = [(f"[{index}]", inner) for index, inner in enumerate(dumped)]
        values = list(value)
    else:
        return "" if dumped == _ASTERISKS and hasattr(value, "get_secret_value") else None
    for (step, inner), original in zip(parts, values, strict=False):
        place = _secret_in(inner, original)
        if place is not None:
            return step + place
    return None


def _dump_hook(_: Any) -> Callable[[Any], Any]:
    return dump_model


def _structure_model(kind: Any) -> Callable[[Any, Any], Any]:
    convert = _converter_to(kind)
    return lambda value, _: convert(value)


def _is_list(kind: Any) -> bool:
    return kind is list or get_origin(kind) is list


def _structure_list(kind: Any, made: BaseConverter) -> Callable[[Any, Any], Any]:
    """Read a list of a list only: cattrs would take any iterable, a text too."""
    from cattrs.cols import list_structure_factory

    structure = list_structure_factory(kind, made)
    return lambda value, _: structure(only(value, list), kind)


def _bytes(text: Any, _: type[bytes]) -> bytes:
    return base64.b64decode(text, validate=True)


def only(value: Any, kind: type) -> Any:
    """Take a value of JSON as it is; a whole number is a float too, a truth is no number."""
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value


def _faults(fault: Exception, path: str) -> list[str]:
    """Say in a line each what is wrong, and where."""
    if isinstance(fault, ExceptionGroup) or type(fault).__module__.startswith("cattrs"):
        from cattrs import transform_error
        from cattrs.v import format_exception

        def spell(error: BaseException, kind: type | None) -> str:
            if isinstance(error, TypeError) and str(error).startswith("expected "):
                return str(error)
            return format_exception(error, kind)

        return transform_error(fault, path=path, format_exception=spell)
    if (errors := getattr(fault, "errors", None)) is not None:  # pydantic's
        found: list[dict[str, Any]] = errors()
        return [f"{one['msg']} @ {'.'.join((path, *map(str, one['loc'])))}" for one in found]
    ours = str(fault).startswith("expected ")
    return [str(fault) if ours else f"{type(fault).__name__}: {fault}"]
