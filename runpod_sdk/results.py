"""Results of many jobs, each with the output or the error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import field, frozen

from runpod_sdk._job_output import checked as checked
from runpod_sdk._job_output import failure_of as failure_of
from runpod_sdk._messages import NO_OUTPUT
from runpod_sdk._types import JobHandle
from runpod_sdk.errors import RunpodError
from runpod_sdk.models import JobState, Output_co, short, subscriptable
from runpod_sdk.settings import UNSET

if TYPE_CHECKING:
    from runpod_sdk.files import OutputFile

__all__ = ["NO_OUTPUT", "JobResult", "MapProgress", "MapResult", "SubmitResult"]

T = TypeVar("T")
J = TypeVar("J", bound=JobHandle)


@frozen(kw_only=True)
class _Outcome(Generic[Output_co]):
    """Final state of a job, or the error of a request."""

    state: JobState | None = None
    """The final state, if the job ended; its output is plain JSON."""
    error: RunpodError | None = None
    """
    The reason for a missing output, or None.

    It is the `JobError` of a failed job, the exception of a failed request, or the
    `OutputValidationError` of an output that does not have the endpoint's type.
    """
    _value: Any = field(default=UNSET, repr=False, eq=False, alias="value")
    """The output as a value of the endpoint's output type, if there is one."""

    if not TYPE_CHECKING:
        __class_getitem__ = subscriptable

    @property
    def output(self) -> Output_co:
        """
        The job's output, as plain JSON or as a value of the endpoint's output type.

        Raises:
            RunpodError: There is no output; the exception is `.error`.
        """
        if self.error is not None:
            raise self.error
        raw: Any = None if self.state is None else self.state.output
        given: Output_co = raw if self._value is UNSET else self._value
        return given

    @property
    def files(self) -> list[OutputFile]:
        """The files in the job's output; empty where there is no terminal state."""
        return [] if self.state is None else self.state.files


@frozen(kw_only=True)
class MapResult(_Outcome[Output_co], Generic[T, Output_co]):
    """Result of one input of a `map`."""

    index: int
    """The input's index, counted from 0."""
    key: str | int | None = None
    """The input's key, if the `map` had `key`."""
    input: T = field(repr=short)
    job_id: str | None = None
    """The id of the submitted job; None if there is no job, or its id is unknown."""

    def _repr_html_(self) -> str:
        """Show the result in a notebook, with its input."""
        from runpod_sdk._display import html_of_result

        return html_of_result(f"input {self.index}", self.input, self.state, self.error)


@frozen(kw_only=True)
class SubmitResult:
    """Result of `submit`: the journal contains the jobs."""

    submitted: int
    """Number of jobs that this call submitted."""
    known: int
    """Number of inputs that had a job before."""
    errors: tuple[RunpodError, ...] = ()
    """
    Errors of inputs without a known job, each with its `index` and `key`.

    A `SubmissionUncertainError` may have a job. The next `submit` submits the input of another
    error again, unless the journal skips it.
    """


@frozen(kw_only=True)
class JobResult(_Outcome[Output_co], Generic[J, Output_co]):
    """Result of one job of `as_completed`."""

    job: J

    def _repr_html_(self) -> str:
        """Show the result in a notebook."""
        from runpod_sdk._display import html_of_result

        return html_of_result(f"job {self.job.id}", None, self.state, self.error)


@frozen
class MapProgress:
    """Progress of a `map`."""

    submitted: int
    """Number of inputs with a submitted job; with a journal, in this run or an earlier one."""
    finished: int
    """Number of yielded results, including errors."""
    failed: int
    """Number of yielded results that are errors."""
    total: int | None
    """Number of inputs; None if the inputs have no `len()`."""
