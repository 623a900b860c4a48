"""Explain a job's current state, as far as the API allows, without raising."""

from __future__ import annotations

from runpod_sdk import errors, explanation
from runpod_sdk._flows import api
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.deadline import Deadline
from runpod_sdk._flows.send import call
from runpod_sdk.explanation import Explanation, JobReason


async def explain(context: EndpointContext, job_id: str, deadline: Deadline) -> Explanation:
    """
    Read a job's state and, if the job is queued, the endpoint's health.

    If nothing explains why the job is queued, read its state again: a worker may have taken it
    between the two responses.
    """
    try:
        state = await call(context, api.status(context.endpoint_id, job_id), deadline)
    except errors.NotFoundError as error:
        return explanation.not_found(job_id, error)
    except errors.RunpodError as error:
        return explanation.unknown(job_id, error)
    if (found := explanation.of_state(state)) is not None:
        return found
    try:
        health = await call(context, api.health(context.endpoint_id), deadline)
    except errors.RunpodError as error:
        return explanation.unknown(job_id, error, state)
    found = explanation.of_health(state, health)
    if found.reason is not JobReason.STARTING:
        return found
    try:
        state = await call(context, api.status(context.endpoint_id, job_id), deadline)
    except errors.RunpodError:
        return found
    return explanation.of_state(state) or found
