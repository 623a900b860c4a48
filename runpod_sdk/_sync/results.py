# Made from _async/results.py by scripts/generate: change that file.
"""The return value of `map` and `as_completed`."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from runpod_sdk._flows.many.result_taker import ResultTaker, warn_unclosed
from runpod_sdk._importing import whole_imports
from runpod_sdk._io import sync
from runpod_sdk.results import JobResult, MapResult

if TYPE_CHECKING:
    from runpod_sdk._flows.context import EndpointContext
    from runpod_sdk._flows.many.map_options import MapOptions
    from runpod_sdk._io.loop_thread import Inputs

R = TypeVar("R", bound=MapResult[Any] | JobResult[Any])


class Results(Iterator[R]):
    """
    The results of many jobs, iterated once.

    Nothing is sent before the first result is requested. Close it, or use it as an async
    context manager, if you may leave the iteration early; at its end it closes itself.
    A background thread does the work. Use the iterator in one thread at a time.
    """

    def __init__(self, taker: ResultTaker[R]) -> None:
        self._taker = taker

    def __repr__(self) -> str:
        from runpod_sdk._display import line_of_results

        return line_of_results(type(self).__name__, *self._taker.summary)

    def _repr_html_(self) -> str:
        """Show in a notebook how many results were read. Nothing is sent or read."""
        from runpod_sdk._display import html_of_results

        return html_of_results(*self._taker.summary)

    def __iter__(self) -> Results[R]:
        self._taker.check_open()
        return self

    def __next__(self) -> R:
        try:
            result = sync.drive(self._taker.next())
            if result is not None:
                return result
        except BaseException as reason:
            sync.drive(self._taker.ended_by(reason))
            raise
        raise StopIteration

    @property
    def in_flight(self) -> dict[int, str]:
        """
        The jobs whose results were not returned yet: input index to job id.

        After the iteration was left, these are the jobs that continue, and the results that
        remain on the server. Jobs that were certainly cancelled are not included.
        """
        return self._taker.in_flight

    @property
    def uncertain(self) -> tuple[int, ...]:
        """
        The indices of inputs that are being submitted.

        After the iteration was left, they may be jobs whose ids are unknown.
        """
        return self._taker.uncertain

    def close(self) -> None:
        """End the iteration. Jobs in flight continue, or are cancelled if `on_leave` says so."""
        sync.drive(self._taker.leave())

    def __enter__(self) -> Results[R]:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        sync.drive(self._taker.leave(exc))

    def __del__(self) -> None:
        warn_unclosed(self, getattr(self, "_taker", None))


def map_results(
    context: EndpointContext, io: sync.SyncIO, inputs: Inputs[Any], options: MapOptions
) -> Results[MapResult[Any]]:
    """Return the results of a `map`."""
    with whole_imports():
        from runpod_sdk._flows.many.start_map import start_map
        from runpod_sdk._io.loop_thread import many_context

    return Results(start_map(context, many_context(io), inputs, options))
