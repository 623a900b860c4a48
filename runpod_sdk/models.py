"""
Values in responses and requests.

All values are immutable. Received values keep the complete JSON, including fields and statuses
that this version does not know: `to_dict()` returns it. The mapping between wire names and these
names is in `_flows/api`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Generic, cast, overload

from attrs import field, frozen

from runpod_sdk import errors
from runpod_sdk._nesting import Nesting
from runpod_sdk._origin import Origin
from runpod_sdk._policy_units import check_unit
from runpod_sdk._types import InputValue, JSONValue
from runpod_sdk.error_text import reason_of
from runpod_sdk.json_text import Repr
from runpod_sdk.settings import Timeout, finite_length

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from runpod_sdk.files import OutputFile

    T = TypeVar("T")
    Input_contra = TypeVar("Input_contra", contravariant=True, default=Any)
    Output_co = TypeVar("Output_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    Input_contra = TypeVar("Input_contra", contravariant=True)
    Output_co = TypeVar("Output_co", covariant=True)

subscriptable: Any = classmethod(GenericAlias)
"""The `__class_getitem__` of a class whose type arguments have defaults, which `typing` lacks."""

__all__ = [
    "EndpointHealth",
    "ExecutionPolicy",
    "InputValue",
    "JSONValue",
    "JobCounts",
    "JobState",
    "JobStatus",
    "PurgeResult",
    "S3Config",
    "StreamChunk",
    "WorkerCounts",
]

_short = Repr()
_short.maxstring = _short.maxother = 200
_short.maxdict = _short.maxlist = 8
short = _short.repr
"""Return a short `repr` of a value."""


class JobStatus(StrEnum):
    """Statuses of a job; a status that this version does not know is a plain string."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"


TERMINAL = frozenset(
    {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.TIMED_OUT}
)
"""The final statuses, which change only if the job is retried."""

_BAD_ENDS: Mapping[str, tuple[type[errors.JobError], str]] = {
    JobStatus.FAILED: (errors.JobFailedError, "failed"),
    JobStatus.CANCELLED: (errors.JobCancelledError, "was cancelled"),
    JobStatus.TIMED_OUT: (errors.JobTimedOutError, "timed out on the server"),
}


@frozen(kw_only=True)
class Received(Nesting):
    """Base class of received values."""

    _wire: Mapping[str, JSONValue] = field(repr=False, eq=False, alias="wire")

    def to_dict(self) -> dict[str, JSONValue]:
        """
        Return the received JSON.

        The dict is a shallow copy: its members are shared with this value.
        """
        return dict(self._wire)


@frozen(kw_only=True)
class JobState(Received, Generic[Output_co]):
    """
    A snapshot of a job, as the server described it.

    The output of a `JobState[T]` has the type T, from `output_type=T`. The output of a plain
    `JobState` is Any.
    """

    id: str
    status: JobStatus | str
    output: Output_co = field(default=cast(Any, None))
    """The result of a finished job; a list of the yielded values if the handler yields."""
    has_output: bool = False
    """Whether the response contains an output, even if it is null."""
    progress: Any = None
    """The worker's last progress report, while the job runs."""
    error: str | None = None
    """The error text; for a handler's exception, a JSON object with its traceback."""
    delay_time: timedelta | None = None
    """Time from the submission until a worker took the job; None until then."""
    execution_time: timedelta | None = None
    """Run time of the handler; None until it ended."""
    worker_id: str | None = None
    retries: int | None = None
    """Number of times that RunPod moved the job to another worker; None if it did not."""
    extra: Mapping[str, JSONValue] = field(factory=dict)
    """All other fields of the response, by their wire names."""
    _origin: Origin | None = field(default=None, repr=False, eq=False, alias="origin")

    def __repr__(self) -> str:
        from runpod_sdk._display import line_of_state

        return line_of_state(self)

    def _repr_html_(self) -> str:
        """Return the HTML for a notebook."""
        from runpod_sdk._display import html_of_state

        return html_of_state(self)

    @property
    def started(self) -> bool:
        """Whether the job has left the queue."""
        return self.status != JobStatus.IN_QUEUE

    @property
    def completed(self) -> bool:
        """Whether the status is final: it changes only if the job is retried."""
        return self.status in TERMINAL

    @property
    def succeeded(self) -> bool:
        """Whether the status is COMPLETED."""
        return self.status == JobStatus.COMPLETED

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the response; empty for a state from another source."""
        return {} if self._origin is None else self._origin.headers

    @property
    def request_id(self) -> str | None:
        """The request's id, for RunPod's support; None if the response has none."""
        return None if self._origin is None else self._origin.request_id

    @property
    def files(self) -> list[OutputFile]:
        """
        The files in the output: base64 text, `data:` URLs and links, in order.

        None are found before the job has ended. A link is not followed before it is saved.
        """
        from runpod_sdk.files import files_of

        server = None if self._origin is None else self._origin.base_url
        output = self._wire.get("output")
        return files_of(output, endpoint_url=server) if self.completed else []

    @overload
    def output_as(self, output_type: type[T]) -> T: ...
    @overload
    def output_as(self, output_type: Any) -> Any: ...
    def output_as(self, output_type: Any) -> Any:
        """
        Return the output as a value of *output_type*.

        Args:
            output_type: An attrs class, a dataclass, a TypedDict, a pydantic model, or a type
                that contains them, such as `list[Model]`.

        Raises:
            OutputValidationError: The output does not have this type; `.state.output` is the
                received output.
            ConfigurationError: cattrs (the extra `types`) is needed but not installed.
        """
        from runpod_sdk import _typed_outputs

        return _typed_outputs.reader(output_type).output(self)

    def raise_for_status(self) -> JobState[Output_co]:
        """
        Return this state, or raise if the job failed.

        Raises:
            JobFailedError: The handler failed, or RunPod stopped the job.
            JobCancelledError: The job was cancelled.
            JobTimedOutError: The job exceeded the server's time limit.
        """
        if self.status not in _BAD_ENDS:
            return self
        cls, verb = _BAD_ENDS[self.status]
        reason = f": {reason_of(self.error)}" if self.error else ""
        raise cls(f"job {self.id} {verb}{reason}", state=self)


@frozen(kw_only=True)
class StreamChunk(Received):
    """One value that the handler yielded."""

    output: Any = field(default=None, repr=short)
    metrics: Any = field(default=None, repr=short)
    """Measurements that some workers (vLLM) send with each chunk."""
    extra: Mapping[str, JSONValue] = field(factory=dict, repr=False)

    @property
    def text(self) -> str | None:
        """
        The text of a chunk of a language model; None for a chunk that is not of a known shape.

        Known are strings, worker-vllm's token batches, and OpenAI's deltas and completions, of
        which it is the first choice. A chunk of these without text, such as the last, which has
        the usage, has the empty text.
        """
        from runpod_sdk._text import text_of

        return text_of(self.output)


@frozen(kw_only=True)
class JobCounts(Nesting):
    """An endpoint's job counts; None for a count that the server did not send."""

    completed: int | None = None
    failed: int | None = None
    in_progress: int | None = None
    in_queue: int | None = None
    retried: int | None = None
    extra: Mapping[str, JSONValue] = field(factory=dict, repr=short)


@frozen(kw_only=True)
class WorkerCounts(Nesting):
    """An endpoint's worker counts; None for a count that the server did not send."""

    idle: int | None = None
    initializing: int | None = None
    ready: int | None = None
    running: int | None = None
    throttled: int | None = None
    unhealthy: int | None = None
    extra: Mapping[str, JSONValue] = field(factory=dict, repr=short)


@frozen(kw_only=True)
class EndpointHealth(Received):
    """Job and worker counts of an endpoint."""

    jobs: JobCounts = field(factory=JobCounts)
    workers: WorkerCounts = field(factory=WorkerCounts)
    extra: Mapping[str, JSONValue] = field(factory=dict, repr=short)

    def _repr_html_(self) -> str:
        """Show the counts in a notebook."""
        from runpod_sdk._display import html_of_health

        return html_of_health(self)


@frozen(kw_only=True)
class PurgeResult(Received):
    """Result of purging a queue."""

    removed: int | None = None
    """Number of queued jobs that were removed."""
    status: str | None = None
    extra: Mapping[str, JSONValue] = field(factory=dict, repr=short)


def _execution_timeout(value: Timeout) -> float | None:
    return finite_length(value, "execution_timeout")


def _ttl(value: Timeout) -> float | None:
    return finite_length(value, "ttl")


@frozen(kw_only=True)
class ExecutionPolicy:
    """
    Time limits and priority of a job on the server, independent of a call's `timeout`.

    Times are seconds or `timedelta`, greater than zero; None uses the endpoint's setting. A time
    outside RunPod's documented range issues a `UserWarning`, and is sent.
    """

    execution_timeout: float | None = field(default=None, converter=_execution_timeout)
    """Longest run time of the handler, in seconds; RunPod documents 5 seconds to 7 days."""
    ttl: float | None = field(default=None, converter=_ttl)
    """
    Life of the job from its submission, including the queue, in seconds.

    RunPod documents 10 seconds to 7 days.
    """
    low_priority: bool | None = None
    """True: do not start additional workers for this job."""

    def __attrs_post_init__(self) -> None:
        if self.execution_timeout is not None:
            check_unit("execution_timeout", self.execution_timeout, "s")
        if self.ttl is not None:
            check_unit("ttl", self.ttl, "s")


@frozen(kw_only=True)
class S3Config:
    """Storage for large results; RunPod passes it to the handler, which must use it."""

    access_id: str
    access_secret: str = field(repr=False)
    bucket_name: str
    endpoint_url: str
    object_path: str | None = None

    def _check(self) -> None:
        """
        Check that all parts are strings; None may come from an unset environment variable.

        Raises:
            TypeError: One is none. The message does not contain it, as it may be a secret.
        """
        for name in ("access_id", "access_secret", "bucket_name", "endpoint_url", "object_path"):
            kind = type(getattr(self, name))
            if not issubclass(kind, str) and (name != "object_path" or kind is not type(None)):
                raise TypeError(f"{name} of an S3Config must be a string, not {kind.__name__}")
