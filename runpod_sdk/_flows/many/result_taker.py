"""
Take the results of a window, and read its inputs, one step at a time.

The consumer does both: it reads the iterable of inputs in its own thread, and only if there is
room. If the iteration ends early, jobs are left running or cancelled, and the exception's notes
name the remaining jobs.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Generic, TypeVar

from attrs import frozen

from runpod_sdk import _messages as messages
from runpod_sdk import errors
from runpod_sdk._flows.many.runner import Consumer
from runpod_sdk._flows.many.window import Step, Window
from runpod_sdk._secret import clear_frames
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk.results import JobResult, MapProgress, MapResult
from runpod_sdk.settings import OnError, OnLeave

T = TypeVar("T")
R = TypeVar("R", bound="MapResult[Any] | JobResult[Any]")

_READ_SLICE = 0.005
"""Longest time of reading inputs before the next look for results, in seconds."""
_IDS_SHOWN = 20
"""Largest number of job ids in a note."""


@frozen(kw_only=True)
class TakeOptions:
    """Options of a `ResultTaker`."""

    action: str
    """Description of the call, for messages."""
    timeout: float | None = None
    on_error: OnError = "yield"
    on_leave: OnLeave = "detach"
    progress: AbstractContextManager[Callable[[MapProgress], object]] | None = None
    """Entered before the first result; its value is called before each result."""
    total: int | None = None


def checked_inputs(inputs: Iterable[T] | AsyncIterable[T]) -> Iterator[T]:
    """
    Return an iterator of the inputs.

    Raises:
        TypeError: The inputs are not iterable, or are a single string, bytes or mapping.
    """
    if isinstance(inputs, str | bytes | Mapping):
        raise TypeError(
            f"inputs must be an iterable of inputs, not a single input: pass [{inputs!r:.60}]"
        )
    if not isinstance(inputs, Iterable):
        kind = "an async iterable: use AsyncRunpod" if isinstance(inputs, AsyncIterable) else inputs
        raise TypeError(f"inputs must be an iterable of inputs, not {kind!s:.60}")
    return iter(inputs)


def warn_unclosed(results: object, taker: ResultTaker[Any] | None) -> None:
    """Warn that results were dropped without being closed, and close them in the background."""
    if taker is not None and taker.is_open:
        message = "a map or as_completed was not closed: use `with`"
        warnings.warn(message, ResourceWarning, 3, source=results)
        taker.abandon()


class ResultTaker(Generic[R]):
    """The results of one window, one at a time."""

    def __init__(
        self,
        consumer: Consumer,
        window: Window[R],
        inputs: Iterator[Any] | None,
        options: TakeOptions,
    ) -> None:
        self._consumer = consumer
        self._window = window
        self._inputs = inputs
        """The inputs to read here; None for an async iterable, or after the last input."""
        self._exhausted = False
        self._inputs_error: Exception | None = None
        self._options = options
        self._deadline: float | None = None
        self._step: Step[R] | None = None
        self._ready: deque[tuple[int, R]] = deque()
        self._finished = self._failed = 0
        self._progress_scope = ExitStack()
        self._report_progress: Callable[[MapProgress], object] | None = None
        self._closed = self._ended = False

    @property
    def is_open(self) -> bool:
        """Whether the iteration has started and is not closed."""
        return self._step is not None and not self._closed

    @property
    def summary(self) -> tuple[str, MapProgress, int]:
        """The call's description, its progress, and the number of jobs in flight."""
        return self._options.action, self._progress, len(self.in_flight)

    @property
    def _progress(self) -> MapProgress:
        counts = self._window.submitted, self._finished, self._failed, self._options.total
        return MapProgress(*counts)

    @property
    def in_flight(self) -> dict[int, str]:
        return self._window.in_flight

    @property
    def uncertain(self) -> tuple[int, ...]:
        return self._window.uncertain

    def check_open(self) -> None:
        """
        Check that an iteration may begin or continue; after the last result, or after an error, it
        has no more results. If the number of results is known, their end need not be read.

        Raises:
            RuntimeError: The results were closed before the last one.
        """
        if self._closed and not self._ended and self._finished != self._options.total:
            rest = ".in_flight contains the jobs whose results were not read"
            raise RuntimeError(messages.closed_early(self._options.action, rest))

    async def next(self) -> R | None:
        """
        Return the next result, or None after the last.

        Raises:
            RunpodTimeoutError: The deadline passed.
            RunpodError: An input failed, and `on_error` is "raise".
            Exception: The iterable of inputs, or a function of the caller, raised it.
        """
        if self._closed:
            return None
        self._window.handed_out(None)
        try:
            while not self._ready:
                if self._step is not None and self._step.over:
                    await self._end()
                    return None
                await self._next_step()
            return self._hand_out(*self._ready.popleft())
        except BaseException as error:
            await self.ended_by(error)
            raise

    async def ended_by(self, reason: BaseException) -> None:
        """Leave because of *reason*, which may be raised between `next` and its caller."""
        clear_frames(reason, only_ours=True)  # inputs and options may contain secrets
        self._ended = self._ended or not self._closed
        if isinstance(reason, GeneratorExit):  # nothing can be awaited
            return
        if not isinstance(reason, errors.RunpodError):
            self._window.restore_handed_out()
        await self.leave(reason)

    async def leave(self, reason: BaseException | None = None) -> None:
        """End the iteration, and add notes about the remaining jobs to *reason*."""
        if self._closed:
            return
        try:
            self._closed = True
            self._ready.clear()
            if self._step is not None:
                await self._consumer.last(self._window.leave, self._options.on_leave == "cancel")
        except BaseException:  # interrupted again, perhaps before `last` started
            if self._step is not None:
                self._consumer.abandon(self._window.leave, self._options.on_leave == "cancel")
            raise
        finally:
            self._progress_scope.close()
            if reason is not None:
                self._add_notes(reason)

    def abandon(self) -> None:
        """Leave without waiting."""
        self._closed = True
        self._progress_scope.close()
        self._consumer.abandon(self._window.leave, self._options.on_leave == "cancel")

    async def _next_step(self) -> None:
        if self._step is None:
            self._step = Step()
            if self._options.timeout is not None:
                self._deadline = self._consumer.now() + self._options.timeout
            if self._options.progress is not None:
                self._report_progress = self._progress_scope.enter_context(self._options.progress)
        fresh = self._read(self._step.room)
        left = None if self._deadline is None else max(self._deadline - self._consumer.now(), 0.0)
        self._step = await self._consumer.call(self._window.step, fresh, self._exhausted, left)
        if self._step.late:
            message = messages.timed_out(self._options.action, self._options.timeout)
            raise errors.RunpodTimeoutError(message)
        self._ready.extend(self._step.results)

    def _read(self, most: int) -> list[Any]:
        """Read at most *most* inputs, and only for a moment if they are slow."""
        fresh: list[Any] = []
        until = self._consumer.now() + _READ_SLICE
        while self._inputs is not None and len(fresh) < most:
            try:
                fresh.append(next(self._inputs))
            except Exception as end:
                if raised_by_signal_handler(end):  # interrupts the map, not only the inputs
                    raise
                self._inputs, self._exhausted = None, True
                self._inputs_error = None if isinstance(end, StopIteration) else end
            if self._consumer.now() >= until:
                break
        return fresh

    def _hand_out(self, position: int, result: R) -> R:
        self._finished += 1
        self._failed += result.error is not None
        if self._report_progress is not None:
            self._report_progress(self._progress)
        self._window.handed_out(position)  # only now, because the progress function may raise
        if result.error is not None and self._options.on_error == "raise":
            raise result.error
        return result

    async def _end(self) -> None:
        self._ended = True
        await self.leave()
        error = self._inputs_error or self._window.inputs_error
        if error is not None:
            raise error

    def _add_notes(self, reason: BaseException) -> None:
        in_flight = self.in_flight
        if in_flight:
            listed = ", ".join(
                f"{id} (input {index})" for index, id in list(in_flight.items())[:_IDS_SHOWN]
            )
            more = f" and {len(in_flight) - _IDS_SHOWN} more" if len(in_flight) > _IDS_SHOWN else ""
            reason.add_note(f"jobs whose results were not read: {listed}{more}; see .in_flight")
        if self.uncertain:
            inputs = ", ".join(map(str, self.uncertain))
            reason.add_note(f"inputs that may have been enqueued under unknown job ids: {inputs}")
