"""A job of the sync client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from attrs import evolve, field, frozen

from runpod_sdk._flows.stream_memory import START, StreamMemory
from runpod_sdk._flows.streaming import ChunkReader
from runpod_sdk._io.telemetry import FOLLOWED
from runpod_sdk._outputs import reader_for
from runpod_sdk._sync.stream import Stream
from runpod_sdk.explanation import Explanation
from runpod_sdk.models import JobState, Output_co
from runpod_sdk.outcomes import OutputWarning, checked
from runpod_sdk.settings import UNSET, OnTimeout, Timeout, Unset, length_of_time

if TYPE_CHECKING:
    from runpod_sdk._sync.endpoint import Endpoint

T = TypeVar("T")


@frozen
class Job(Generic[Output_co]):
    """
    A job by its id: it can be asked after, waited for, streamed and cancelled.

    A job of an id that was kept (`endpoint.job(id)`) is as good as the one that `run`
    returned; neither holds a connection. A `Job[Out]` is one of an `Endpoint[…, Out]`.
    """

    endpoint: Endpoint[Any, Output_co]
    id: str
    _completed: list[JobState] = field(factory=list, init=False, repr=False, eq=False)
    """The state of a job that ended well, once seen: it stays so, but is not kept for long."""
    _warning: OutputWarning = field(factory=OutputWarning, init=False, repr=False, eq=False)
    _story: object = field(default=FOLLOWED, init=False, repr=False, eq=False)
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

    def status(self, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """Ask what has become of the job. See `Endpoint.status`."""
        return self.endpoint.status(self.id, timeout=timeout)

    def wait(self, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach") -> JobState:
        """Wait until the job has ended, well or badly. See `Endpoint.wait`."""
        if not self._completed:
            state = self.endpoint.wait(self.id, timeout=timeout, on_timeout=on_timeout)
            if not state.succeeded:
                return state
            self._completed.append(state)
        return self._completed[0]

    @overload
    def output(
        self, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach", output_type: None = None
    ) -> Output_co: ...
    @overload
    def output(
        self, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach", output_type: type[T]
    ) -> T: ...
    @overload
    def output(
        self, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach", output_type: Any
    ) -> Any: ...
    def output(
        self, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach", output_type: Any = None
    ) -> Any:
        """
        Wait for the job to finish and return its output.

        The first question is asked at once; later ones are long polls. The job goes on
        if this call gives up, unless *on_timeout* is "cancel". An output that was had
        once is kept here, and not asked for again.

        Args:
            timeout: Longest total wait, in seconds; None waits without limit.
            on_timeout: "cancel" cancels the job, best effort and within 5 seconds, when
                the time is up or the caller is interrupted.
            output_type: What the output is to be, if not what the endpoint says: an attrs
                class, a dataclass, a TypedDict, a pydantic model, or what is spelled with
                them, such as `list[Model]`. Any takes it as it came.

        Returns:
            What the handler returned, as decoded JSON or a value of the type; of a handler
            that yields and aggregates, the list of what it yielded, in order. None, with a
            `UserWarning` of the likely reasons, where the job completed without an output.

        Raises:
            JobError: The job ended badly, or completed with an error in place of an output;
                `.state.error` says why.
            RunpodTimeoutError: *timeout* passed first; `.job` can be waited for again.
            OutputValidationError: The output is not of that type; `.state.output` is it.
            NotFoundError: No such job, or its result has expired (30 min after `run`).

        Source: get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        read = reader_for(output_type, self.endpoint.output_type)
        state = self.wait(timeout=timeout, on_timeout=on_timeout)
        checked(state, self._for_error)
        return self._warning.output(state) if read is None else read.output(state)

    def stream(self, *, timeout: Timeout = None) -> Stream:
        """
        Stream the chunks that the job yields, as they arrive: each once and in order.

        The server hands out each chunk once. What an earlier stream of this object fetched and
        did not deliver (see `Stream.undelivered`) comes first; other objects and processes do
        not have it.

        Args:
            timeout: Longest total time, in seconds, from when the first chunk is asked for
                until the stream's end.

        Returns:
            An iterator of `StreamChunk`; also a context manager. Nothing is sent before the
            first chunk is asked for.

        Raises:
            JobError: The job failed; raised after its last chunk.
            StreamInterruptedError: Chunks are missing: a response was lost, or the job was
                given to another worker, and neither the job's output nor what that worker
                yields continues the chunks delivered so far.
            RunpodTimeoutError: *timeout* passed first.
            NotFoundError: No such job at this endpoint, or its result has expired.
            RuntimeError: Another thread is waiting for the next chunk.

        Source: stream_job in openapi/runpod-serverless.yaml.
        """
        session = evolve(self.endpoint._session, handle=self._for_error)
        total = length_of_time(timeout)
        return Stream(ChunkReader(session, self.id, total, self._memory))

    def cancel(self, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """Cancel the job. See `Endpoint.cancel`."""
        return self.endpoint.cancel(self.id, timeout=timeout)

    def retry(self, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """Put the job, which failed or timed out, into the queue again. See `Endpoint.retry`."""
        self._completed.clear()
        state = self.endpoint.retry(self.id, timeout=timeout)
        self._memory.position = START
        return state

    def explain(self, *, timeout: Timeout | Unset = UNSET) -> Explanation:
        """Find out why the job is where it is: still queued, perhaps. See `Endpoint.explain`."""
        return self.endpoint.explain(self.id, timeout=timeout)
