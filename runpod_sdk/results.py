"""
Results: what a job that ended well returned, or why there is none.

A state says how the job ended. Calls that return a result also raise for a job that is
COMPLETED with an error in place of an output; `Job.output` warns where there is neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, field, frozen

from runpod_sdk._messages import NO_OUTPUT
from runpod_sdk._types import JobHandle
from runpod_sdk._warn import warn
from runpod_sdk.error_text import reason_of
from runpod_sdk.errors import JobFailedError, RunpodError
from runpod_sdk.models import JobState, Output_co, short, subscriptable
from runpod_sdk.settings import UNSET

if TYPE_CHECKING:
    from runpod_sdk.files import OutputFile

__all__ = ["NO_OUTPUT", "JobResult", "MapProgress", "MapResult"]

T = TypeVar("T")
S = TypeVar("S", bound=JobState[Any])
J = TypeVar("J", bound=JobHandle)


def checked(state: S, job_of: Callable[[str], Any] | None = None) -> S:
    """
    Return the state of a job whose result was asked for.

    Args:
        job_of: Makes the job of an id, for the error of a COMPLETED job to carry.

    Raises:
        JobError: The job ended badly, or completed with an error in place of an output.
    """
    failure = failure_of(state.raise_for_status())
    if failure is None:
        return state
    failure.job = None if job_of is None else job_of(state.id)
    raise failure


def failure_of(state: JobState[Any]) -> JobFailedError | None:
    """Return the error of a job that completed with an error in place of an output."""
    if not (state.succeeded and state.error and state.output is None):
        return None
    reason = reason_of(state.error)
    return JobFailedError(f"job {state.id} completed without an output: {reason}", state=state)


@define(eq=False)
class OutputWarning:
    """Warns of a missing output, once."""

    _given: bool = field(default=False, init=False)

    def output(self, state: JobState[Any]) -> Any:
        """Return the output of a job that succeeded; where it has none, None."""
        if not state.has_output and not self._given:
            self._given = True
            warn(NO_OUTPUT)
        return state.output


@frozen(kw_only=True)
class _Outcome(Generic[Output_co]):
    """How a job ended, or why that is not known."""

    state: JobState | None = None
    """The terminal state, where the job ended, well or badly; its output is JSON as it came."""
    error: RunpodError | None = None
    """
    Why there is no output: the `JobError` of a job that ended badly, what befell a call, or the
    `OutputValidationError` of an output that is not of the endpoint's type.
    """
    _value: Any = field(default=UNSET, repr=False, eq=False, alias="value")
    """The output as a value of the endpoint's type, if that has one."""

    if not TYPE_CHECKING:
        __class_getitem__ = subscriptable

    @property
    def output(self) -> Output_co:
        """
        What the job returned, as decoded JSON or of the type that the endpoint gives.

        Raises:
            RunpodError: There is none; it is `.error`.
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
    """What came of one input of a `map`."""

    index: int
    """Which of the inputs it is, counted from 0."""
    input: T = field(repr=short)
    job_id: str | None = None
    """The job that was submitted for it; None where none was, or its id is not known."""


@frozen(kw_only=True)
class JobResult(_Outcome[Output_co], Generic[J, Output_co]):
    """What came of one of the jobs that were waited for."""

    job: J


@frozen
class MapProgress:
    """How far a `map` has come."""

    submitted: int
    """Inputs that a job was submitted for; with a journal, now or before."""
    finished: int
    """Results that were handed out, of whatever kind."""
    failed: int
    """Those of them that are errors."""
    total: int | None
    """How many inputs there are; None where that can't be told before they were read."""
