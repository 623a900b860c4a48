"""An endpoint of the async client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from runpod_sdk import _openai
from runpod_sdk._async import mapping, running
from runpod_sdk._async.job import AsyncJob
from runpod_sdk._async.stream import AsyncStream
from runpod_sdk._flows import api
from runpod_sdk._flows.exchange import Operation
from runpod_sdk._flows.explaining import explain
from runpod_sdk._flows.guard import JobGuard
from runpod_sdk._flows.port import Session
from runpod_sdk._flows.sending import perform
from runpod_sdk._flows.waiting import wait
from runpod_sdk.explanation import Explanation
from runpod_sdk.models import (
    EndpointHealth,
    Input_contra,
    JobState,
    Output_co,
    PurgeResult,
    subscriptable,
)
from runpod_sdk.settings import (
    UNSET,
    OnTimeout,
    Timeout,
    Unset,
    call_timeout,
    checked_id,
    checked_on_timeout,
    length_of_time,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from runpod_sdk._async.client import AsyncRunpod

T = TypeVar("T")


@frozen
class AsyncEndpoint(Generic[Input_contra, Output_co]):
    """Async twin of `Endpoint`. Made by `AsyncRunpod.endpoint`."""

    client: AsyncRunpod
    id: str
    input_type: Any = None
    output_type: Any = None

    if not TYPE_CHECKING:
        __class_getitem__ = subscriptable

    def __repr__(self) -> str:
        from runpod_sdk._display import line_of_endpoint

        return line_of_endpoint(self)

    def job(self, job_id: str) -> AsyncJob[Output_co]:
        """Async twin of `Endpoint.job`; not awaited."""
        return AsyncJob(self, checked_id(job_id, "job_id"))

    run = running.run
    run_sync = running.run_sync

    async def status(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """Async twin of `Endpoint.status`."""
        op = api.status(self.id, checked_id(job_id, "job_id"))
        return await self._perform(op, timeout)

    async def wait(
        self, job_id: str, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach"
    ) -> JobState:
        """Async twin of `Endpoint.wait`."""
        job_id, on_timeout = checked_id(job_id, "job_id"), checked_on_timeout(on_timeout)
        session = self._session
        deadline = session.deadline(length_of_time(timeout))
        guard = JobGuard(session, on_timeout, job_id)
        try:
            return await wait(session, job_id, deadline)
        except BaseException as reason:
            await guard.ended_by(reason)
            raise

    def stream(self, job_id: str, *, timeout: Timeout = None) -> AsyncStream:
        """
        Async twin of `Endpoint.stream`; not awaited, but iterated with `async for`.

        Stream the chunks that a job yields, as they arrive: each once and in order.

        The server hands out each chunk once. So a job should be streamed by one reader. To
        leave a stream and continue later, use `AsyncJob.stream` of one `AsyncJob` object: it
        begins with the chunks that were fetched and not consumed.

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
        return self.job(job_id).stream(timeout=timeout)

    async def cancel(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """Async twin of `Endpoint.cancel`."""
        op = api.cancel(self.id, checked_id(job_id, "job_id"))
        return await self._perform(op, timeout)

    async def retry(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """Async twin of `Endpoint.retry`."""
        op = api.retry(self.id, checked_id(job_id, "job_id"))
        return await self._perform(op, timeout)

    async def explain(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> Explanation:
        """Async twin of `Endpoint.explain`."""
        job_id = checked_id(job_id, "job_id")
        session = self._session
        deadline = session.call_deadline(call_timeout(timeout))
        return await explain(session, job_id, deadline)

    async def health(self, *, timeout: Timeout | Unset = UNSET) -> EndpointHealth:
        """Async twin of `Endpoint.health`."""
        return await self._perform(api.health(self.id), timeout)

    async def purge_queue(self, *, timeout: Timeout | Unset = UNSET) -> PurgeResult:
        """Async twin of `Endpoint.purge_queue`."""
        return await self._perform(api.purge(self.id), timeout)

    map = mapping.map

    @property
    def openai_base_url(self) -> str:
        """Async twin of `Endpoint.openai_base_url`; the same."""
        return _openai.base_url(self.client._config, self.id)

    def openai(self, **options: Any) -> AsyncOpenAI:
        """Async twin of `Endpoint.openai`: an `openai.AsyncOpenAI`; not awaited."""
        made: AsyncOpenAI = _openai.make(
            "AsyncOpenAI", self.client._config, self.id, options, api.authorization
        )
        return made

    async def _perform(self, op: Operation[T], timeout: Timeout | Unset) -> T:
        session = self._session
        deadline = session.call_deadline(call_timeout(timeout))
        return await perform(session, op, deadline)

    @property
    def _session(self) -> Session:
        client, config = self.client, self.client._config
        return Session(
            client._io,
            self.id,
            config.timeout,
            config.max_retries,
            self.job,
            client._newcomers,
            client._traffic,
            config.size_limits,
        )
