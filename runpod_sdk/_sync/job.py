# Made from _async/job.py by scripts/generate: change that file.
"""A job of the client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from attrs import evolve, field, frozen

from runpod_sdk._flows import updates
from runpod_sdk._flows.guard import JobGuard
from runpod_sdk._flows.stream_memory import StreamMemory
from runpod_sdk._importing import whole_imports
from runpod_sdk._io import sync
from runpod_sdk._job_output import OutputWarning, checked
from runpod_sdk._telemetry.telemetry import JOB_SPAN
from runpod_sdk._typed_outputs import reader_for
from runpod_sdk.models import JobState, Output_co
from runpod_sdk.settings import (
    UNSET,
    OnTimeout,
    OnUpdate,
    Timeout,
    Unset,
    checked_on_timeout,
    length_of_time,
)

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from runpod_sdk._sync.endpoint import Endpoint
    from runpod_sdk._sync.stream import Stream
    from runpod_sdk.explanation import Explanation

T = TypeVar("T")


@frozen
class Job(Generic[Output_co]):
    """
    A job, known by its id, whose state, result and stream can be requested.

    A job made from a stored id (`endpoint.job(id)`) is equal to the one that `run` returned.
    Neither holds a connection. A `Job[Out]` belongs to an `Endpoint[…, Out]`.
    """

    endpoint: Endpoint[Any, Output_co]
    id: str
    _completed: list[JobState] = field(factory=list, init=False, repr=False, eq=False)
    """The state of a job that ended well, once seen: it stays so, but is not kept for long."""
    _warning: OutputWarning = field(factory=OutputWarning, init=False, repr=False, eq=False)
    _span: object = field(default=JOB_SPAN, init=False, repr=False, eq=False)
    _memory: StreamMemory = field(factory=StreamMemory, init=False, repr=False, eq=False)
    """What the streams of this object have fetched; not part of a pickle."""

    def _for_error(self, _: str) -> Job[Output_co]:
        return self

    def __repr__(self) -> str:
        from runpod_sdk._display import line_of_job

        return line_of_job(type(self).__name__, self.id, self.endpoint.id, self._completed)

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        from runpod_sdk._display import html_of_job

        return html_of_job(self.id, self.endpoint.id, self._completed)

    def status(
        self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None
    ) -> JobState:
        """
        Return the job's current state.

        Examples:
            ```python
            state = job.status()
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
        return self.endpoint.status(self.id, timeout=timeout, extra_headers=extra_headers)

    def wait(
        self,
        *,
        timeout: Timeout = None,
        on_timeout: OnTimeout = "detach",
        on_update: OnUpdate | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> JobState:
        """
        Wait until the job has ended, and return its terminal state.

        A failed job does not raise: its state says so.

        Examples:
            ```python
            state = job.wait(timeout=60)
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
        on_timeout = checked_on_timeout(on_timeout)
        context = self.endpoint._with_headers(extra_headers)
        deadline = context.deadline(length_of_time(timeout))
        guard = JobGuard(context, on_timeout, self.id)
        notify = sync.notifier(on_update, guard)
        known = self._completed[0] if self._completed else None
        try:
            state = sync.drive(updates.wait_and_notify(context, self.id, deadline, notify, known))
        except BaseException as reason:
            sync.drive(guard.ended_by(reason))
            raise
        if state.succeeded and known is None:
            self._completed.append(state)
        return state

    @overload
    def output(
        self,
        *,
        timeout: Timeout = None,
        on_timeout: OnTimeout = "detach",
        on_update: OnUpdate | None = None,
        extra_headers: Mapping[str, str] | None = None,
        output_type: None = None,
    ) -> Output_co: ...
    @overload
    def output(
        self,
        *,
        timeout: Timeout = None,
        on_timeout: OnTimeout = "detach",
        on_update: OnUpdate | None = None,
        extra_headers: Mapping[str, str] | None = None,
        output_type: type[T],
    ) -> T: ...
    @overload
    def output(
        self,
        *,
        timeout: Timeout = None,
        on_timeout: OnTimeout = "detach",
        on_update: OnUpdate | None = None,
        extra_headers: Mapping[str, str] | None = None,
        output_type: Any,
    ) -> Any: ...
    def output(
        self,
        *,
        timeout: Timeout = None,
        on_timeout: OnTimeout = "detach",
        on_update: OnUpdate | None = None,
        extra_headers: Mapping[str, str] | None = None,
        output_type: Any = None,
    ) -> Any:
        """
        Wait until the job has ended, and return its output.

        The first request returns at once; later ones are long polls. The output is stored in
        this object and not requested again.

        Examples:
            ```python
            job = endpoint.run(input={"prompt": "Hello"})
            print(job.output(timeout=60))
            ```

        Args:
            timeout: Longest total time in seconds; None waits without limit.
            on_timeout: "cancel" cancels the job, best effort and within 5 seconds, if the call
                times out or is interrupted; "detach" leaves it running.
            output_type: Type that the output is converted to, instead of the endpoint's: an
                attrs class, a dataclass, a TypedDict, a pydantic model, or a type built from
                these, such as `list[Model]`. Any returns the decoded JSON.
            on_update: Is called with each update: the first state that is known, then each change
                of status or progress, the terminal state last. An exception that it raises ends
                the wait like an interruption.
            extra_headers: Additional headers of each request.

        Returns:
            The handler's return value, as decoded JSON or a value of the type. For a handler
            that yields and aggregates, the list of what it yielded, in order. None, with a
            `UserWarning` that names likely reasons, if the job completed without an output.

        Raises:
            JobError: The job failed, or completed with an error instead of an output;
                `.state.error` is the reason.
            RunpodTimeoutError: *timeout* passed first; `.job` can be waited for again.
            OutputValidationError: The output does not match the type; `.state.output` has it.
            NotFoundError: There is no such job, or its result has expired (30 min after `run`).

        Source: get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        read = reader_for(output_type, self.endpoint.output_type)
        state = self.wait(
            timeout=timeout, on_timeout=on_timeout, on_update=on_update, extra_headers=extra_headers
        )
        checked(state, self._for_error)
        return self._warning.output(state) if read is None else read.output(state)

    def save_output(
        self,
        directory: str | PathLike[str],
        *,
        timeout: Timeout = None,
        overwrite: bool = False,
        extra_headers: Mapping[str, str] | None = None,
    ) -> list[Path]:
        """
        Wait until the job has ended, and write every file of its output into a directory.

        Files are base64 text, `data:` URLs and links (see `JobState.files`). They get the names
        in the output; nothing is written outside the directory. Links are
        downloaded without the API key, within 10 minutes each, over http and https, and from
        hosts of the public network only, unless the endpoint is in a private one. Links to web
        pages are ignored.

        Examples:
            ```python
            for path in job.save_output("pictures"):
                print(path)
            ```

        Args:
            directory: Where the files go; it is made if it does not exist.
            timeout: Longest total time in seconds, downloads included; None is no limit.
            overwrite: Whether files that exist already are replaced.
            extra_headers: Additional headers of each request to the endpoint.

        Returns:
            The paths of the files, in the order of the output.

        Examples:
            ```python
            for path in job.save_output("pictures"):
                print(path)
            ```

        Raises:
            SaveOutputError: Some files were not saved, for example as they exist already or
                *timeout* passed: `.failed` has the reasons, `.saved` the paths of the others.
            JobError: The job failed, or completed with an error instead of an output.
            RunpodTimeoutError: *timeout* passed before the job ended; `.job` can be waited
                for again.
            NotFoundError: The endpoint has no such job, or its result has expired.
        """
        with whole_imports():
            from runpod_sdk._files.time_left import TimeLeft
            from runpod_sdk.files import DOWNLOAD_TIMEOUT, FileSaver, save_all

        total = length_of_time(timeout)
        saver = FileSaver(directory, overwrite=overwrite)
        time_left = TimeLeft(total, DOWNLOAD_TIMEOUT)
        state = checked(self.wait(timeout=total, extra_headers=extra_headers), self._for_error)
        save = partial(save_all, state, saver, time_left=time_left)
        return sync.in_thread(save, time_left)

    def stream(
        self, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None
    ) -> Stream:
        """
        Stream the chunks that the job yields, as they arrive: each once and in order.

        The server hands out each chunk once. Chunks that an earlier stream of this object
        fetched and did not deliver (see `Stream.undelivered`) come first; other objects
        and processes do not have them.

        Examples:
            ```python
            for chunk in job.stream():
                print(chunk.output)
            ```

        Args:
            timeout: Longest total time in seconds, from the request for the first chunk to
                the end of the stream.
            extra_headers: Additional headers of each request.

        Returns:
            An iterator of `StreamChunk`, which is also a context manager. Nothing
            is sent before the first chunk is requested.

        Raises:
            JobError: The job failed; raised after its last chunk.
            StreamInterruptedError: Chunks are missing: a response was lost, or the job was
                given to another worker, and neither the job's output nor that worker's chunks
                continue the chunks delivered so far.
            RunpodTimeoutError: *timeout* passed first.
            NotFoundError: The endpoint has no such job, or its result has expired.
            RuntimeError: Another thread is waiting for the next chunk.

        Source: stream_job in openapi/runpod-serverless.yaml.
        """
        context = evolve(self.endpoint._with_headers(extra_headers), job_of=self._for_error)
        total = length_of_time(timeout)
        with whole_imports():
            from runpod_sdk._flows.stream import ChunkReader
            from runpod_sdk._sync.stream import Stream
        return Stream(ChunkReader(context, self.id, total, self._memory))

    def updates(
        self, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None
    ) -> Iterator[JobState]:
        """
        Iterate over the job's updates: its present state, each change of its status or
        progress, and its terminal state.

        A failed job does not raise: its last state says so. Changes that follow one another
        faster than the client asks are one update. After a change, the client asks again within
        a second; while nothing changes, about every five seconds.

        Args:
            timeout: Longest total time in seconds, from the request for the first update to the
                last.
            extra_headers: Additional headers of each request.

        Returns:
            An iterator of `JobState`. Nothing is sent before the first is requested.

        Raises:
            RunpodTimeoutError: *timeout* passed first; `.state` is the last known state.
            NotFoundError: The endpoint has no such job, or its result has expired.

        Examples:
            ```python
            for state in job.updates():
                print(state.status, state.progress)
            ```

        Source: get_job_status, get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        session = evolve(self.endpoint._with_headers(extra_headers), job_of=self._for_error)
        reader = updates.UpdateReader(session, self.id, None, length_of_time(timeout))
        return sync.QueueIterator(reader.fill)

    def cancel(
        self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None
    ) -> JobState:
        """
        Cancel the job, and return the state that the server answers with.

        Examples:
            ```python
            state = job.cancel()
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
        return self.endpoint.cancel(self.id, timeout=timeout, extra_headers=extra_headers)

    def retry(
        self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None
    ) -> JobState:
        """
        Queue the failed or timed out job again, with the same id and input.

        The server drops the job's previous result.

        Examples:
            ```python
            state = job.retry()
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
        self._completed.clear()
        state = self.endpoint.retry(self.id, timeout=timeout, extra_headers=extra_headers)
        self._memory.restart()
        return state

    def explain(
        self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None
    ) -> Explanation:
        """
        Explain the job's current state, for example why it is still queued.

        Requests the job's state and the endpoint's health. If they cannot be fetched, nothing
        is raised: the reason is then `JobReason.UNKNOWN`.

        Examples:
            ```python
            explanation = job.explain()
            print(explanation.reason, explanation)
            ```

        Args:
            timeout: Longest total time of all requests, in seconds.
            extra_headers: Additional headers of each request.

        Returns:
            A reason code and a sentence, with the state and the health they are based on.

        Source: get_job_status, get_health in openapi/runpod-serverless.yaml.
        """
        return self.endpoint.explain(self.id, timeout=timeout, extra_headers=extra_headers)
