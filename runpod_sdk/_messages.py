"""What errors say: what happened, to which job, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import TYPE_CHECKING, Final

from runpod_sdk import errors

if TYPE_CHECKING:
    from runpod_sdk.models import JobState

_LONGEST: Final = 2_000

_ADVICE: dict[int, str] = {
    401: "the API key is not accepted",
    403: "the API key has no access to this endpoint, or may not do this",
    404: "there is no such endpoint for this key: check the endpoint's id",
    413: (
        "put large data into storage, by runpod_sdk.storage.S3Storage for example, and send its URL"
    ),
    429: "too many requests, or too many jobs in the queue; try again later",
}

_NO_JOB = (
    "there is no such job for this key, or its result has expired: 30 minutes after `run`,"
    " 1 minute after `run_sync`, or by the job's ttl"
)

_UNCERTAIN = "the job may have been enqueued: do not send it again without looking"

NO_OUTPUT = (
    "the job completed without an output: the result was larger than the service keeps (20 MB),"
    " the handler returned nothing or an empty object (look for a missing `return`, also in"
    " rp_handler.py), or it yields without return_aggregate_stream, and its chunks are in stream()"
)
"""What may be the reason of a job that completed with neither an output nor an error."""


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
    Say what was asked, what was answered, and what to do.

    Args:
        key_origin: Where the API key came from.
        base_url: What the client was told to ask.
    """
    cls = errors.status_error_class(status_code, submission=submission)
    uncertain = issubclass(cls, errors.SubmissionServerError)
    advice = _UNCERTAIN if uncertain else _ADVICE.get(status_code)
    if of_job and status_code == 404:
        advice = _NO_JOB
    if status_code in (401, 403) and key_origin:
        advice = f"{advice}; it came from {key_origin}"
    if status_code == 404 and base_url and not base_url.endswith("/v2"):
        advice = f"{advice}; if nothing is found, check the base URL {base_url}: RunPod's has /v2"
    message = f"{action}: HTTP {status_code}"
    if detail:
        message += f", {detail}"
    return f"{message} ({advice})" if advice else message


def too_large(action: str, size: int, limit: int) -> str:
    """Say that a request was not sent for its size, and what to do with so much."""
    return (
        f"{action}: the request is {size / 2**20:.1f} MiB as JSON, and the service takes"
        f" {limit / 2**20:g} MiB (10 MiB of `run`, 20 MiB of `run_sync`); nothing was sent: put"
        " large data into storage, by runpod_sdk.storage.S3Storage for example, and send its URL"
        " (results: see s3_config; a server that takes more: see size_limits)"
    )


def no_answer(action: str, reason: str, *, submission: bool) -> str:
    """Say that no usable answer came, and why."""
    return f"{action}: {reason}" + (f"; {_UNCERTAIN}" if submission else "")


def interrupted_submission(endpoint_id: str) -> str:
    """Say that a submission was interrupted before its answer was read."""
    return f"submission to endpoint {endpoint_id} interrupted; {_UNCERTAIN}"


def about(job_id: str, text: str) -> str:
    """Say something of a job, in a note: of which, and what."""
    return f"job {job_id}: {text}"


def detached(job_id: str) -> str:
    """Say that a job was left alone, and how to come back to it."""
    return f"it may still be running; wait for it with endpoint.job({job_id!r})"


def cancelled(answer: JobState | None) -> str:
    """Say what became of a job that was to be cancelled, given the server's answer."""
    if answer is None or not answer.completed:
        return "the cancellation was not confirmed"
    if answer.succeeded or answer.status != "CANCELLED":
        return f"it was {answer.status} before it could be cancelled"
    return "it was cancelled"


def invalid(action: str, fault: str, words: str, *, submission: bool) -> str:
    """Say what is wrong with the body of a 2xx, with the server's own *words*, if it has any."""
    message = f"{action}: the answer is not what the API document says: {fault}"
    if words:
        message += f"; the server says: {words}"
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
    Say that a call timed out, and what is known of the job.

    Args:
        in_line: Whether the request was not sent, to keep to the service's rates.
        wait: The seconds until it could be sent.
    """
    if in_line and wait is not None and timeout is not None:
        return (
            f"{action}: nothing was sent: RunPod's rate limit has no room for {wait:.1f} s, longer"
            f" than the timeout of {timeout:g} s; wait, or give a longer one (see rate_limits)"
        )
    message = f"{action}: timed out" + ("" if timeout is None else f" after {timeout:g} s")
    if uncertain:
        return f"{message}; {_UNCERTAIN}"
    if in_line:
        return f"{message} waiting for the rate limit; nothing was sent (see rate_limits)"
    if state is None:
        return message
    why = "" if state.started else "; explain() says why it is still queued"
    return f"{message}; it is still {state.status}{why}"


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


def interrupted(action: str, state: JobState | None, why: str, *, rerun: bool) -> str:
    """
    Say why chunks are missing, and where they can still be found.

    Args:
        why: The error message of the status request, if it failed.
    """
    if rerun:
        message = (
            f"{action}: the job was given to another worker, which did not repeat the chunks"
            " delivered so far"
        )
    else:
        message = f"{action}: a response was lost that may have carried chunks"
    if state is None:
        return f"{message}, and the job's status could not be read" + (f" ({why})" if why else "")
    return (
        f"{message}, and the output of the job ({state.status}) does not show which are missing;"
        " endpoint.stream(job_id) reads what the server still has"
    )
