"""
Many jobs at once: a window of inputs that is kept full, and their results, ordered or not.

    inputs ──add──▶ queue ──▶ tasks, at most `concurrency` ──▶ done ──step──▶ results

The window holds an input from reading it until yielding its result: at most `max_held` inputs in
any order, and at most `max_queued` of them in the queue. Memory use therefore depends neither on
the number of inputs nor on a slow input.

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
from runpod_sdk._keys import Key
from runpod_sdk.settings import CANCEL_TIMEOUT, CANCELS_AT_ONCE

R = TypeVar("R")


@frozen
class Step(Generic[R]):
    """An update for the consumer of the results."""

    results: Sequence[tuple[int, R]] = ()
    """Positions of inputs, and their results."""
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
        max_queued: int,
        max_held: int,
        ordered: bool,
        stream: AsyncIterable[Any] | None = None,
    ) -> None:
        self._runner = runner
        self._handler = handler
        self._concurrency = concurrency
        self._max_queued = max_queued
        self._max_held = max_held
        self._ordered = ordered
        self._stream = stream
        """Inputs of an async iterable; the consumer reads other inputs."""
        self._items: dict[int, Item] = {}
        """Held inputs, by position."""
        self._earlier: dict[Key, Item] = {}
        """Jobs of earlier runs whose inputs have not been read, by identity."""
        self._handed_out_last: Item | None = None
        """The input whose result was yielded last."""
        self._queue: deque[Item] = deque()
        self._done: deque[int] = deque()
        self._read = self._handed_out = self._pending = 0
        self._tasks = 0
        self._is_open = self._exhausted = self._leaving = self._closed = False
        self._error: Exception | None = None
        self._changed: Event | None = None
        self._has_room: Event | None = None
        self.inputs_error: Exception | None = None
        """The exception that the iterable raised."""

    @property
    def is_crowded(self) -> bool:
        """Whether inputs are waiting for a free task."""
        return bool(self._queue)

    @property
    def in_flight(self) -> dict[int, str]:
        """The ids of jobs whose results were not yielded, by input index."""
        known = (item for item in self._held if item.index >= 0)
        return {item.index: item.job_id for item in known if item.job_id}

    @property
    def uncertain(self) -> tuple[int, ...]:
        """The indexes of inputs that may be jobs with unknown ids, and were not yielded."""
        return tuple(item.index for item in self._held if item.uncertain)

    @property
    def _held(self) -> list[Item]:
        return [*self._items.copy().values(), *self._earlier.copy().values()]

    @property
    def submitted(self) -> int:
        """Number of inputs with a submitted job."""
        return self._handler.submitted

    async def step(self, fresh: Iterable[Any], exhausted: bool, seconds: float | None) -> Step[R]:
        """
        Add the inputs that were read, and wait for results or for room for more inputs.

        The results of the previous step count as yielded.
        """
        if not self._is_open:
            await self._open()
        self._handed_out += self._pending
        self._pending = 0
        self._exhausted = self._exhausted or exhausted
        try:
            await self._add(fresh)
        except Exception:
            self._queue.clear()  # the inputs before it are not started, either
            raise
        self._signal_room()
        steps: list[Step[R]] = []

        def settled() -> bool:
            if not self._closed and self._error is None and (step := self._next_step()) is not None:
                steps.append(step)
            return bool(steps) or self._closed or self._error is not None

        in_time = await self._runner.within(seconds, self._wait_until, settled)
        if self._error is not None:
            raise self._error
        return steps[0] if steps else Step(over=self._closed, late=not in_time)

    def handed_out(self, position: int | None) -> None:
        """Forget an input whose result is being yielded; None: the caller has it."""
        self._handed_out_last = None if position is None else self._items.get(position)
        self._items.pop(-1 if position is None else position, None)

    def restore_handed_out(self) -> None:
        """Undo `handed_out`, because the caller was interrupted before it got the result."""
        if self._handed_out_last is not None:
            self._items[self._handed_out_last.position] = self._handed_out_last

    async def leave(self, cancel: bool) -> None:
        """
        Stop, and leave the jobs running or cancel them.

        Submissions in progress get some time to be answered, so that no job id is lost.
        """
        if self._leaving or not self._is_open:
            return
        self._leaving = True
        self._queue.clear()
        self._handler.stop()
        try:
            await self._runner.within(CANCEL_TIMEOUT, self._wait_until, self._all_sent)
            if cancel:
                await self._cancel_all()
        finally:  # the caller may be interrupted again
            await self._close()

    async def _close(self) -> None:
        self._closed = True
        self._notify()
        try:
            await self._runner.close()
        finally:
            await self._handler.end()

    async def _open(self) -> None:
        self._is_open = True
        await self._runner.open()
        for item in await self._handler.begin(self._notify):
            self._earlier[item.identity] = item
            self._enqueue(item)
        if self._stream is not None:
            self._runner.start(self._read_all, self._stream)

    async def _read_all(self, inputs: AsyncIterable[Any]) -> None:
        """Read the async iterable of inputs in a task, whenever there is room."""
        iterator = aiter(inputs)
        try:
            while True:
                while not self._room(self._handed_out):
                    self._has_room = self._runner.event()
                    await self._has_room.wait()
                value = await anext(iterator)
                try:
                    await self._add([value])
                except Exception as error:
                    self._error = self._error or error
                    self._queue.clear()
                    break
        except StopAsyncIteration:
            pass
        except Exception as error:
            self.inputs_error = error
        self._exhausted = True
        self._notify()

    def _room(self, handed_out: int) -> int:
        """Return the number of inputs that may be read without exceeding the limits."""
        held = self._read - handed_out
        return max(min(self._max_held - held, self._max_queued - len(self._queue)), 0)

    async def _add(self, values: Iterable[Any]) -> None:
        """Begin to handle newly read inputs, some of which are jobs of earlier runs."""
        items = [self._identified(value) for value in values]
        if items:
            await self._handler.recall(items)
        for item in items:
            item.read = True
            if item.done:
                self._finish(item)
            elif not item.earlier:
                self._enqueue(item)

    def _identified(self, value: Any) -> Item:
        """Return the item of a newly read input."""
        fresh = Item(self._read, value, position=self._read)
        self._read += 1
        self._handler.identify(fresh)
        item = self._earlier.pop(fresh.identity, fresh)
        item.index, item.position, item.input = fresh.index, fresh.position, value
        item.changed = item.digest != fresh.digest
        if item.error is not None:
            item.error.index = item.index
        self._items[item.position] = item
        return item

    def _enqueue(self, item: Item) -> None:
        self._queue.append(item)
        if self._tasks < self._concurrency and not self._leaving:
            self._tasks += 1
            self._runner.start(self._work)

    async def _work(self) -> None:
        """Handle queued inputs one after another."""
        try:
            while self._queue:
                item = self._queue.popleft()
                self._signal_room()
                await self._handler.handle(item)
                if not item.done:
                    self._queue.append(item)
                elif item.read:
                    self._finish(item)
        except Exception as error:
            self._error = self._error or error
        finally:
            self._tasks -= 1
            self._notify()

    def _finish(self, item: Item) -> None:
        self._done.append(item.position)
        self._notify()

    def _next_step(self) -> Step[R] | None:
        """Return the next step for the consumer, or None if nothing has changed."""
        results = self._take()
        after = self._handed_out + self._pending
        over = self._exhausted and self._read == after
        reads_inputs = self._stream is not None
        room = 0 if reads_inputs or self._exhausted else self._room(after)
        return Step(results, room, over) if results or room or over else None

    def _take(self) -> list[tuple[int, R]]:
        """Return finished results; if ordered, only up to the first unfinished input."""
        if self._ordered:
            self._done.clear()
            following = self._handed_out
            while (item := self._items.get(following)) and item.read and item.done:
                self._done.append(following)
                following += 1
        taken = [(at, self._handler.result(self._items[at])) for at in self._done]
        self._done.clear()
        self._pending = len(taken)
        return taken

    def _all_sent(self) -> bool:
        return not any(item.sending for item in self._held)

    async def _cancel_all(self) -> None:
        to_cancel = deque(item for item in self._held if item.job_id and not item.done)
        tasks = min(len(to_cancel), CANCELS_AT_ONCE)

        async def cancel() -> None:
            nonlocal tasks
            try:
                while to_cancel:
                    item = to_cancel.popleft()
                    if await self._handler.cancel(item):
                        self._items.pop(item.position, None)
                        self._earlier.pop(item.identity, None)
            except Exception as error:
                self._error = self._error or error
            finally:
                tasks -= 1
                self._notify()

        for _ in range(tasks):
            self._runner.start(cancel)
        await self._runner.within(CANCEL_TIMEOUT, self._wait_until, lambda: not tasks)

    async def _wait_until(self, settled: Callable[[], bool]) -> None:
        """Wait until *settled* returns True; it is called after each change."""
        while not settled():
            if self._changed is None:
                self._changed = self._runner.event()
            await self._changed.wait()

    def _signal_room(self) -> None:
        if self._has_room is not None:
            self._has_room.set()

    def _notify(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None
