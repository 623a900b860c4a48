"""
What comes of many jobs: one value for each input of a `map`, or each job that was waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import field, frozen

from runpod_sdk.errors import RunpodError
from runpod_sdk.models import JobState, short

if TYPE_CHECKING:
    from runpod_sdk._async.job import AsyncJob
    from runpod_sdk._sync.job import Job

__all__ = ["JobResult", "MapProgress", "MapResult"]

T = TypeVar("T")
J = TypeVar("J", bound="Job | AsyncJob")


@frozen(kw_only=True)
class _Outcome:
    """How a job ended, or why that is not known."""

    state: JobState | None = None
    """The terminal state, where the job ended, well or badly."""
    error: RunpodError | None = None
    """Why there is no output: the `JobError` of a job that ended badly, or what befell a call."""

    @property
    def output(self) -> Any:
        """
        What the job returned, as decoded JSON.

        Raises:
            RunpodError: There is none; it is `.error`.
        """
        if self.error is not None:
            raise self.error
        return None if self.state is None else self.state.output


@frozen(kw_only=True)
class MapResult(_Outcome, Generic[T]):
    """What came of one input of a `map`."""

    index: int
    """Which of the inputs it is, counted from 0."""
    input: T = field(repr=short)
    job_id: str | None = None
    """The job that was submitted for it; None where none was, or its id is not known."""


@frozen(kw_only=True)
class JobResult(_Outcome, Generic[J]):
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
