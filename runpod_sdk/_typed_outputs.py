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
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from attrs import evolve, frozen

from runpod_sdk._json_faults import Unwritable
from runpod_sdk._signals import interruption_in
from runpod_sdk.errors import ConfigurationError, OutputValidationError
from runpod_sdk.json_text import write
from runpod_sdk.models import JobState

if TYPE_CHECKING:
    from cattrs import BaseConverter
    from cattrs.preconf.json import JsonConverter

_MAX_FAULTS = 5
_ASTERISKS = "*" * 10
"""Pydantic's serialization of a secret."""


class Misfit(Exception):
    """A JSON value does not match a type; the text contains the errors and their paths."""


@frozen
class Reader:
    """Converts JSON to values of one type."""

    kind: Any
    _convert: Callable[[Any], Any]

    @property
    def name(self) -> str:
        """The name of the type, for messages."""
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
        # Raised without a cause, whose references to the value may not be picklable.
        before = sys.exception()
        try:
            return self._convert(value)
        except Exception as fault:
            if (interruption := interruption_in(fault, before)) is not None:
                raise interruption from interruption.__cause__
            faults = _faults(fault, path)
        more = f" and {len(faults) - _MAX_FAULTS} more" if len(faults) > _MAX_FAULTS else ""
        raise Misfit("; ".join(faults[:_MAX_FAULTS]) + more)

    def output(self, state: JobState[Any]) -> Any:
        """
        Return the output of *state* as a value of the type.

        Raises:
            OutputValidationError: The output does not match the type.
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
    Return a reader for a type; call this before a job is sent.

    Raises:
        ConfigurationError: cattrs is needed, and is not installed.
        TypeError: The type cannot be read from JSON.
    """
    try:
        return Reader(kind, _converter_to(kind))
    except ConfigurationError:
        raise
    except Exception as fault:
        raise TypeError(f"cannot convert JSON to {kind!r}: {fault}") from fault


def reader_for(asked: Any, otherwise: Any = None) -> Reader | None:
    """Return the reader for a call's outputs, by the call's type, else by the endpoint's."""
    kind = otherwise if asked is None else asked
    return None if kind is None else reader(kind)


def _converter_to(kind: Any) -> Callable[[Any], Any]:
    if _contains_model(kind):
        from pydantic import TypeAdapter

        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        # From JSON, not from Python objects, so that bytes and strict types match their JSON form.
        return lambda value: adapter.validate_json(write(value))
    structure = converter().get_structure_hook(kind)
    return lambda value: structure(value, kind)


def _contains_model(kind: Any) -> bool:
    """Return whether a type is a pydantic model, or contains one, as `list[Model]` does."""
    return is_model(kind) or any(map(_contains_model, get_args(kind)))


@cache
def converter() -> JsonConverter:
    """
    Return the cattrs converter that reads and writes JSON, except for pydantic models.

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
    made.register_structure_hook_factory(_has_unhashable_hints, _structure_resolved)
    made.register_unstructure_hook_factory(_has_unhashable_hints, _unstructure_resolved)
    made.register_structure_hook(bytes, _bytes)
    made.register_unstructure_hook(bytes, lambda value: base64.b64encode(value).decode())
    made.register_structure_hook_factory(is_model, _structure_model)
    made.register_unstructure_hook_factory(is_model, _dump_hook)
    return made


def _fields(kind: Any) -> tuple[Any, ...]:
    """Return the fields of an attrs class or a dataclass."""
    cls = get_origin(kind) or kind
    fields = getattr(cls, "__attrs_attrs__", None) or getattr(cls, "__dataclass_fields__", {})
    return tuple(fields.values() if isinstance(fields, dict) else fields)


def _has_unhashable_hints(kind: Any) -> bool:
    """Return whether a hint has no hash, as `list[Later]` on CPython 3.14.0 to 3.14.2."""
    try:
        hash(tuple(field.type for field in _fields(kind)))
    except TypeError:
        return True
    return False


def _resolve_hints(kind: Any) -> None:
    """Replace the forward references in a class's fields, as `attrs.resolve_types` does."""
    hints = get_type_hints(get_origin(kind) or kind, include_extras=True)
    for field in _fields(kind):
        object.__setattr__(field, "type", hints[field.name])


def _structure_resolved(kind: Any, made: Any) -> Callable[[Any, Any], Any]:
    _resolve_hints(kind)
    hook: Callable[[Any, Any], Any] = made.gen_structure_attrs_fromdict(kind)
    return hook


def _unstructure_resolved(kind: Any, made: Any) -> Callable[[Any], Any]:
    _resolve_hints(kind)
    hook: Callable[[Any], Any] = made.gen_unstructure_attrs_fromdict(kind)
    return hook


def is_model(kind: Any) -> bool:
    """Return whether a class is a pydantic model or a pydantic dataclass."""
    return hasattr(kind, "__pydantic_validator__")


def dump_model(value: Any) -> Any:
    """Return the JSON form of a pydantic model or pydantic dataclass."""
    serializer = type(value).__pydantic_serializer__
    # Aliases are the names that pydantic reads.
    dumped = serializer.to_python(value, mode="json", by_alias=True)
    if _has_asterisks(dumped):
        place = _secret_path(dumped, serializer.to_python(value, by_alias=True))
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


def _secret_path(dumped: Any, value: Any) -> str | None:
    """Return the path of a secret that was written as asterisks, if any."""
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
        place = _secret_path(inner, original)
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
    """Read only lists as lists: cattrs would accept any iterable, even a string."""
    from cattrs.cols import list_structure_factory

    structure = list_structure_factory(kind, made)
    return lambda value, _: structure(only(value, list), kind)


def _bytes(text: Any, _: type[bytes]) -> bytes:
    return base64.b64decode(text, validate=True)


def only(value: Any, kind: type) -> Any:
    """Return *value* if it is exactly a *kind*; an int is also a float, but a bool is no int."""
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value


def _faults(fault: Exception, path: str) -> list[str]:
    """Return one line for each error, with its path."""
    if isinstance(fault, ExceptionGroup) or type(fault).__module__.startswith("cattrs"):
        from cattrs import transform_error
        from cattrs.v import format_exception

        def describe(error: BaseException, kind: type | None) -> str:
            if isinstance(error, TypeError) and str(error).startswith("expected "):
                return str(error)
            return format_exception(error, kind)

        return transform_error(fault, path=path, format_exception=describe)
    if (errors := getattr(fault, "errors", None)) is not None:  # pydantic's
        found: list[dict[str, Any]] = errors()
        return [f"{one['msg']} @ {'.'.join((path, *map(str, one['loc'])))}" for one in found]
    ours = str(fault).startswith("expected ")
    return [str(fault) if ours else f"{type(fault).__name__}: {fault}"]
