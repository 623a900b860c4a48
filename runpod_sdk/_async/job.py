"""A job of the async client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from attrs import evolve, field, frozen

from runpod_sdk._async.stream import AsyncStream
from runpod_sdk._flows.stream_memory import START, StreamMemory
from runpod_sdk._flows.streaming import ChunkReader
from runpod_sdk._io.telemetry import FOLLOWED
from runpod_sdk._outputs import reader_for
from runpod_sdk.explanation import Explanation
from runpod_sdk.models import JobState, Output_co
from runpod_sdk.outcomes import OutputWarning, checked
from runpod_sdk.settings import UNSET, OnTimeout, Timeout, Unset, length_of_time

if TYPE_CHECKING:
    from runpod_sdk._async.endpoint import AsyncEndpoint

T = TypeVar("T")


@frozen
class AsyncJob(Generic[Output_co]):
    """Async twin of `Job`."""

    endpoint: AsyncEndpoint[Any, Output_co]
    id: str
    _completed: list[JobState] = field(factory=list, init=False, repr=False, eq=False)
    """The state of a job that ended well, once seen: it stays so, but is not kept for long."""
    _warning: OutputWarning = field(factory=OutputWarning, init=False, repr=False, eq=False)
    _story: object = field(default=FOLLOWED, init=False, repr=False, eq=False)
    _memory: StreamMemory = field(factory=StreamMemory, init=False, repr=False, eq=False)
    """What the streams of this object have fetched; not part of a pickle."""

    def _for_error(self, _: str) -> AsyncJob[Output_co]:
        return self

    def __repr__(self) -> str:
        from runpod_sdk._display import line_of_job

        return line_of_job(type(self).__name__, self.id, self.endpoint.id, self._completed)

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        from runpod_sdk._display import html_of_job

        return html_of_job(self.id, self.endpoint.id, self._completed)

    async def status(self, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """Async twin of `Job.status`."""
        return await self.endpoint.status(self.id, timeout=timeout)

    async def wait(self, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach") -> JobState:
        """Async twin of `Job.wait`."""
        if not self._completed:
            state = await self.endpoint.wait(self.id, timeout=timeout, on_timeout=on_timeout)
            if not state.succeeded:
                return state
            self._completed.append(state)
        return self._completed[0]

    @overload
    async def output(
        self, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach", output_type: None = None
    ) -> Output_co: ...
    @overload
    async def output(
        self, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach", output_type: type[T]
    ) -> T: ...
    @overload
    async def output(
        self, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach", output_type: Any
    ) -> Any: ...
    async def output(
        self, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach", output_type: Any = None
    ) -> Any:
        """Async twin of `Job.output`."""
        read = reader_for(output_type, self.endpoint.output_type)
        state = await self.wait(timeout=timeout, on_timeout=on_timeout)
        checked(state, self._for_error)
        return self._warning.output(state) if read is None else read.output(state)

    def stream(self, *, timeout: Timeout = None) -> AsyncStream:
        """
        Async twin of `Job.stream`; not awaited, but iterated with `async for`.

        Stream the chunks that the job yields, as they arrive: each once and in order.

        The server hands out each chunk once. What an earlier stream of this object fetched and
        did not deliver (see `AsyncStream.undelivered`) comes first; other objects and processes do
        not have it.

        Args:
            timeout: Longest total time, in seconds, from when the first chunk is asked for
                until the stream's end.

        Returns:
            An async iterator of `StreamChunk`; also an async context manager. Nothing is sent
            before the first chunk is asked for.

        Raises:
            JobError: The job failed; raised after its last chunk.
            StreamInterruptedError: Chunks are missing: a response was lost, or the job was
                given to another worker, and neither the job's output nor what that worker
                yields continues the chunks delivered so far.
            RunpodTimeoutError: *timeout* passed first.
            NotFoundError: No such job at this endpoint, or its result has expired.
            RuntimeError: Another task is waiting for the next chunk.

        Source: stream_job in openapi/runpod-serverless.yaml.
        """
        session = evolve(self.endpoint._session, handle=self._for_error)
        total = length_of_time(timeout)
        return AsyncStream(ChunkReader(session, self.id, total, self._memory))

    async def cancel(self, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """Async twin of `Job.cancel`."""
        return await self.endpoint.cancel(self.id, timeout=timeout)

    async def retry(self, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """Async twin of `Job.retry`."""
        self._completed.clear()
        state = await self.endpoint.retry(self.id, timeout=timeout)
        self._memory.position = START
        return state

    async def explain(self, *, timeout: Timeout | Unset = UNSET) -> Explanation:
        """Async twin of `Job.explain`."""
        return await self.endpoint.explain(self.id, timeout=timeout)
