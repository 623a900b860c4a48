# Made from _async/journaled.py by scripts/generate: change that file.
"""An endpoint with a journal: jobs are submitted in one process, and collected in another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from attrs import frozen

from runpod_sdk._flows.many import detached
from runpod_sdk._flows.many.map_options import checked_options
from runpod_sdk._io import sync
from runpod_sdk._io.loop_thread import many_context
from runpod_sdk.models import (
    ExecutionPolicy,
    Input_contra,
    InputValue,
    JobState,
    JSONValue,
    Output_co,
    S3Config,
    subscriptable,
)
from runpod_sdk.results import MapProgress, MapResult, SubmitResult
from runpod_sdk.settings import OnError, Timeout

if TYPE_CHECKING:
    from runpod_sdk._io.loop_thread import Inputs
    from runpod_sdk._sync.results import Results
    from runpod_sdk.journal import AnyJournal

In = TypeVar("In")
Out = TypeVar("Out")
JSONInput = TypeVar("JSONInput", bound=InputValue)


@frozen
class JournaledEndpoint(Generic[Input_contra, Output_co]):
    """
    An endpoint with a journal. Made by `Endpoint.journaled`.

    `submit` and `collect` are the halves of a `map` with this journal, for two programs that need
    not run at the same time. A `map` with the same journal can do the work of both.
    """

    endpoint: Any
    """The endpoint, an `Endpoint`."""
    journal: AnyJournal

    if not TYPE_CHECKING:
        __class_getitem__ = subscriptable

    @overload
    def submit(
        self: JournaledEndpoint[InputValue, Any],
        inputs: Inputs[JSONInput],
        *,
        key: Callable[[JSONInput], str | int] | None = None,
        concurrency: int = 100,
        timeout: Timeout = None,
        progress: bool | Callable[[MapProgress], object] | None = None,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, JSONValue] | None = None,
    ) -> SubmitResult: ...
    @overload
    def submit(
        self: JournaledEndpoint[In, Any],
        inputs: Inputs[In],
        *,
        key: Callable[[In], str | int] | None = None,
        concurrency: int = 100,
        timeout: Timeout = None,
        progress: bool | Callable[[MapProgress], object] | None = None,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, JSONValue] | None = None,
    ) -> SubmitResult: ...
    def submit(
        self: JournaledEndpoint[Any, Any],
        inputs: Inputs[Any],
        *,
        key: Callable[[Any], str | int] | None = None,
        concurrency: int = 100,
        timeout: Timeout = None,
        progress: bool | Callable[[MapProgress], object] | None = None,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, JSONValue] | None = None,
    ) -> SubmitResult:
        """
        Submit a job for each input that has none, without waiting for results.

        The journal then contains the jobs' ids. Call `submit` again with the same inputs to
        resume after a crash. Collect the results in time: RunPod keeps them for 30 minutes after
        a job's end.

        Args:
            inputs: An iterable of inputs. The
                handler gets each as `job["input"]`.
            key: Function that returns the key of an input; see `Endpoint.map`.
            concurrency: Number of submissions at a time.
            timeout: Longest total time in seconds.
            progress: True shows a progress bar; a function is called with a `MapProgress`.
            webhook: URL that RunPod calls when a job has ended.
            policy: Limits of each job on the server.
            s3_config: Storage for large results, passed to the handler.
            extra_headers: Additional headers of each request.
            extra_body: Top-level fields of the request that this version does not know.

        Returns:
            The numbers of submitted and of known jobs, and the errors of single inputs.

        Raises:
            RunpodTimeoutError: *timeout* passed.
            JournalError: The journal is in use, or belongs to another endpoint or other inputs.
            ValueError, TypeError: An input has no JSON form, has no key, or has another input's
                key; its index is in the notes.

        Source: run_job in openapi/runpod-serverless.yaml.
        """
        try:
            options = checked_options(
                concurrency=concurrency,
                ordered=False,
                timeout=timeout,
                on_error="yield",
                on_leave="detach",
                progress=progress,
                webhook=webhook,
                policy=policy,
                s3_config=s3_config,
                journal=self.journal,
                key=key,
                on_update=None,
                extra_body=extra_body,
                input_type=self.endpoint.input_type,
                output_type=None,
            )
        finally:
            del webhook, s3_config, extra_body  # which a traceback would show
        context = self.endpoint._with_headers(extra_headers)
        many = many_context(self.endpoint.client._io)
        return sync.drive(detached.submit(context, many, inputs, options))

    def collect(
        self: JournaledEndpoint[Any, Out],
        *,
        concurrency: int = 100,
        ordered: bool = True,
        timeout: Timeout = None,
        on_error: OnError = "yield",
        progress: bool | Callable[[MapProgress], object] | None = None,
        on_update: Callable[[int, JobState], object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Results[MapResult[None, Out]]:
        """
        Wait for the journal's jobs, and iterate over their results.

        The journal contains no inputs, so each result's `input` is None: use its `key` or its
        `index`. Results that the journal contains are returned without a request. An input
        without a known job is a result with an error. Nothing is submitted.

        Args:
            concurrency: Number of jobs that are waited for at a time.
            ordered: Whether to return results in the order of the journal, or as jobs end.
            timeout: Longest total time in seconds, from the request for the first result.
            on_error: "yield" stores an error in its input's result; "raise" raises the first.
            progress: True shows a progress bar; a function is called with a `MapProgress`.
            on_update: Is called with an input's index and the state of its job, for each change
                of status or progress.
            extra_headers: Additional headers of each request.

        Returns:
            An iterator of `MapResult`, which is also a context manager.

        Raises:
            RunpodTimeoutError: *timeout* passed. Collect again to continue.
            JournalError: The journal does not exist, is in use, or belongs to another endpoint.

        Source: get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        from runpod_sdk._sync.results import Results

        options = checked_options(
            concurrency=concurrency,
            ordered=ordered,
            timeout=timeout,
            on_error=on_error,
            on_leave="detach",
            progress=progress,
            webhook=None,
            policy=None,
            s3_config=None,
            journal=self.journal,
            key=None,
            on_update=on_update,
            extra_body=None,
            input_type=None,
            output_type=self.endpoint.output_type,
        )
        context = self.endpoint._with_headers(extra_headers)
        many = many_context(self.endpoint.client._io)
        return Results(detached.start_collect(context, many, options))
