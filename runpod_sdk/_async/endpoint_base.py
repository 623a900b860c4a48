"""The operations of an endpoint that send a single request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import evolve, frozen

from runpod_sdk import _openai
from runpod_sdk._async.job import AsyncJob
from runpod_sdk._flows import api, explain
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.operation import Operation
from runpod_sdk._flows.send import call
from runpod_sdk._headers import checked_headers
from runpod_sdk._io import aio
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
    Timeout,
    Unset,
    call_timeout,
    checked_id,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from runpod_sdk._async.batches import AsyncEndpointBatches
    from runpod_sdk._async.client import AsyncRunpod

T = TypeVar("T")


@frozen
class AsyncEndpointBase(Generic[Input_contra, Output_co]):
    """The attributes of an endpoint, and its operations that send a single request."""

    client: AsyncRunpod
    id: str
    input_type: Any = None
    """Type that inputs must have; None accepts any JSON value."""
    output_type: Any = None
    """Type that outputs are converted to; None leaves decoded JSON."""

    if not TYPE_CHECKING:
        __class_getitem__ = subscriptable

    def __repr__(self) -> str:
        from runpod_sdk._display import line_of_endpoint

        return line_of_endpoint(self)

    def _repr_html_(self) -> str:
        """Show the endpoint in a notebook. No request is sent."""
        from runpod_sdk._display import html_of_endpoint

        return html_of_endpoint(self)

    def job(self, job_id: str) -> AsyncJob[Output_co]:
        """
        Return the job with this id. No request is sent.

        Examples:
            ```python
            job = endpoint.job(job_id)  # an id that you stored
            print(await job.output())
            ```

        Raises:
            ValueError: The id is empty, "." or "..", or contains a slash or white space.
        """
        endpoint: Any = self  # which is an AsyncEndpoint
        return AsyncJob(endpoint, checked_id(job_id, "job_id"))

    async def status(
        self,
        job_id: str,
        *,
        timeout: Timeout | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
    ) -> JobState:
        """
        Return the current state of a job.

        Examples:
            ```python
            state = await endpoint.status(job_id)
            print(state.status, state.completed)
            ```

        Args:
            timeout: Longest total time in seconds; None is no limit. By default the client's
                timeout, which restarts as a body makes progress.
            extra_headers: Additional headers of each request.

        Raises:
            NotFoundError: The endpoint has no such job, or its result has expired.
            RunpodTimeoutError: *timeout* passed first.

        Source: get_job_status in openapi/runpod-serverless.yaml.
        """
        op = api.status(self.id, checked_id(job_id, "job_id"))
        return await self._call(op, timeout, extra_headers)

    async def cancel(
        self,
        job_id: str,
        *,
        timeout: Timeout | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
    ) -> JobState:
        """
        Cancel a queued or running job, and return the state that the server answers with.

        Examples:
            ```python
            state = await endpoint.cancel(job_id)
            print(state.status)
            ```

        Args:
            timeout: Longest total time in seconds; None is no limit. By default the client's
                timeout.
            extra_headers: Additional headers of each request.

        Raises:
            NotFoundError: The endpoint has no such job, or its result has expired.
            RunpodTimeoutError: *timeout* passed first.

        Source: cancel_job in openapi/runpod-serverless.yaml.
        """
        op = api.cancel(self.id, checked_id(job_id, "job_id"))
        return await self._call(op, timeout, extra_headers)

    async def retry(
        self,
        job_id: str,
        *,
        timeout: Timeout | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
    ) -> JobState:
        """
        Queue a failed or timed out job again, with the same id and input.

        The server drops the job's previous result.

        Examples:
            ```python
            state = await endpoint.retry(job_id)
            print(state.status)  # IN_QUEUE
            ```

        Args:
            timeout: Longest total time in seconds; None is no limit. By default the client's
                timeout.
            extra_headers: Additional headers of each request.

        Raises:
            BadRequestError: The job's status does not allow a retry.
            NotFoundError: The endpoint has no such job, or its result has expired.
            RunpodTimeoutError: *timeout* passed first.

        Source: retry_job in openapi/runpod-serverless.yaml.
        """
        op = api.retry(self.id, checked_id(job_id, "job_id"))
        return await self._call(op, timeout, extra_headers)

    async def explain(
        self,
        job_id: str,
        *,
        timeout: Timeout | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Explanation:
        """
        Explain a job's current state, for example why it is still queued.

        Requests the job's state and the endpoint's health. If they cannot be fetched, nothing
        is raised: the reason is then `JobReason.UNKNOWN`.

        Examples:
            ```python
            explanation = await endpoint.explain(job_id)
            print(explanation.reason, explanation)
            ```

        Args:
            timeout: Longest total time of all requests, in seconds.
            extra_headers: Additional headers of each request.

        Returns:
            A reason code and a sentence, with the state and the health they are based on.

        Source: get_job_status, get_health in openapi/runpod-serverless.yaml.
        """
        job_id = checked_id(job_id, "job_id")
        context = self._with_headers(extra_headers)
        deadline = context.call_deadline(call_timeout(timeout))
        return await aio.drive(explain.explain(context, job_id, deadline))

    async def health(
        self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None
    ) -> EndpointHealth:
        """
        Return the endpoint's job and worker counts.

        Examples:
            ```python
            health = await endpoint.health()
            print(health.jobs.in_queue, health.workers.idle)
            ```

        Args:
            timeout: Longest total time in seconds; None is no limit. By default the client's
                timeout.
            extra_headers: Additional headers of each request.

        Raises:
            NotFoundError: There is no such endpoint.
            RunpodTimeoutError: *timeout* passed first.

        Source: get_health in openapi/runpod-serverless.yaml.
        """
        return await self._call(api.health(self.id), timeout, extra_headers)

    async def purge_queue(
        self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None
    ) -> PurgeResult:
        """
        Remove all queued jobs; running jobs continue. The request is never sent twice.

        Examples:
            ```python
            result = await endpoint.purge_queue()
            print(result.removed, "jobs removed")
            ```

        Args:
            timeout: Longest total time in seconds; None is no limit. By default the client's
                timeout.
            extra_headers: Additional headers of each request.

        Raises:
            NotFoundError: There is no such endpoint.
            RunpodTimeoutError: *timeout* passed first.

        Source: purge_queue in openapi/runpod-serverless.yaml.
        """
        return await self._call(api.purge(self.id), timeout, extra_headers)

    @property
    def batches(self) -> AsyncEndpointBatches:
        """
        The service's batches of this endpoint. Experimental.

        For most programs, `map` is the better choice; see docs/service-batches.md.
        """
        from runpod_sdk._async.batches import AsyncEndpointBatches

        return AsyncEndpointBatches(self)

    @property
    def openai_base_url(self) -> str:
        """
        The base URL of the endpoint's OpenAI-compatible API, if its worker has one.

        Use it with any OpenAI client; the API key is your RunPod key.
        """
        return _openai.base_url(self.client._config, self.id)

    def openai(self, **options: Any) -> AsyncOpenAI:
        """
        Return an `openai.AsyncOpenAI` client for this endpoint.

        It uses this client's key and base URL. It has its own connections: close it, or use it
        as an async context manager. It does not use this client's proxy or transport.

        Args:
            options: Other arguments of `openai.AsyncOpenAI`. `max_retries` is 0 by default:
                each request is a job, and a request that is sent again is paid again.

        Raises:
            ConfigurationError: The package is not installed; it is the extra `openai`.
        """
        made: AsyncOpenAI = _openai.make(
            "AsyncOpenAI", self.client._config, self.id, options, api.authorization
        )
        return made

    async def _call(
        self, op: Operation[T], timeout: Timeout | Unset, extra_headers: Mapping[str, str] | None
    ) -> T:
        context = self._with_headers(extra_headers)
        deadline = context.call_deadline(call_timeout(timeout))
        return await aio.drive(call(context, op, deadline))

    def _with_headers(self, extra_headers: Mapping[str, str] | None) -> EndpointContext:
        if extra_headers is None:
            return self._context
        headers = checked_headers(extra_headers, "extra_headers")
        return evolve(self._context, headers=headers)

    @property
    def _context(self) -> EndpointContext:
        client, config = self.client, self.client._config
        return EndpointContext(
            client._io,
            self.id,
            config.timeout,
            config.max_retries,
            self.job,
            client._recent_jobs,
            client._rate_limiters,
            config.size_limits,
        )
