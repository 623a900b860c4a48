"""What `map` and `as_completed` return."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, TypeVar

from runpod_sdk._flows.taking import Taker, warn_unclosed
from runpod_sdk._io.sync import run
from runpod_sdk.outcomes import JobResult, MapResult

R = TypeVar("R", bound=MapResult[Any] | JobResult[Any])


class Results(Iterator[R]):
    """
    The results of many jobs, to be iterated once.

    Nothing is sent before the first one is asked for. Iterated to its end, it closes
    itself; left earlier, use it as a context manager, or close it. From the first result
    on a thread of its own does the work; take the results in one thread at a time.
    """

    def __init__(self, taker: Taker[R]) -> None:
        self._taker = taker

    def __iter__(self) -> Results[R]:
        return self

    def __next__(self) -> R:
        try:
            result = run(self._taker.next())
            if result is not None:
                return result
        except BaseException as reason:
            run(self._taker.ended_by(reason))
            raise
        raise StopIteration

    @property
    def in_flight(self) -> dict[int, str]:
        """
        The jobs whose results were not handed out: index of the input to id.

        After the results were left, these are what was left behind: jobs that go on, and
        results that wait at the server. Jobs that were surely cancelled are not among them.
        """
        return self._taker.in_flight

    @property
    def uncertain(self) -> tuple[int, ...]:
        """The inputs that are being submitted; once left, they may be jobs of unknown ids."""
        return self._taker.uncertain

    def close(self) -> None:
        """End the iteration; jobs in flight go on, or are cancelled as `on_leave` says."""
        run(self._taker.leave())

    def __enter__(self) -> Results[R]:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        run(self._taker.leave(exc))

    def __del__(self) -> None:
        warn_unclosed(self, getattr(self, "_taker", None))
