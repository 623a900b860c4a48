"""Texts of error messages: what happened, to which job, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import TYPE_CHECKING, Final

from runpod_sdk import errors

if TYPE_CHECKING:
    from runpod_sdk.models import JobState

_LONGEST: Final = 2_000

_ADVICE: dict[int, str] = {
    401: "the server does not accept the API key",
    403: "the API key has no permission for this endpoint or operation",
    404: "no such endpoint for this API key: check the endpoint id",
    413: "store large data elsewhere, for example with storage.S3Storage, and send its URL",
    429: "too many requests or queued jobs: try again later",
}

_NO_JOB = (
    "no such job for this API key, or its result has expired: results are kept for 30 minutes"
    " after `run`, for 1 minute after `run_sync`, and no longer than the job's ttl"
)

_UNCERTAIN = "the job may have been enqueued: check before you submit it again"

NO_OUTPUT = (
    "the job completed without an output. Possible causes: the result is larger than RunPod keeps"
    " (20 MB); the handler returned nothing or an empty object (look for a missing `return`, also"
    " in rp_handler.py); or the handler yields without return_aggregate_stream (read its chunks"
    " with stream())"
)
"""The warning for a job that completed with neither an output nor an error."""


def refused(
    action: str,
    status_code: int,
    detail: str,
    *,
    of_job: bool,
    submission: bool,
    key_origin: str,
    base_url: str,
) -> str:
    """
    Describe a response that is not 2xx, and what to do.

    Args:
        key_origin: Where the API key was found.
        base_url: The client's base URL.
    """
    cls = errors.status_error_class(status_code, submission=submission)
    uncertain = issubclass(cls, errors.SubmissionServerError)
    advice = _UNCERTAIN if uncertain else _ADVICE.get(status_code)
    if of_job and status_code == 404:
        advice = _NO_JOB
    if status_code in (401, 403) and key_origin:
        advice = f"{advice}; the key is from {key_origin}"
    if status_code == 404 and base_url and not base_url.endswith("/v2"):
        advice = f"{advice}; also check the base URL {base_url}: RunPod's ends with /v2"
    message = f"{action}: HTTP {status_code}"
    if detail:
        message += f", {detail}"
    return f"{message} ({advice})" if advice else message


def too_large(action: str, size: int, limit: int) -> str:
    """Say that a request was too large to send, and how to send large data."""
    return (
        f"{action}: the request is {size / 2**20:.1f} MiB as JSON; the limit is"
        f" {limit / 2**20:g} MiB (10 MiB for `run`, 20 MiB for `run_sync`). Nothing was sent. Store"
        " large data elsewhere, for example with storage.S3Storage, and send its URL; for large"
        " results see s3_config, for a server with another limit see size_limits"
    )


def no_answer(action: str, reason: str, *, submission: bool) -> str:
    """Say that no usable response arrived, and why."""
    return f"{action}: {reason}" + (f"; {_UNCERTAIN}" if submission else "")


def interrupted_submission(endpoint_id: str) -> str:
    """Say that a submission was interrupted before its response was read."""
    return f"the submission to endpoint {endpoint_id} was interrupted; {_UNCERTAIN}"


def about(job_id: str, text: str) -> str:
    """Return a note about a job."""
    return f"job {job_id}: {text}"


def detached(job_id: str) -> str:
    """Say that a job may still be running, and how to wait for it."""
    return f"it may still be running; to wait for it, call endpoint.job({job_id!r}).wait()"


def cancelled(answer: JobState | None) -> str:
    """Say whether a job was cancelled, by the server's response."""
    if answer is None or not answer.completed:
        return "the cancellation was not confirmed"
    if answer.succeeded or answer.status != "CANCELLED":
        return f"it was {answer.status} before it could be cancelled"
    return "it was cancelled"


def timed_out_and_cancelled(timeout: str, known: JobState | None, answer: JobState | None) -> str:
    """
    Return the message of a timeout, with the response to the job's cancellation.

    Args:
        timeout: The message without it.
        known: The job's state in that message.
    """
    before = "" if known is None else f"; the job was {known.status}"
    return f"{timeout.removesuffix(_still(known))}{before}; {cancelled(answer)}"


def _still(known: JobState | None) -> str:
    """Return the end of a timeout's message: in which state the job was, if that is known."""
    if known is None:
        return ""
    advice = "" if known.started else "; explain() returns the reason"
    return f"; the job is still {known.status}{advice}"


def invalid(action: str, fault: str, words: str, *, submission: bool) -> str:
    """Describe an invalid body of a 2xx response; *words* is an error text in that body."""
    message = f"{action}: the response does not match the API document: {fault}"
    if words:
        message += f"; the server's message: {words}"
    return f"{message}; see .body" + (f" ({_UNCERTAIN})" if submission else "")


def timed_out(
    action: str,
    timeout: float | None,
    *,
    state: JobState | None = None,
    uncertain: bool = False,
    in_line: bool = False,
    wait: float | None = None,
) -> str:
    """
    Say that a call timed out, and in which state the job was.

    Args:
        in_line: Whether the request was not sent because of the rate limit.
        wait: Seconds until the rate limit allows the request.
    """
    if in_line and wait is not None and timeout is not None:
        return (
            f"{action}: nothing was sent: the rate limit allows the request in {wait:.1f} s, after"
            f" the timeout of {timeout:g} s; wait, or use a longer timeout (see rate_limits)"
        )
    message = f"{action}: timed out" + ("" if timeout is None else f" after {timeout:g} s")
    if uncertain:
        return f"{message}; {_UNCERTAIN}"
    if in_line:
        return f"{message} waiting for the rate limit; nothing was sent (see rate_limits)"
    return message + _still(state)


def closed_early(action: str, rest: str) -> str:
    """
    Say that an iteration was closed before its end.

    Args:
        rest: Where the remaining values are.
    """
    return f"the {action} was closed before its end: iterate inside of its `with` block; {rest}"


def not_saved(job_id: str, failed: Mapping[str, Exception], saved: Sized) -> str:
    """Say which files of an output were not saved, and why."""
    reasons = "; ".join(f"{path or 'output'}: {_reason(error)}" for path, error in failed.items())
    return (
        f"job {job_id}: {len(failed)} of {len(failed) + len(saved)} files were not saved:"
        f" {reasons[:_LONGEST]} (see .failed; .saved are the others)"
    )


def _reason(error: Exception) -> str:
    """Say why a file was not saved."""
    if isinstance(error, FileExistsError):
        return f"{error.filename} exists already; overwrite=True replaces it"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}"
    return str(error)


def draft(batch_id: str) -> str:
    """Say that a batch was not started."""
    return f"batch {batch_id} is a draft, and does not run: call finalize() first"


def draft_left(batch_id: str) -> str:
    """Say that a batch was not filled, in a note."""
    return f"batch {batch_id} remains a draft with a part of the requests"


def interrupted(action: str, state: JobState | None, why: str, *, rerun: bool) -> str:
    """
    Say why chunks of a stream are missing, and how to read the remaining ones.

    Args:
        why: The error message of the status request, if that failed.
    """
    if rerun:
        message = (
            f"{action}: the job was given to another worker, which did not repeat the chunks"
            " delivered so far"
        )
    else:
        message = f"{action}: a response was lost that may have contained chunks"
    if state is None:
        return f"{message}, and the job's status could not be read" + (f" ({why})" if why else "")
    return (
        f"{message}, and the job's output does not show which are missing (the job is"
        f" {state.status}); endpoint.stream(job_id) reads the chunks that the server still has"
    )
