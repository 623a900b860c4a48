"""
Early ends of a call, without losing its job.

A call can end at any instant, by an error of this package or by an *interruption*, which is any
other exception: Ctrl-C, a cancelled task, or an exception that a signal handler or a caller's
function raises. Interruptions propagate unchanged, with a note that names the job.
"""

from __future__ import annotations

from attrs import define, field

from runpod_sdk import _messages as messages
from runpod_sdk import errors
from runpod_sdk._flows import api
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.io import Submission
from runpod_sdk._flows.send import call
from runpod_sdk.models import JobState, JobStatus
from runpod_sdk.settings import CANCEL_TIMEOUT, OnTimeout


@define(eq=False)
class JobGuard:
    """
    Names and, if requested, cancels the job of a call that ends early.

    The shells use it outside of the flows, so it covers the instants after a flow as well.
    """

    context: EndpointContext
    on_timeout: OnTimeout = "detach"
    known_id: str | None = None
    """The job's id, where the call does not submit the job itself."""
    submission: Submission = field(factory=Submission)
    """The record of the submission, if the job's id is not known yet."""
    interruption: BaseException | None = None
    """The exception of a caller's function, which interrupts the call, of any class."""

    @property
    def job_id(self) -> str | None:
        return self.known_id or self.submission.job_id

    async def ended_by(self, reason: BaseException) -> None:
        """
        Cancel the job if `on_timeout` requests it, and add the job to *reason*.

        The cancellation is best effort and bounded by `CANCEL_TIMEOUT`.
        """
        job_id = self.job_id
        if isinstance(reason, errors.RunpodError) and reason is not self.interruption:
            if job_id is not None:
                await self._ended_by_error(reason, job_id)
        elif job_id is not None:
            await self._interrupted(reason, job_id)
        elif self.submission.uncertain:
            reason.add_note(messages.interrupted_submission(self.context.endpoint_id))

    async def _ended_by_error(self, error: errors.RunpodError, job_id: str) -> None:
        error.job = error.job or self.context.job_of(job_id)
        if self.on_timeout == "cancel" and isinstance(error, errors.RunpodTimeoutError):
            known, answer = error.state, await self._cancel(job_id)
            error.state = answer or known
            error.cancelled = answer is not None and answer.status == JobStatus.CANCELLED
            error.args = (messages.timed_out_and_cancelled(str(error), known, answer),)

    async def _interrupted(self, interruption: BaseException, job_id: str) -> None:
        # Nothing can be awaited in a coroutine that is being closed.
        if self.on_timeout == "cancel" and not isinstance(interruption, GeneratorExit):
            outcome = messages.cancelled(await self._cancel(job_id))
        else:
            outcome = messages.detached(job_id)
        interruption.add_note(messages.about(job_id, outcome))

    async def _cancel(self, job_id: str) -> JobState | None:
        try:
            return await self.context.io.shielded(try_to_cancel(self.context, job_id))
        except BaseException as interruption:  # the caller interrupted the cancellation, too
            interruption.add_note(messages.about(job_id, "the cancellation was interrupted"))
            raise


async def try_to_cancel(context: EndpointContext, job_id: str) -> JobState | None:
    """Cancel a job within `CANCEL_TIMEOUT`; return the server's response, None on failure."""
    deadline = context.deadline(CANCEL_TIMEOUT)
    try:
        return await call(context, api.cancel(context.endpoint_id, job_id), deadline)
    except errors.RunpodError:
        return None
