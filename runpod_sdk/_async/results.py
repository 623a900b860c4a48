"""What `map` and `as_completed` return."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, TypeVar

from runpod_sdk._flows.taking import Taker, warn_unclosed
from runpod_sdk.outcomes import JobResult, MapResult

R = TypeVar("R", bound=MapResult[Any] | JobResult[Any])


class AsyncResults(AsyncIterator[R]):
    """Async twin of `Results`; what does the work are tasks of the loop that it is used on."""

    def __init__(self, taker: Taker[R]) -> None:
        self._taker = taker

    def __aiter__(self) -> AsyncResults[R]:
        return self

    async def __anext__(self) -> R:
        try:
            result = await self._taker.next()
            if result is not None:
                return result
        except BaseException as reason:
            await self._taker.ended_by(reason)
            raise
        raise StopAsyncIteration

    @property
    def in_flight(self) -> dict[int, str]:
        """Async twin of `Results.in_flight`."""
        return self._taker.in_flight

    @property
    def uncertain(self) -> tuple[int, ...]:
        """Async twin of `Results.uncertain`."""
        return self._taker.uncertain

    async def aclose(self) -> None:
        """Async twin of `Results.close`."""
        await self._taker.leave()

    async def __aenter__(self) -> AsyncResults[R]:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._taker.leave(exc)

    def __del__(self) -> None:
        warn_unclosed(self, getattr(self, "_taker", None))
