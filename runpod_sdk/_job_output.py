"""
The output of a job, or the error of a job without one.

Methods that return a result raise if the job failed, and also if it is COMPLETED with an error
instead of an output. `Job.output` warns if there is neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from runpod_sdk._messages import NO_OUTPUT
from runpod_sdk._warn import warn
from runpod_sdk.error_text import reason_of
from runpod_sdk.errors import JobFailedError
from runpod_sdk.models import JobState

S = TypeVar("S", bound=JobState[Any])


def checked(state: S, job_of: Callable[[str], Any] | None = None) -> S:
    """
    Return *state*, or raise if the job has no result.

    Args:
        job_of: Returns the job of an id, for the error of a COMPLETED job.

    Raises:
        JobError: The job failed, or completed with an error instead of an output.
    """
    failure = failure_of(state.raise_for_status())
    if failure is None:
        return state
    failure.job = None if job_of is None else job_of(state.id)
    raise failure


def failure_of(state: JobState[Any]) -> JobFailedError | None:
    """Return the error of a job that completed with an error instead of an output, or None."""
    if not (state.succeeded and state.error and state.output is None):
        return None
    reason = reason_of(state.error)
    return JobFailedError(f"job {state.id} completed without an output: {reason}", state=state)


class OutputWarning:
    """Issues a warning about a missing output, once."""

    __slots__ = ("_given",)

    def __init__(self) -> None:
        self._given = False

    def output(self, state: JobState[Any]) -> Any:
        """Return the output of a job that succeeded; None if it has none."""
        if not state.has_output and not self._given:
            self._given = True
            warn(NO_OUTPUT)
        return state.output
