"""Responses: the generated models as this package's values. Unknown members are kept."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from attrs import fields

from runpod_sdk import models
from runpod_sdk._flows.call import OtherJobError
from runpod_sdk._types import JSONValue
from runpod_sdk.json_text import write
from runpod_sdk.settings import is_id
from runpod_serverless_api import models as wire
from runpod_serverless_api.types import UNSET, Unset

C = TypeVar("C", models.JobCounts, models.WorkerCounts)

_MILLISECOND = timedelta(milliseconds=1)  # multiplied in a fourth of the time of making another
_LONGEST_COUNT = 1_900
"""The size in bits up to which Python converts every number to text."""
_STATUSES = {status.value: status for status in models.JobStatus}


@cache
def wire_names(cls: type[Any], *names: str) -> frozenset[str]:
    """Return the wire names of a generated model's attributes."""
    return frozenset(cls(**dict.fromkeys(names)).to_dict())


# The wire names of our models' fields. All other members are in `extra`, even if the API document
# names them: a new member is added to the document first.
_JOB = wire_names(
    wire.Job,
    *("id", "status", "delay_time", "execution_time", "worker_id", "output", "error", "retries"),
)


def _names(cls: type[C]) -> list[str]:
    return [field.name for field in fields(cls) if field.name != "extra"]


def complete_job(body: dict[str, JSONValue], job_id: str | None) -> dict[str, JSONValue]:
    """
    Return *body* with *job_id*, if it is a job without an id.

    Raises:
        OtherJobError: *body* is about another job.
    """
    if body.get("id") == job_id:
        return body
    if "id" not in body:
        status = body.get("status")
        return {"id": job_id, **body} if isinstance(status, str) and status in _STATUSES else body
    return check_stream(body, job_id)


def check_stream(body: dict[str, JSONValue], job_id: str | None) -> dict[str, JSONValue]:
    """
    Return *body*, which need not contain a job id.

    Raises:
        OtherJobError: *body* is about another job.
    """
    found_id = body.get("id")
    if isinstance(found_id, str) and found_id not in ("", job_id):
        raise OtherJobError("it is about another job")
    return body


def complete_submission(body: dict[str, JSONValue], _: str | None) -> dict[str, JSONValue]:
    """Return *body* with a status, if its status is not readable, so that its id is not lost."""
    status = body.get("status")
    if (isinstance(status, str) and status) or "id" not in body:
        return body
    return {**body, "status": models.JobStatus.IN_QUEUE.value}


def job_state(job: wire.Job, body: Mapping[str, JSONValue]) -> models.JobState:
    if not isinstance(job.id, str) or not job.id:
        raise TypeError("it has no usable id")
    status = status_of(job.status)
    has_output = job.output is not UNSET
    ended = status in models.TERMINAL
    return models.JobState(
        id=job.id,
        status=status,
        output=value_of(job.output) if ended else None,
        has_output=has_output and ended,
        progress=None if ended else value_of(job.output),
        error=text_of(job.error),
        delay_time=_duration(job.delay_time),
        execution_time=_duration(job.execution_time),
        worker_id=_string(job.worker_id),
        retries=count_of(job.retries),
        extra=others_of(body, _JOB),
        wire=body,
    )


def submitted(job: wire.Job, body: Mapping[str, JSONValue]) -> models.JobState:
    """Read the response to a submission; refuse an id that cannot be part of a URL."""
    if not is_id(job.id):
        raise TypeError("it has no usable id")
    return job_state(job, body)


def kept_state(body: Mapping[str, JSONValue], job_id: str | None = None) -> models.JobState:
    """Rebuild a state from its wire form, which may lack the id if *job_id* is passed."""
    whole = body if job_id is None else {"id": job_id, **body}
    return job_state(wire.Job.from_dict(whole), body)


def bare_state(job_id: str, status: models.JobStatus | str) -> models.JobState:
    """Make the state of a job of which only the status is known."""
    job = wire.Job(id=job_id, status=str(status))
    return job_state(job, job.to_dict())


_ERROR = frozenset({"error", "errors", "message", "title", "detail"})
"""The members of a response in which a server describes an error."""


def health(health: wire.Health, body: Mapping[str, JSONValue]) -> models.EndpointHealth:
    counts = isinstance(health.jobs, wire.JobCounts), isinstance(health.workers, wire.WorkerCounts)
    if not any(counts) and not _ERROR.isdisjoint(body):
        raise TypeError("it has an error in place of jobs and workers")
    return models.EndpointHealth(
        jobs=_counts(models.JobCounts, health.jobs),
        workers=_counts(models.WorkerCounts, health.workers),
        extra=others_of(body, wire_names(wire.Health, "jobs", "workers")),
        wire=body,
    )


def _counts(cls: type[C], counts: object) -> C:
    """Read counters, whose names are the same in both models."""
    if not isinstance(counts, wire.JobCounts | wire.WorkerCounts):
        return cls()
    names = _names(cls)
    known = {name: count_of(getattr(counts, name)) for name in names}
    model: Any = type(counts)
    return cls(**known, extra=others_of(counts.to_dict(), wire_names(model, *names)))


def purge_result(result: wire.PurgeResult, body: Mapping[str, JSONValue]) -> models.PurgeResult:
    return models.PurgeResult(
        removed=count_of(result.removed),
        status=_string(result.status),
        extra=others_of(body, wire_names(wire.PurgeResult, "removed", "status")),
        wire=body,
    )


def others_of(body: Mapping[str, JSONValue], understood: Container[str]) -> dict[str, JSONValue]:
    """Return the members of *body* that our model does not have."""
    return {name: value for name, value in body.items() if name not in understood}


def value_of(value: Any) -> Any:
    return None if value is UNSET else value


def status_of(value: object) -> models.JobStatus | str:
    if not isinstance(value, str) or not value:
        raise TypeError("it has no usable status")
    return _STATUSES.get(value, value)


def _duration(milliseconds: object) -> timedelta | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    try:
        return milliseconds * _MILLISECOND if math.isfinite(milliseconds) else None
    except OverflowError:
        return None


def count_of(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if value.bit_length() <= _LONGEST_COUNT else None


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def text_of(error: object) -> str | None:
    if error is None or isinstance(error, Unset):
        return None
    return error if isinstance(error, str) else write(error)
