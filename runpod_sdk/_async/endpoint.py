"""An endpoint of the async client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from attrs import evolve, frozen

from runpod_sdk import _openai
from runpod_sdk._async.job import AsyncJob
from runpod_sdk._flows import api, submit
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.guard import JobGuard
from runpod_sdk._flows.operation import Operation
from runpod_sdk._flows.send import call
from runpod_sdk._headers import checked_headers
from runpod_sdk._importing import whole_imports
from runpod_sdk._io import aio
from runpod_sdk._job_output import checked
from runpod_sdk._typed_outputs import reader_for
from runpod_sdk.models import (
    EndpointHealth,
    ExecutionPolicy,
    Input_contra,
    InputValue,
    JobState,
    JSONValue,
    Output_co,
    PurgeResult,
    S3Config,
    subscriptable,
)
from runpod_sdk.settings import (
    UNSET,
    OnError,
    OnLeave,
    OnTimeout,
    OnUpdate,
    Timeout,
    Unset,
    call_timeout,
    checked_bool,
    checked_id,
    checked_on_timeout,
    length_of_time,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from runpod_sdk._async.batches import AsyncEndpointBatches
    from runpod_sdk._async.client import AsyncRunpod
    from runpod_sdk._async.journaled import AsyncJournaledEndpoint
    from runpod_sdk._async.results import AsyncResults
    from runpod_sdk._async.stream import AsyncStream
    from runpod_sdk._io.task_runner import AsyncInputs
    from runpod_sdk.explanation import Explanation
    from runpod_sdk.journal import AnyJournal
    from runpod_sdk.results import MapProgress, MapResult

T = TypeVar("T")
In = TypeVar("In")
Out = TypeVar("Out")
JSONInput = TypeVar("JSONInput", bound=InputValue)


@frozen
class AsyncEndpoint(Generic[Input_contra, Output_co]):
    """
    A serverless endpoint: the queue that jobs are submitted to. Made by `AsyncRunpod.endpoint`.

    An `AsyncEndpoint[In, Out]` takes inputs of type In and returns outputs of type Out, as set
    by `input_type=In` and `output_type=Out`. In a plain `AsyncEndpoint` both are Any.
    """

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

    async def run(
        self: AsyncEndpoint[In, Out],
        request: Mapping[str, InputValue] | api.JobRequest | None = None,
        *,
        input: In | Unset = UNSET,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        timeout: Timeout | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, JSONValue] | None = None,
    ) -> AsyncJob[Out]:
        """
        Submit a job and return it, without waiting for its result.

        Give either *request*, the API's own body, or keyword arguments, never both. A job is
        never submitted twice unless the first attempt certainly failed.

        Examples:
            ```python
            job = await endpoint.run(input={"prompt": "Hello"})
            print(job.id)
            print(await job.output(timeout=60))
            ```

        Args:
            request: `{"input": …, "webhook": …, "policy": …, "s3Config": …}`, with the wire's
                names and milliseconds, or the generated `JobRequest`.
            input: Any JSON value. It may contain attrs classes, dataclasses and pydantic
                models, which are converted to JSON. The handler gets it as `job["input"]`.
            webhook: URL that RunPod calls when the job has ended.
            policy: Limits of the job on the server.
            s3_config: Storage for large results, passed to the handler.
            timeout: Longest total time of the submission in seconds; None is no limit. By
                default the client's timeout, which restarts as a body makes progress.
            extra_headers: Additional headers of each request.
            extra_body: Top-level fields of the request that this version does not know.

        Raises:
            ValueError: Both forms were given, the input is missing, or a field is unknown.
            TypeError: The input has no JSON form, or does not match the endpoint's
                `input_type`; nothing was sent.
            ConfigurationError: The input needs cattrs, of the extra `types`; nothing was sent.
            SubmissionUncertainError: The job may have been enqueued; its id is unknown.
            APIConnectionError: The connection failed; the job was not enqueued.
            RequestTooLargeError: The request is larger than 10 MiB as JSON; nothing was sent.
            BadRequestError: The server rejected the body.
            RateLimitError: Too many requests or queued jobs; the job was not enqueued.

        Source: run_job in openapi/runpod-serverless.yaml.
        """
        try:
            body = api.request(
                request,
                input=input,
                webhook=webhook,
                policy=policy,
                s3_config=s3_config,
                input_type=self.input_type,
                extra_body=extra_body,
            )
        finally:
            del request, input, webhook, s3_config, extra_body  # which a traceback would show
        total = call_timeout(timeout)
        guard = JobGuard(self._with_headers(extra_headers))
        try:
            flow = submit.run(guard.context, body, total, guard.submission)
            state = await aio.drive(flow)
            return self.job(state.id)
        except BaseException as reason:
            await aio.drive(guard.ended_by(reason))
            raise

    @overload
    async def run_sync(
        self: AsyncEndpoint[In, Out],
        request: Mapping[str, InputValue] | api.JobRequest | None = None,
        *,
        input: In | Unset = UNSET,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        timeout: Timeout = 90.0,
        check: Literal[True] = True,
        on_timeout: OnTimeout = "detach",
        on_update: OnUpdate | None = None,
        output_type: None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, JSONValue] | None = None,
    ) -> JobState[Out]: ...
    @overload
    async def run_sync(
        self: AsyncEndpoint[In, Out],
        request: Mapping[str, InputValue] | api.JobRequest | None = None,
        *,
        input: In | Unset = UNSET,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        timeout: Timeout = 90.0,
        check: Literal[True] = True,
        on_timeout: OnTimeout = "detach",
        on_update: OnUpdate | None = None,
        output_type: type[T],
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, JSONValue] | None = None,
    ) -> JobState[T]: ...
    @overload
    async def run_sync(
        self: AsyncEndpoint[In, Out],
        request: Mapping[str, InputValue] | api.JobRequest | None = None,
        *,
        input: In | Unset = UNSET,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        timeout: Timeout = 90.0,
        check: bool = True,
        on_timeout: OnTimeout = "detach",
        on_update: OnUpdate | None = None,
        output_type: Any = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, JSONValue] | None = None,
    ) -> JobState[Any]: ...
    async def run_sync(
        self: AsyncEndpoint[In, Out],
        request: Mapping[str, InputValue] | api.JobRequest | None = None,
        *,
        input: In | Unset = UNSET,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        timeout: Timeout = 90.0,
        check: bool = True,
        on_timeout: OnTimeout = "detach",
        on_update: OnUpdate | None = None,
        output_type: Any = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, JSONValue] | None = None,
    ) -> JobState[Any]:
        """
        Submit a job, wait until it has ended, and return its terminal state.

        Give either *request*, the API's own body, or keyword arguments, never both. The client
        knows the job's id within about a second; it waits by long polls, which are safe to
        repeat. With a *timeout* of two seconds or less, the job is submitted by `/run` to get
        its id in time.

        Examples:
            ```python
            state = await endpoint.run_sync(input={"prompt": "Hello"}, timeout=60)
            print(state.status, state.output)
            ```

        Args:
            request: `{"input": …, "webhook": …, "policy": …, "s3Config": …}`, with the wire's
                names and milliseconds, or the generated `JobRequest`.
            input: Any JSON value. It may contain attrs classes, dataclasses and pydantic
                models, which are converted to JSON. The handler gets it as `job["input"]`.
            webhook: URL that RunPod calls when the job has ended.
            policy: Limits of the job on the server.
            s3_config: Storage for large results, passed to the handler.
            timeout: Longest total time in seconds; None waits without limit.
            check: Whether to raise if the job failed. False returns its state instead.
            on_timeout: "cancel" cancels the job, best effort and within 5 seconds, if the call
                times out or is interrupted; "detach" leaves it running.
            on_update: Is called with each update: the first state that is known, then each change
                of status or progress, the terminal state last. An exception that it raises ends
                the wait like an interruption.
            output_type: Type that the output of a successful job is converted to, instead of
                the endpoint's: an attrs class, a dataclass, a TypedDict, a pydantic model, or
                a type built from these, such as `list[Model]`.
            extra_headers: Additional headers of each request.
            extra_body: Top-level fields of the request that this version does not know.

        Raises:
            JobError: The job failed, and *check* is true; `.state.error` is the reason.
            RunpodTimeoutError: *timeout* passed; `.job` can be waited for again, and
                `.cancelled` says whether the server confirmed a cancellation.
            SubmissionUncertainError: The job may have been enqueued; its id is unknown.
            OutputValidationError: The output does not match the type; `.state.output` has it.
            RequestTooLargeError: The request is larger than 20 MiB as JSON, or than 10 MiB
                where it is submitted by `/run`; nothing was sent.

        Source: run_job_sync, get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        try:
            body = api.request(
                request,
                input=input,
                webhook=webhook,
                policy=policy,
                s3_config=s3_config,
                input_type=self.input_type,
                extra_body=extra_body,
            )
        finally:
            del request, input, webhook, s3_config, extra_body  # which a traceback would show
        total, on_timeout = length_of_time(timeout), checked_on_timeout(on_timeout)
        read, check = reader_for(output_type, self.output_type), checked_bool(check, "check")
        guard = JobGuard(self._with_headers(extra_headers), on_timeout)
        notify = aio.notifier(on_update, guard)
        try:
            flow = submit.run_sync(guard.context, body, total, guard.submission, notify)
            state = await aio.drive(flow)
            if check:
                checked(state, self.job)
            return state if read is None or not state.succeeded else read.state(state)
        except BaseException as reason:
            await aio.drive(guard.ended_by(reason))
            raise

    async def wait(
        self,
        job_id: str,
        *,
        timeout: Timeout = None,
        on_timeout: OnTimeout = "detach",
        on_update: OnUpdate | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> JobState:
        """
        Wait until a job has ended, and return its terminal state.

        A failed job does not raise: its state says so.

        Examples:
            ```python
            state = await endpoint.wait(job_id, timeout=60)
            if state.succeeded:
                print(state.output)
            ```

        Args:
            timeout: Longest total time in seconds; None waits without limit.
            on_timeout: "cancel" cancels the job, best effort and within 5 seconds, if the call
                times out or is interrupted; "detach" leaves it running.
            on_update: Is called with each update: the first state that is known, then each change
                of status or progress, the terminal state last. An exception that it raises ends
                the wait like an interruption.
            extra_headers: Additional headers of each request.

        Raises:
            RunpodTimeoutError: *timeout* passed first; `.state` is the last known state.
            NotFoundError: The endpoint has no such job, or its result has expired.

        Source: get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        return await self.job(job_id).wait(
            timeout=timeout,
            on_timeout=on_timeout,
            on_update=on_update,
            extra_headers=extra_headers,
        )

    def stream(
        self,
        job_id: str,
        *,
        timeout: Timeout = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncStream:
        """
        Stream the chunks that a job yields, as they arrive: each once and in order.

        The server hands out each chunk once, so only one reader should stream a job. To leave
        a stream and continue later, use `AsyncJob.stream` of one `AsyncJob` object: it begins
        with the chunks that were fetched and not consumed.

        Examples:
            ```python
            async for chunk in endpoint.stream(job_id):
                print(chunk.output)
            ```

        Args:
            timeout: Longest total time in seconds, from the request for the first chunk to
                the end of the stream.
            extra_headers: Additional headers of each request.

        Returns:
            An async iterator of `StreamChunk`, which is also an async context manager. Nothing
            is sent before the first chunk is requested.

        Raises:
            JobError: The job failed; raised after its last chunk.
            StreamInterruptedError: Chunks are missing: a response was lost, or the job was
                given to another worker, and neither the job's output nor that worker's chunks
                continue the chunks delivered so far.
            RunpodTimeoutError: *timeout* passed first.
            NotFoundError: The endpoint has no such job, or its result has expired.
            RuntimeError: Another task is waiting for the next chunk.

        Source: stream_job in openapi/runpod-serverless.yaml.
        """
        return self.job(job_id).stream(timeout=timeout, extra_headers=extra_headers)

    def updates(
        self,
        job_id: str,
        *,
        timeout: Timeout = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[JobState]:
        """
        Iterate over the updates of a job: its present state, each change of its status or
        progress, and its terminal state.

        A failed job does not raise: its last state says so. Changes that follow one another
        faster than the client asks are one update. After a change, the client asks again within
        a second; while nothing changes, about every five seconds.

        Args:
            timeout: Longest total time in seconds, from the request for the first update to the
                last.
            extra_headers: Additional headers of each request.

        Returns:
            An async iterator of `JobState`. Nothing is sent before the first is requested.

        Raises:
            RunpodTimeoutError: *timeout* passed first; `.state` is the last known state.
            NotFoundError: The endpoint has no such job, or its result has expired.

        Examples:
            ```python
            async for state in endpoint.updates(job_id):
                print(state.status, state.progress)
            ```

        Source: get_job_status, get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        return self.job(job_id).updates(timeout=timeout, extra_headers=extra_headers)

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
        from runpod_sdk._flows.explain import explain

        job_id = checked_id(job_id, "job_id")
        context = self._with_headers(extra_headers)
        deadline = context.call_deadline(call_timeout(timeout))
        return await aio.drive(explain(context, job_id, deadline))

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

    @overload
    def map(
        self: AsyncEndpoint[InputValue, Out],
        inputs: AsyncInputs[JSONInput],
        *,
        concurrency: int = 100,
        ordered: bool = True,
        timeout: Timeout = None,
        on_error: OnError = "yield",
        on_leave: OnLeave = "detach",
        progress: bool | Callable[[MapProgress], object] | None = None,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        journal: AnyJournal | None = None,
        key: Callable[[JSONInput], str | int] | None = None,
        on_update: Callable[[int, JobState], object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, JSONValue] | None = None,
    ) -> AsyncResults[MapResult[JSONInput, Out]]: ...
    @overload
    def map(
        self: AsyncEndpoint[In, Out],
        inputs: AsyncInputs[In],
        *,
        concurrency: int = 100,
        ordered: bool = True,
        timeout: Timeout = None,
        on_error: OnError = "yield",
        on_leave: OnLeave = "detach",
        progress: bool | Callable[[MapProgress], object] | None = None,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        journal: AnyJournal | None = None,
        key: Callable[[In], str | int] | None = None,
        on_update: Callable[[int, JobState], object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, JSONValue] | None = None,
    ) -> AsyncResults[MapResult[In, Out]]: ...
    def map(
        self: AsyncEndpoint[Any, Any],
        inputs: AsyncInputs[Any],
        *,
        concurrency: int = 100,
        ordered: bool = True,
        timeout: Timeout = None,
        on_error: OnError = "yield",
        on_leave: OnLeave = "detach",
        progress: bool | Callable[[MapProgress], object] | None = None,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        journal: AnyJournal | None = None,
        key: Callable[[Any], str | int] | None = None,
        on_update: Callable[[int, JobState], object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, JSONValue] | None = None,
    ) -> AsyncResults[MapResult[Any]]:
        """
        Run a job for each input, and iterate over the results.

        Inputs are read lazily, by the consumer of the results: at most four times
        *concurrency* are held in memory at a time (twice, if not *ordered*). If reading an
        input raises, the jobs in flight are still waited for before it propagates.

        A job is never submitted twice unless the first attempt certainly failed: a submission
        without an answer is a result with a `SubmissionUncertainError`.

        Examples:
            ```python
            prompts = [{"prompt": word} for word in ("one", "two")]
            async with endpoint.map(prompts, concurrency=20) as results:
                async for result in results:
                    print(result.index, result.output)
            ```

        Args:
            inputs: An iterable of inputs; the async client takes an async iterable too. The
                handler gets each as `job["input"]`.
            concurrency: Number of jobs in flight at a time.
            ordered: Whether to return results in the order of the inputs, or as they complete.
            timeout: Longest total time in seconds, from the request for the first result to
                the last. To limit one job on the server, use *policy*.
            on_error: "yield" stores an error, a failed job too, in its input's result;
                "raise" raises the first one, with `.index` and `.job`.
            on_leave: "detach" leaves jobs in flight running if the iteration ends early;
                "cancel" cancels them, best effort and within 5 seconds. Submissions in
                progress get up to 5 seconds to be answered.
            progress: True shows a progress bar: on standard error in a terminal (by rich, of
                the extra `cli`), below the cell in a notebook, else as one final line. A
                function is called with a `MapProgress` before each result is returned.
            webhook: URL that RunPod calls when a job has ended.
            policy: Limits of each job on the server.
            s3_config: Storage for large results, passed to the handler.
            journal: A `Journal`, the path of its file, or a `JournalStore`, which records what
                was sent and the results. Call `map` again with the same inputs to resume after a
                crash: finished results are returned without a request, running jobs are waited
                for, and an input that may have been submitted is a `SubmissionUncertainError`.
            key: Function that returns the key of an input, a string or an integer. The journal
                then knows inputs by keys instead of by position, so that they may come in
                another order, with others between them. Each key must be unique.
            on_update: Is called with an input's index and the state of its job, for each change
                of status or progress, by the thread or task that does the work. An exception
                that it raises ends the map.
            extra_headers: Additional headers of each request.
            extra_body: Top-level fields of the request that this version does not know.

        Returns:
            An async iterator of `MapResult`, which is also an async context manager. Nothing
            is sent before the first result is requested. A result's `.output` has the
            endpoint's `output_type`; if the conversion fails, the result has an
            `OutputValidationError`, and `.state.output` is the JSON that was received.

        Raises:
            RunpodTimeoutError: *timeout* passed; the jobs in flight are in its notes, and in
                the iterator's `.in_flight`.
            ConfigurationError: The key is missing, or a package is not installed: cattrs, of
                the extra `types`, for an input, or rich, for a bar in a terminal.
            JournalError: The journal is in use, or belongs to another endpoint or other inputs.
            ValueError, TypeError: An input has no JSON form, such as NaN, does not match the
                endpoint's `input_type`, or has no key or another input's key; its index is in
                the notes. Keys of a list are checked before anything is sent.

        Source: run_job, get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        with whole_imports():
            from runpod_sdk._async.results import map_results
            from runpod_sdk._flows.many.map_options import checked_options

        try:
            options = checked_options(
                concurrency=concurrency,
                ordered=ordered,
                timeout=timeout,
                on_error=on_error,
                on_leave=on_leave,
                progress=progress,
                webhook=webhook,
                policy=policy,
                s3_config=s3_config,
                journal=journal,
                key=key,
                on_update=on_update,
                extra_body=extra_body,
                input_type=self.input_type,
                output_type=self.output_type,
            )
        finally:
            del webhook, s3_config, extra_body  # which a traceback would show
        return map_results(self._with_headers(extra_headers), self.client._io, inputs, options)

    def journaled(self, journal: AnyJournal) -> AsyncJournaledEndpoint[Input_contra, Output_co]:
        """
        Return an object that submits jobs here and collects their results elsewhere.

        Examples:
            ```python
            rows = [{"prompt": word} for word in ("one", "two")]
            await endpoint.journaled("run.sqlite").submit(rows)  # perhaps in another process
            async with endpoint.journaled("run.sqlite").collect() as results:
                async for result in results:
                    print(result.index, result.output)
            ```

        Args:
            journal: A `Journal`, the path of its file, or a `JournalStore`. No request is sent,
                and the journal is not opened.
        """
        from runpod_sdk._async.journaled import AsyncJournaledEndpoint

        return AsyncJournaledEndpoint(self, journal)

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
        return await aio.drive(call(context, op, context.call_deadline(call_timeout(timeout))))

    def _with_headers(self, extra_headers: Mapping[str, str] | None) -> EndpointContext:
        if extra_headers is None:
            return self._context
        return evolve(self._context, headers=checked_headers(extra_headers, "extra_headers"))

    @property
    def _context(self) -> EndpointContext:
        return self.client._context_of(self.id, self.job)
