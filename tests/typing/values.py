"""Results and errors as an application reads them. Checked by mypy and pyright, never run."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, assert_never, assert_type

import runpod_sdk
from runpod_sdk import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    EndpointHealth,
    ExecutionPolicy,
    Job,
    JobCancelledError,
    JobCounts,
    JobError,
    JobFailedError,
    JobHandle,
    JobState,
    JobStatus,
    JobTimedOutError,
    JSONValue,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    PurgeResult,
    RateLimitError,
    RunpodError,
    RunpodTimeoutError,
    S3Config,
    ServerError,
    StreamChunk,
    StreamInterruptedError,
    SubmissionResponseError,
    SubmissionServerError,
    SubmissionTimeoutError,
    SubmissionUncertainError,
    WorkerCounts,
)

assert_type(runpod_sdk.__version__, str)


def of_a_job(state: JobState) -> None:
    assert_type(state.id, str)
    assert_type(state.status, JobStatus | str)
    assert_type(state.output, Any)
    assert_type(state.has_output, bool)
    assert_type(state.progress, Any)
    assert_type(state.error, str | None)
    assert_type(state.delay_time, timedelta | None)
    assert_type(state.execution_time, timedelta | None)
    assert_type(state.worker_id, str | None)
    assert_type(state.retries, int | None)
    assert_type(state.extra, Mapping[str, JSONValue])
    assert_type(state.started, bool)
    assert_type(state.completed, bool)
    assert_type(state.succeeded, bool)
    assert_type(state.raise_for_status(), JobState)
    assert_type(state.raise_for_status().output["images"][0], Any)
    assert_type(state.to_dict(), dict[str, JSONValue])
    known: bool = state.status == JobStatus.COMPLETED or state.status == "IN_QUEUE"
    assert_type(known, bool)


def of_a_status(status: JobStatus) -> str:
    name: str = status
    match status:
        case JobStatus.IN_QUEUE | JobStatus.IN_PROGRESS:
            return f"{name}: not yet"
        case JobStatus.COMPLETED:
            return "well"
        case JobStatus.FAILED | JobStatus.CANCELLED | JobStatus.TIMED_OUT:
            return "badly"
        case _:
            assert_never(status)


def of_an_endpoint(health: EndpointHealth, purged: PurgeResult, chunk: StreamChunk) -> None:
    assert_type(health.jobs, JobCounts)
    assert_type(health.jobs.completed, int | None)
    assert_type(health.jobs.failed, int | None)
    assert_type(health.jobs.in_progress, int | None)
    assert_type(health.jobs.in_queue, int | None)
    assert_type(health.jobs.retried, int | None)
    assert_type(health.jobs.extra, Mapping[str, JSONValue])
    assert_type(health.workers, WorkerCounts)
    assert_type(health.workers.idle, int | None)
    assert_type(health.workers.initializing, int | None)
    assert_type(health.workers.ready, int | None)
    assert_type(health.workers.running, int | None)
    assert_type(health.workers.throttled, int | None)
    assert_type(health.workers.unhealthy, int | None)
    assert_type(health.workers.extra, Mapping[str, JSONValue])
    assert_type(health.extra, Mapping[str, JSONValue])
    assert_type(health.to_dict(), dict[str, JSONValue])
    assert_type(purged.removed, int | None)
    assert_type(purged.status, str | None)
    assert_type(purged.to_dict(), dict[str, JSONValue])
    assert_type(chunk.output, Any)
    assert_type(chunk.metrics, Any)
    assert_type(chunk.extra, Mapping[str, JSONValue])
    assert_type(chunk.to_dict(), dict[str, JSONValue])


def of_a_request() -> None:
    policy = ExecutionPolicy(execution_timeout=timedelta(minutes=1), ttl=60)
    assert_type(policy.execution_timeout, float | None)
    assert_type(policy.ttl, float | None)
    assert_type(policy.low_priority, bool | None)
    config = S3Config(access_id="i", access_secret="s", bucket_name="b", endpoint_url="e")
    assert_type(config.bucket_name, str)
    assert_type(config.object_path, str | None)


def of_errors() -> None:
    try:
        raise SystemExit
    except (BadRequestError, AuthenticationError, PermissionDeniedError, NotFoundError) as error:
        status_error: APIStatusError = error
    except (ConflictError, PayloadTooLargeError, RateLimitError, ServerError) as error:
        status_error = error
        assert_type(status_error.status_code, int)
        assert_type(status_error.body, JSONValue)
        assert_type(status_error.headers, Mapping[str, str])
        assert_type(status_error.request_id, str | None)
        assert_type(status_error.retry_after, float | None)
    except (JobFailedError, JobCancelledError, JobTimedOutError) as error:
        job_error: JobError = error
        assert_type(job_error.state, JobState)
    except SubmissionTimeoutError as error:
        timeout: RunpodTimeoutError = error
        uncertain: SubmissionUncertainError = error
        assert_type(uncertain.job, JobHandle | None)
        builtin: builtins.TimeoutError = timeout
        del builtin
    except RunpodTimeoutError as error:
        assert_type(error.job, JobHandle | None)
        assert_type(error.state, JobState | None)
        assert_type(error.cancelled, bool)
        if isinstance(error.job, Job):
            assert_type(error.job.wait(), JobState)
    except StreamInterruptedError as error:
        assert_type(error.job, JobHandle | None)
        assert_type(error.state, JobState | None)
    except APIResponseValidationError as error:
        assert_type(error.body, JSONValue)
    except (APIConnectionError, ConfigurationError) as error:
        root: RunpodError = error
        assert_type(root.job, JobHandle | None)


def of_lost_submissions(
    response: SubmissionResponseError, server: SubmissionServerError
) -> tuple[SubmissionUncertainError, SubmissionUncertainError]:
    assert_type(response.body, JSONValue)
    assert_type(server.status_code, int)
    return response, server
