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
    """Something that is rung once, and can be waited for."""

    def set(self) -> object: ...

    async def wait(self) -> object: ...


class TaskRunner(Protocol):
    """Runs flows as tasks; use it from its own event loop only."""

    async def open(self) -> None:
        """Open the runner; its tasks may outlive the task that starts them."""
        ...

    def start(self, flow: Flow[None], *args: Any) -> None:
        """Begin a flow, which must not raise."""
        ...

    def event(self) -> Event: ...

    async def within(self, seconds: float | None, flow: Flow[object], *args: Any) -> bool:
        """Await *flow* for at most *seconds*; return whether it ended."""
        ...

    async def in_thread(self, handler: Callable[..., T], *args: Any) -> T:
        """Call what blocks, without holding up the loop."""
        ...

    async def close(self) -> None:
        """Cancel all flows, and wait until they are gone. It can't be opened again."""
        ...


class Consumer(Protocol):
    """Where the results of a crew are taken."""

    async def call(self, flow: Flow[T], *args: Any) -> T:
        """Await *flow* on the loop of the crew."""
        ...

    async def last(self, flow: Flow[None], *args: Any) -> None:
        """Await *flow* although the caller has been interrupted, and give up the loop."""
        ...

    def abandon(self, flow: Flow[None], *args: Any) -> None:
        """See to it that `last` happens, unless it has, from wherever and without waiting."""
        ...

    def now(self) -> float:
        """Return the time of a clock that only goes forward, in seconds."""
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
