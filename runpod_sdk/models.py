"""
The values that the API's answers become, and those that requests are made of.

All are immutable. What came over the wire stays whole: `to_dict()` gives it again,
fields and statuses that this version does not know included. How wire names and
these names belong together is written in one place, `_flows/api`.
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
from runpod_sdk._policy import check_unit
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
"""Shows a value of any size in a line or two."""


class JobStatus(StrEnum):
    """Where a job is. A status that is not here stays the string that it came as."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"


TERMINAL = frozenset(
    {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.TIMED_OUT}
)
"""The statuses that will not change, unless the job is retried."""

_BAD_ENDS: Mapping[str, tuple[type[errors.JobError], str]] = {
    JobStatus.FAILED: (errors.JobFailedError, "failed"),
    JobStatus.CANCELLED: (errors.JobCancelledError, "was cancelled"),
    JobStatus.TIMED_OUT: (errors.JobTimedOutError, "timed out on the server"),
}


@frozen(kw_only=True)
class _Received(Nesting):
    """Something that came over the wire."""

    _wire: Mapping[str, JSONValue] = field(repr=False, eq=False, alias="wire")

    def to_dict(self) -> dict[str, JSONValue]:
        """
        Return the wire form again, equal to what came.

        The dict is new; what it holds is shared with this value, not copied.
        """
        return dict(self._wire)


@frozen(kw_only=True)
class JobState(_Received, Generic[Output_co]):
    """
    What the server said of a job, at one moment.

    `JobState[T]` has an output of type T, as was asked by `output_type=T`; of a plain
    `JobState` it is Any.
    """

    id: str
    status: JobStatus | str
    output: Output_co = field(default=cast(Any, None))
    """The result of a finished job: any JSON; of a handler that yields, what it aggregates."""
    has_output: bool = False
    """Tells an output of null from none."""
    progress: Any = None
    """What the worker last reported while the job runs."""
    error: str | None = None
    """Why the job failed; a handler's exception is a JSON object in this text."""
    delay_time: timedelta | None = None
    """From the submission until a worker took the job; None until then."""
    execution_time: timedelta | None = None
    """How long the handler ran; None until it ended."""
    worker_id: str | None = None
    retries: int | None = None
    """How often the platform gave the job to another worker; None where it did not."""
    extra: Mapping[str, JSONValue] = field(factory=dict)
    """Every other field of the answer, by its wire name."""
    _origin: Origin | None = field(default=None, repr=False, eq=False, alias="origin")

    def __repr__(self) -> str:
        from runpod_sdk._display import line_of_state

        return line_of_state(self)

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        from runpod_sdk._display import html_of_state

        return html_of_state(self)

    @property
    def started(self) -> bool:
        """Whether the job has left the queue."""
        return self.status != JobStatus.IN_QUEUE

    @property
    def completed(self) -> bool:
        """Whether the status is terminal: it will not change, unless the job is retried."""
        return self.status in TERMINAL

    @property
    def succeeded(self) -> bool:
        """Whether the job ended well."""
        return self.status == JobStatus.COMPLETED

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer that this state came with; empty if it came otherwise."""
        return {} if self._origin is None else self._origin.headers

    @property
    def request_id(self) -> str | None:
        """What to name when asking RunPod about this answer, if it has an id."""
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
        Return the output as a value of a type: an attrs class, a dataclass, a TypedDict, a
        pydantic model, or what is spelled with them, such as `list[Model]`.

        Raises:
            OutputValidationError: It can't be one; `.state.output` is the output as it came.
            ConfigurationError: cattrs, of the extra `types`, is needed and not installed.
        """
        from runpod_sdk import _typed_outputs

        return _typed_outputs.reader(output_type).output(self)

    def raise_for_status(self) -> JobState[Output_co]:
        """
        Return this state, unless it is a terminal failure.

        Raises:
            JobFailedError: The handler failed, or the platform gave the job up.
            JobCancelledError: The job was cancelled.
            JobTimedOutError: The server's time for the job was up.
        """
        if self.status not in _BAD_ENDS:
            return self
        cls, verb = _BAD_ENDS[self.status]
        reason = f": {reason_of(self.error)}" if self.error else ""
        raise cls(f"job {self.id} {verb}{reason}", state=self)


@frozen(kw_only=True)
class StreamChunk(_Received):
    """One partial output: what the handler yielded once."""

    output: Any = field(default=None, repr=short)
    metrics: Any = field(default=None, repr=short)
    """What some workers (vLLM) measure with each chunk."""
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
    """Jobs of an endpoint, by where they are; None where the server did not say."""

    completed: int | None = None
    failed: int | None = None
    in_progress: int | None = None
    in_queue: int | None = None
    retried: int | None = None
    extra: Mapping[str, JSONValue] = field(factory=dict, repr=short)


@frozen(kw_only=True)
class WorkerCounts(Nesting):
    """Workers of an endpoint, by what they do; None where the server did not say."""

    idle: int | None = None
    initializing: int | None = None
    ready: int | None = None
    running: int | None = None
    throttled: int | None = None
    unhealthy: int | None = None
    extra: Mapping[str, JSONValue] = field(factory=dict, repr=short)


@frozen(kw_only=True)
class EndpointHealth(_Received):
    """How an endpoint's queue and workers are."""

    jobs: JobCounts = field(factory=JobCounts)
    workers: WorkerCounts = field(factory=WorkerCounts)
    extra: Mapping[str, JSONValue] = field(factory=dict, repr=short)


@frozen(kw_only=True)
class PurgeResult(_Received):
    """What came of purging a queue."""

    removed: int | None = None
    """How many jobs were waiting, and now are not."""
    status: str | None = None
    extra: Mapping[str, JSONValue] = field(factory=dict, repr=short)


def _execution_timeout(value: Timeout) -> float | None:
    return finite_length(value, "execution_timeout")


def _ttl(value: Timeout) -> float | None:
    return finite_length(value, "ttl")


@frozen(kw_only=True)
class ExecutionPolicy:
    """
    What a job may take on the server; a local `timeout` is another thing.

    Times are given as seconds or `timedelta`, above zero, and kept as seconds; None
    leaves the endpoint's setting. A time outside of what RunPod documents, at most 7 days,
    is a `UserWarning`, and is sent.
    """

    execution_timeout: float | None = field(default=None, converter=_execution_timeout)
    """Longest run of the handler; RunPod documents at least 5 seconds."""
    ttl: float | None = field(default=None, converter=_ttl)
    """Life of the job from its submission, the queue included; documented at least 10 seconds."""
    low_priority: bool | None = None
    """True: the job does not make the endpoint start workers."""

    def __attrs_post_init__(self) -> None:
        if self.execution_timeout is not None:
            check_unit("execution_timeout", self.execution_timeout, "s")
        if self.ttl is not None:
            check_unit("ttl", self.ttl, "s")


@frozen(kw_only=True)
class S3Config:
    """Where the worker may put large results; handed to the handler, which must use it."""

    access_id: str
    access_secret: str = field(repr=False)
    bucket_name: str
    endpoint_url: str
    object_path: str | None = None
