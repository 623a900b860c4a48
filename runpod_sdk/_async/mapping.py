"""`AsyncEndpoint.map`: what it needs is imported when it is first called."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from runpod_sdk._importing import whole_imports
from runpod_sdk.settings import CONCURRENCY, OnError, OnLeave, Timeout

if TYPE_CHECKING:
    from runpod_sdk._async.endpoint import AsyncEndpoint
    from runpod_sdk._async.results import AsyncResults
    from runpod_sdk.journal import Journal
    from runpod_sdk.models import ExecutionPolicy, InputValue, S3Config
    from runpod_sdk.outcomes import MapProgress, MapResult

T = TypeVar("T", bound="InputValue")
In = TypeVar("In")
Out = TypeVar("Out")
AsyncInputs: TypeAlias = Iterable[In] | AsyncIterable[In]


@overload
def map(
    self: AsyncEndpoint[InputValue, Out],
    inputs: AsyncInputs[T],
    *,
    concurrency: int = CONCURRENCY,
    ordered: bool = True,
    timeout: Timeout = None,
    on_error: OnError = "yield",
    on_leave: OnLeave = "detach",
    progress: bool | Callable[[MapProgress], object] | None = None,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    journal: Journal | str | PathLike[str] | None = None,
) -> AsyncResults[MapResult[T, Out]]: ...
@overload
def map(
    self: AsyncEndpoint[In, Out],
    inputs: AsyncInputs[In],
    *,
    concurrency: int = CONCURRENCY,
    ordered: bool = True,
    timeout: Timeout = None,
    on_error: OnError = "yield",
    on_leave: OnLeave = "detach",
    progress: bool | Callable[[MapProgress], object] | None = None,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    journal: Journal | str | PathLike[str] | None = None,
) -> AsyncResults[MapResult[In, Out]]: ...
def map(
    self: AsyncEndpoint[Any, Any],
    inputs: AsyncInputs[Any],
    *,
    concurrency: int = CONCURRENCY,
    ordered: bool = True,
    timeout: Timeout = None,
    on_error: OnError = "yield",
    on_leave: OnLeave = "detach",
    progress: bool | Callable[[MapProgress], object] | None = None,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    journal: Journal | str | PathLike[str] | None = None,
) -> AsyncResults[MapResult[Any]]:
    """
    Async twin of `Endpoint.map`; not awaited, but iterated with `async for`.

    *inputs* may be an async iterable too: then a task of its own reads it. A plain one is
    read by who iterates, so it should not block for long.
    """
    with whole_imports():
        from runpod_sdk._async.results import AsyncResults
        from runpod_sdk._flows import mapping
        from runpod_sdk._io.crew import AsyncCrew, AsyncDesk

    try:
        options = mapping.checked_options(
            concurrency=concurrency,
            ordered=ordered,
            timeout=timeout,
            on_error=on_error,
            on_leave=on_leave,
            progress=progress,
            webhook=webhook,
            policy=policy,
            s3_config=s3_config,
            journal=journal,
            input_type=self.input_type,
            output_type=self.output_type,
        )
    finally:
        del webhook, s3_config  # which a traceback would show
    crew = AsyncCrew()
    desk = AsyncDesk(crew)
    taker = mapping.prepare(self._session, crew, desk, inputs, options, awaits=True)
    return AsyncResults(taker)
