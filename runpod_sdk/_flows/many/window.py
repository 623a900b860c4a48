"""
Many jobs at once: a window of inputs that is kept full, and their results, ordered or not.

    inputs ──give──▶ queue ──▶ tasks, at most `concurrency` ──▶ done ──step──▶ results

The window holds an input from reading it until yielding its result: at most `most` inputs in any
order, and at most `queued` of them in the queue. Memory use therefore depends neither on the number
of inputs nor on a slow input.

A `Window` runs on its task runner's event loop. It makes no progress while the consumer takes no
results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from attrs import frozen

from runpod_sdk._flows.many.item import Item, ItemHandler
from runpod_sdk._flows.many.runner import Event, TaskRunner
from runpod_sdk.settings import CANCEL_TIMEOUT, CANCELS_AT_ONCE

R = TypeVar("R")


@frozen
class Step(Generic[R]):
    """An update for the consumer of the results."""

    results: Sequence[tuple[int, R]] = ()
    room: int = 0
    """Number of inputs to read after these results."""
    over: bool = False
    late: bool = False


class Window(Generic[R]):
    """Handles inputs, `concurrency` at the same time."""

    def __init__(
        self,
        runner: TaskRunner,
        handler: ItemHandler[R],
        *,
        concurrency: int,
        queued: int,
        most: int,
        ordered: bool,
        stream: AsyncIterable[Any] | None = None,
    ) -> None:
        self._runner = runner
        self._handler = handler
        self._concurrency = concurrency
        self._queued = queued
        self._most = most
        self._ordered = ordered
        self._stream = stream
        """Inputs of an async iterable; the consumer reads other inputs."""
        self._items: dict[int, Item] = {}
        """Held inputs, and inputs of earlier runs, by index."""
        self._last: Item | None = None
        """The input whose result was yielded last."""
        self._queue: deque[Item] = deque()
        self._done: deque[int] = deque()
        self._read = self._handed_out = self._pending = 0
        self._busy = 0
        self._opened = self._exhausted = self._leaving = self._left = False
        self._fault: Exception | None = None
        self._news: Event | None = None
        self._vacancy: Event | None = None
        self.inputs_fault: Exception | None = None
        """The exception that the iterable raised."""

    @property
    def is_crowded(self) -> bool:
        """Whether inputs are waiting for a free task."""
        return bool(self._queue)

    @property
    def in_flight(self) -> dict[int, str]:
        """The ids of jobs whose results were not yielded, by input index."""
        return {item.index: item.job_id for item in list(self._items.values()) if item.job_id}

    @property
    def uncertain(self) -> tuple[int, ...]:
        """The indexes of inputs that may be jobs with unknown ids, and were not yielded."""
        return tuple(item.index for item in list(self._items.values()) if item.uncertain)

    @property
    def submitted(self) -> int:
        """Number of inputs with a submitted job."""
        return self._handler.submitted

    async def step(self, fresh: Iterable[Any], exhausted: bool, seconds: float | None) -> Step[R]:
        """
        Add the inputs that were read, and wait for results or for room for more inputs.

        The results of the previous step count as yielded.
        """
        if not self._opened:
            await self._open()
        self._handed_out += self._pending
        self._pending = 0
        self._exhausted = self._exhausted or exhausted
        try:
            for value in fresh:
                self._give(value)
        except Exception:
            self._queue.clear()  # those before it are not begun, either
            raise
        self._vacate()
        told: list[Step[R]] = []

        def settled() -> bool:
            if not self._left and self._fault is None and (turn := self._tell()) is not None:
                told.append(turn)
            return bool(told) or self._left or self._fault is not None

        in_time = await self._runner.within(seconds, self._when, settled)
        if self._fault is not None:
            raise self._fault
        return told[0] if told else Step(over=self._left, late=not in_time)

    def handed_out(self, index: int | None) -> None:
        """Forget an input whose result is being yielded; None: the caller has it."""
        self._last = None if index is None else self._items.get(index)
        self._items.pop(-1 if index is None else index, None)

    def take_back(self) -> None:
        """Undo `handed_out`, because the caller was interrupted before it got the result."""
        if self._last is not None:
            self._items[self._last.index] = self._last

    async def leave(self, cancel: bool) -> None:
        """
        Stop, and leave the jobs running or cancel them.

        Submissions in progress get some time to be answered, so that no job id is lost.
        """
        if self._leaving or not self._opened:
            return
        self._leaving = True
        self._queue.clear()
        self._handler.stop()
        try:
            await self._runner.within(CANCEL_TIMEOUT, self._when, self._all_sent)
            if cancel:
                await self._cancel_all()
        finally:  # whoever leaves may be interrupted again
            await self._put_away()

    async def _put_away(self) -> None:
        self._left = True
        self._ring()
        try:
            await self._runner.close()
        finally:
            await self._handler.end()

    async def _open(self) -> None:
        self._opened = True
        await self._runner.open()
        for item in await self._handler.begin(self._ring):
            self._items[item.index] = item
            self._enqueue(item)
        if self._stream is not None:
            self._runner.start(self._read_all, self._stream)

    async def _read_all(self, inputs: AsyncIterable[Any]) -> None:
        """Read the async iterable of inputs in a task, whenever there is room."""
        iterator = aiter(inputs)
        try:
            while True:
                while not self._room(self._handed_out):
                    self._vacancy = self._runner.event()
                    await self._vacancy.wait()
                value = await anext(iterator)
                try:
                    self._give(value)
                except Exception as fault:
                    self._fault = self._fault or fault
                    self._queue.clear()
                    break
        except StopAsyncIteration:
            pass
        except Exception as fault:
            self.inputs_fault = fault
        self._exhausted = True
        self._ring()

    def _room(self, handed_out: int) -> int:
        """Return the number of inputs that may be read without exceeding the limits."""
        in_hand = self._read - handed_out
        return max(min(self._most - in_hand, self._queued - len(self._queue)), 0)

    def _give(self, value: Any) -> None:
        index = self._read
        self._read += 1
        known = index in self._items
        item = self._items.setdefault(index, Item(index))
        item.input, item.read = value, True
        self._handler.recall(item)
        if item.done:
            self._finish(item)
        elif not known:
            self._enqueue(item)

    def _enqueue(self, item: Item) -> None:
        self._queue.append(item)
        if self._busy < self._concurrency and not self._leaving:
            self._busy += 1
            self._runner.start(self._carry_out)

    async def _carry_out(self) -> None:
        """Handle queued inputs one after another."""
        try:
            while self._queue:
                item = self._queue.popleft()
                self._vacate()
                await self._handler.handle(item)
                if not item.done:
                    self._queue.append(item)
                elif item.read:
                    self._finish(item)
        except Exception as fault:
            self._fault = self._fault or fault
        finally:
            self._busy -= 1
            self._ring()

    def _finish(self, item: Item) -> None:
        self._done.append(item.index)
        self._ring()

    def _tell(self) -> Step[R] | None:
        """Return the next step for the consumer, or None if there is no news."""
        results = self._take()
        after = self._handed_out + self._pending
        over = self._exhausted and self._read == after
        reads_itself = self._stream is not None
        room = 0 if reads_itself or self._exhausted else self._room(after)
        return Step(results, room, over) if results or room or over else None

    def _take(self) -> list[tuple[int, R]]:
        """Return finished results; if ordered, only up to the first unfinished input."""
        if self._ordered:
            self._done.clear()
            following = self._handed_out
            while (item := self._items.get(following)) and item.read and item.done:
                self._done.append(following)
                following += 1
        taken = [(index, self._handler.result(self._items[index])) for index in self._done]
        self._done.clear()
        self._pending = len(taken)
        return taken

    def _all_sent(self) -> bool:
        return not any(item.sending for item in self._items.values())

    async def _cancel_all(self) -> None:
        going = deque(item for item in self._items.values() if item.job_id and not item.done)
        busy = min(len(going), CANCELS_AT_ONCE)

        async def cancel() -> None:
            nonlocal busy
            try:
                while going:
                    item = going.popleft()
                    if await self._handler.cancel(item):
                        self._items.pop(item.index, None)
            except Exception as fault:
                self._fault = self._fault or fault
            finally:
                busy -= 1
                self._ring()

        for _ in range(busy):
            self._runner.start(cancel)
        await self._runner.within(CANCEL_TIMEOUT, self._when, lambda: not busy)

    async def _when(self, settled: Callable[[], bool]) -> None:
        """Wait until *settled* returns true."""
        while not settled():
            if self._news is None:
                self._news = self._runner.event()
            await self._news.wait()

    def _vacate(self) -> None:
        if self._vacancy is not None:
            self._vacancy.set()

    def _ring(self) -> None:
        if self._news is not None:
            self._news.set()
            self._news = None
