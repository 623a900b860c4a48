"""
The second half of the port: concurrent flows.

A `TaskRunner` runs them on an event loop. A `Consumer` takes their results. For the async client,
the consumer is on the same loop. For the sync client, the loop runs in its own thread, and the
consumer blocks and never suspends.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import evolve, frozen

if TYPE_CHECKING:
    from runpod_sdk._flows.context import EndpointContext
    from runpod_sdk._flows.io import IO

T = TypeVar("T")

Flow = Callable[..., Coroutine[Any, Any, T]]


class Event(Protocol):
    """An event that is set once, and can be awaited."""

    def set(self) -> object: ...

    async def wait(self) -> object: ...


class TaskRunner(Protocol):
    """Runs flows as tasks; use it from its own event loop only."""

    async def open(self) -> None:
        """Open the runner; its tasks may outlive the task that starts them."""
        ...

    def start(self, flow: Flow[None], *args: Any) -> None:
        """Start a flow, which must not raise."""
        ...

    def event(self) -> Event: ...

    async def within(self, seconds: float | None, flow: Flow[object], *args: Any) -> bool:
        """Await *flow* for at most *seconds*; return whether it ended."""
        ...

    async def in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """Call a blocking function in a thread, without blocking the loop."""
        ...

    async def close(self) -> None:
        """Cancel all flows, and wait until they have ended. The runner cannot be reopened."""
        ...


class Consumer(Protocol):
    """Takes the results of a task runner."""

    async def call(self, flow: Flow[T], *args: Any) -> T:
        """Await *flow* on the task runner's loop."""
        ...

    async def last(self, flow: Flow[None], *args: Any) -> None:
        """Await *flow*, even if the caller has been interrupted, and release the loop."""
        ...

    def abandon(self, flow: Flow[None], *args: Any) -> None:
        """Schedule `last`, unless it was called, from any thread and without waiting."""
        ...

    def now(self) -> float:
        """Return the time of a monotonic clock, in seconds."""
        ...


@frozen
class ManyContext:
    """An IO port, with the task runner and the consumer on its loop, for many jobs."""

    io: IO
    runner: TaskRunner
    consumer: Consumer
    async_inputs: bool
    """Whether inputs may be an async iterable."""

    def bind(self, context: EndpointContext) -> EndpointContext:
        """Return *context* with this port."""
        return evolve(context, io=self.io)
