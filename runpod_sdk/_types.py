"""Types that errors, values and the shells share, without imports of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

if TYPE_CHECKING:  # the types of values that can be converted to JSON, for type checkers
    from datetime import date
    from decimal import Decimal
    from uuid import UUID

    class Attrs(Protocol):
        __attrs_attrs__: ClassVar[Any]

    class Dataclass(Protocol):
        __dataclass_fields__: ClassVar[dict[str, Any]]

    class Model(Protocol):
        __pydantic_validator__: ClassVar[Any]

    class Typed(Protocol):
        __required_keys__: ClassVar[frozenset[str]]

    class Numpy(Protocol):
        @property
        def shape(self) -> tuple[()]: ...
        def item(self) -> Any: ...

    Scalar: TypeAlias = date | UUID | Decimal | Numpy
    HasFields: TypeAlias = Attrs | Dataclass | Model | Typed


class HttpClient(Protocol):
    """A sync client of httpx or httpx2."""

    @property
    def is_closed(self) -> bool: ...
    @property
    def build_request(self) -> Callable[..., Any]: ...
    @property
    def send(self) -> Callable[..., Any]: ...
    def close(self) -> None: ...


class AsyncHttpClient(Protocol):
    """An async client of httpx or httpx2."""

    @property
    def is_closed(self) -> bool: ...
    @property
    def build_request(self) -> Callable[..., Any]: ...
    @property
    def send(self) -> Callable[..., Any]: ...
    async def aclose(self) -> None: ...


if TYPE_CHECKING:
    JSONValue: TypeAlias = (
        "Mapping[str, JSONValue] | Sequence[JSONValue] | str | int | float | bool | None"
    )
    """Any JSON value. Received values are plain dicts and lists, typed as Any."""

    InputValue: TypeAlias = (
        "Mapping[str, InputValue] | Sequence[InputValue] | str | float | Scalar | HasFields | None"
    )
    """
    Any input: JSON that may contain instances of attrs classes, dataclasses, and pydantic models
    and dataclasses. `datetime`, `date`, `UUID` and `Decimal` are written as strings, numpy scalars
    as numbers.
    """
else:  # for programs that evaluate annotations, as pydantic does: those above refer to themselves
    JSONValue = InputValue = Any | None


class EndpointHandle(Protocol):
    """An endpoint, sync or async."""

    @property
    def id(self) -> str:
        """The endpoint's id."""
        ...


class JobHandle(Protocol):
    """
    A job, sync or async.

    Use `isinstance(job, Job)` or `isinstance(job, AsyncJob)` before you call its methods.
    """

    @property
    def id(self) -> str:
        """The job's id."""
        ...

    @property
    def endpoint(self) -> EndpointHandle:
        """The endpoint that the job belongs to."""
        ...
