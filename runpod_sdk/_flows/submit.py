"""Submit a job, and wait for it, without submitting it twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from runpod_sdk._flows import api
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.deadline import Deadline
from runpod_sdk._flows.io import Submission
from runpod_sdk._flows.operation import Operation
from runpod_sdk._flows.send import call
from runpod_sdk._flows.updates import Notify, wait_and_notify
from runpod_sdk.models import JobState
from runpod_sdk.settings import FIRST_POLL_WAIT, Unset


def run(
    context: EndpointContext,
    request: api.JobRequest,
    timeout: float | Unset | None,
    record: Submission | None = None,
    before_send: Callable[[], Awaitable[None]] | None = None,
) -> Awaitable[JobState]:
    """
    Submit *request*; return the state in the server's response, with the job's id.

    Args:
        record: Records the progress of the submission, for interrupted calls.
        before_send: Awaited before each attempt, after the wait for the rate limit.
    """
    op = api.run(context.endpoint_id, request)
    op.before_send = before_send
    return _submit(context, op, context.call_deadline(timeout), record)


async def _submit(
    context: EndpointContext, op: Operation[JobState], deadline: Deadline, record: Submission | None
) -> JobState:
    op.record = record
    if not context.size_limits:
        op.largest = None
    with context.io.telemetry.submission(context.endpoint_id) as on_response:
        state = await call(context, op, deadline)
        on_response(state)
    context.recent_jobs.add(context.endpoint_id, state.id, context.io.now())
    context.io.log("INFO", "job %s was submitted to endpoint %s", state.id, context.endpoint_id)
    return state


async def run_sync(
    context: EndpointContext,
    request: api.JobRequest,
    timeout: float | None,
    record: Submission | None = None,
    notify: Notify | None = None,
) -> JobState:
    """
    Submit *request* and wait until the job's status is terminal.

    Until the first response, the job's id is unknown, and a lost response is a lost job. The first
    long poll is therefore the shortest possible. If the deadline might pass even before that, the
    first request does not wait.

    Args:
        record: The record of the submission, for an interruption.
        notify: Called with each change of the job's status or progress.
    """
    deadline = context.deadline(timeout)
    if timeout is not None and timeout <= 2 * FIRST_POLL_WAIT:
        op = api.run(context.endpoint_id, request)
    else:
        op = api.run_sync(context.endpoint_id, request, FIRST_POLL_WAIT)
    state = await _submit(context, op, deadline, record)
    return await wait_and_notify(context, state.id, deadline, notify, state)
