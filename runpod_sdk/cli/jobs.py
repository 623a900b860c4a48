"""Commands that take more than one call: submit a job, wait for it, print its result."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import runpod_sdk as sdk
from runpod_sdk.cli import history
from runpod_sdk.cli.exit_status import ExitStatus
from runpod_sdk.cli.outcome import CommandJob, cancel_on_interrupt, exit_status_of
from runpod_sdk.cli.output import (
    ChunkPrinter,
    Output,
    form_of,
    print_result,
    print_traceback,
    summary,
)
from runpod_sdk.cli.status_line import status_line
from runpod_sdk.cli.terminal import exit_if_reader_left, print_error, print_note

if TYPE_CHECKING:
    from runpod_sdk import Endpoint, JobState
    from runpod_sdk.cli.saving import Saver
    from runpod_sdk.settings import OnTimeout


def saver_of(directory: str | None, *, force: bool) -> Saver | None:
    """Return what saves files in *directory*, or None without one."""
    if directory is None:
        return None
    from runpod_sdk.cli.saving import Saver  # loads what other commands do not need

    return Saver(directory, force=force)


def submit(
    endpoint: Endpoint, request: dict[str, Any], job: CommandJob, *, timeout: Any, keep: bool
) -> str:
    """Submit a job and add it to the history."""
    job_id = job.job_id = endpoint.run(**request, **timeout).id
    if keep:
        history.add(job_id, endpoint.id, request["input"])
    return job_id


def run_and_wait(
    endpoint: Endpoint,
    request: dict[str, Any],
    *,
    timeout: float | None,
    on_timeout: OnTimeout,
    keep: bool,
    **how: Any,
) -> ExitStatus:
    """
    Submit a job, wait for it and print its result, within *timeout* seconds in all.

    The job goes to `/run` and not to `/runsync`: so its id is known at once, and the API keeps
    the result for half an hour instead of a minute. An input that is too large for `/run` goes
    to `/runsync`; such a job can't be streamed.
    """
    began = time.monotonic()
    try:
        with cancel_on_interrupt(endpoint, on_timeout) as job:
            job_id = submit(endpoint, request, job, timeout={"timeout": timeout}, keep=keep)
            if timeout is not None:
                timeout = max(timeout - (time.monotonic() - began), 0.001)
            outcome = _wait_for_end(endpoint, job_id, timeout=timeout, **how)
    except sdk.RequestTooLargeError:
        if how["stream"]:  # its id is known only when it ends
            raise
        state = endpoint.run_sync(**request, timeout=timeout, on_timeout=on_timeout, check=False)
        if keep:
            history.add(state.id, endpoint.id, request["input"])
        return print_outcome(state, how["output"], how["saver"])
    return _printed(outcome, how)


def wait_or_stream(
    endpoint: Endpoint, job_id: str, *, timeout: float | None, on_timeout: OnTimeout, **how: Any
) -> ExitStatus:
    """Wait for a job and print it, or print its chunks as they arrive."""
    with cancel_on_interrupt(endpoint, on_timeout, job_id):
        outcome = _wait_for_end(endpoint, job_id, timeout=timeout, **how)
    return _printed(outcome, how)


def _printed(outcome: JobState | ExitStatus, how: dict[str, Any]) -> ExitStatus:
    if isinstance(outcome, ExitStatus):
        return outcome
    return print_outcome(outcome, how["output"], how["saver"])


def _wait_for_end(
    endpoint: Endpoint,
    job_id: str,
    *,
    timeout: float | None,
    output: Output | None,
    saver: Saver | None,
    quiet: bool,
    stream: bool = False,
) -> JobState | ExitStatus:
    """Wait for a job and return its state, or print its stream and return the exit status."""
    if stream:
        return _stream(endpoint, job_id, timeout, output, saver, quiet)
    with status_line(endpoint, job_id, quiet=quiet) as update:
        return endpoint.wait(job_id, timeout=timeout, on_update=update)


def _stream(
    endpoint: Endpoint,
    job_id: str,
    timeout: float | None,
    output: Output | None,
    saver: Saver | None,
    quiet: bool,
) -> ExitStatus:
    printer = ChunkPrinter(output or "json", saver, job_id)
    try:
        with endpoint.stream(job_id, timeout=timeout) as chunks:
            exit_if_reader_left()
            with status_line(endpoint, job_id, quiet=quiet):
                chunk = next(chunks, None)
            while chunk is not None:
                printer.show(chunk)
                if not chunks.undelivered:
                    exit_if_reader_left()
                chunk = next(chunks, None)
    finally:
        printer.end()
    return _saved(ExitStatus.DONE, saver)


def print_outcome(state: JobState, output: Output | None, saver: Saver | None) -> ExitStatus:
    """Print a job that has ended, and return the exit status."""
    form = form_of(state, output)
    try:
        print_result(state, form, saver)
    except KeyboardInterrupt as interruption:  # while its files are saved, which may take long
        interruption.add_note(f"job {state.id}: it has ended: {state.status}")
        raise
    from runpod_sdk.results import NO_OUTPUT

    code = exit_status_of(state)
    if form != "json":
        print_traceback(state)
    if form != (output or "json"):  # a person did not ask for less than the whole job
        print_note(f"{summary(state, error=False)}; -o json prints the whole job", "2")
    if code is ExitStatus.DONE and not state.has_output:
        print_error(NO_OUTPUT)
    return _saved(code, saver)


def _saved(code: ExitStatus, saver: Saver | None) -> ExitStatus:
    if code is ExitStatus.DONE and saver and not saver.found:
        print_note("nothing was saved: the output contains no file and no link")
    return (
        ExitStatus.NOT_WRITTEN if code is ExitStatus.DONE and saver and not saver.complete else code
    )
