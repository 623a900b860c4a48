"""Submit a job; and wait for it, without ever submitting it twice."""

from __future__ import annotations

from attrs import evolve

from runpod_sdk._flows import api
from runpod_sdk._flows.call import Operation
from runpod_sdk._flows.deadline import Deadline
from runpod_sdk._flows.io import Session, Submission
from runpod_sdk._flows.send import perform
from runpod_sdk._flows.wait import wait
from runpod_sdk.models import JobState
from runpod_sdk.settings import FIRST_HOLD, Unset


async def run(
    session: Session,
    request: api.JobRequest,
    timeout: float | Unset | None,
    record: Submission | None = None,
) -> JobState:
    """
    Submit *request*; return the state that the server answers with, and its id.

    Args:
        record: Keeps what is known of the submission, for who is interrupted.
    """
    op = api.run(session.endpoint_id, request)
    return await _submit(session, op, session.call_deadline(timeout), record)


async def _submit(
    session: Session, op: Operation[JobState], deadline: Deadline, record: Submission | None
) -> JobState:
    op = evolve(op, record=record, largest=op.largest if session.size_limits else None)
    with session.io.telemetry.submission(session.endpoint_id) as told:
        state = await perform(session, op, deadline)
        told(state)
    session.newcomers.add(session.endpoint_id, state.id, session.io.now())
    session.io.note("INFO", "job %s was submitted to endpoint %s", state.id, session.endpoint_id)
    return state


async def run_sync(
    session: Session,
    request: api.JobRequest,
    timeout: float | None,
    record: Submission | None = None,
) -> JobState:
    """
    Submit *request* and wait until the job's status is terminal.

    Until the first answer the job's id is not known, and a lost answer is a lost job.
    So the server is asked to hold that answer for the shortest time only; and where
    the deadline might pass even before that, not to hold it at all.

    Args:
        record: Keeps what is known of the submission, for who is interrupted.
    """
    deadline = session.deadline(timeout)
    if timeout is not None and timeout <= 2 * FIRST_HOLD:
        op = api.run(session.endpoint_id, request)
    else:
        op = api.run_sync(session.endpoint_id, request, FIRST_HOLD)
    state = await _submit(session, op, deadline, record)
    return await wait(session, state.id, deadline, state)
