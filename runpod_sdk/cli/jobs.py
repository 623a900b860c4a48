"""What the commands do that take more than one call."""

from __future__ import annotations

import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import runpod_sdk as sdk
from runpod_sdk.cli import history
from runpod_sdk.cli.exit_status import ExitStatus
from runpod_sdk.cli.history import Entry
from runpod_sdk.cli.outcome import CommandJob, cancel_on_interrupt, errors_reported, exit_status_of
from runpod_sdk.cli.output import ChunkPrinter, Output, print_result
from runpod_sdk.cli.saving import Saver
from runpod_sdk.cli.status_line import status_line
from runpod_sdk.cli.terminal import is_terminal, print_error, print_note

if TYPE_CHECKING:
    from runpod_sdk import Endpoint, JobState
    from runpod_sdk.settings import OnTimeout

_AT_ONCE = 8


def submit(
    endpoint: Endpoint, asked: dict[str, Any], known: CommandJob, *, timeout: Any, keep: bool
) -> str:
    """Send a job to the queue, and note its id."""
    job_id = known.job_id = endpoint.run(**asked, **timeout).id
    if keep:
        history.add(job_id, endpoint.id)
    return job_id


def run_and_wait(
    endpoint: Endpoint,
    asked: dict[str, Any],
    *,
    timeout: float | None,
    on_timeout: OnTimeout,
    keep: bool,
    **how: Any,
) -> ExitStatus:
    """
    Send a job and take what comes of it, in *timeout* seconds in all.

    It is sent to the queue and then waited for, not sent by the API's `runsync`: its id is
    known at once, and the result is kept for half an hour and not for a minute. Only what
    is too large for that goes by `runsync`, and can't be streamed.
    """
    began = time.monotonic()
    try:
        with cancel_on_interrupt(endpoint, on_timeout) as known:
            job_id = submit(endpoint, asked, known, timeout={"timeout": timeout}, keep=keep)
            if timeout is not None:
                timeout = max(timeout - (time.monotonic() - began), 0.001)
            outcome = _wait_for_end(endpoint, job_id, timeout=timeout, **how)
    except sdk.RequestTooLargeError:
        if how["stream"]:  # the id of such a job comes with its end
            raise
        state = endpoint.run_sync(**asked, timeout=timeout, on_timeout=on_timeout, check=False)
        if keep:
            history.add(state.id, endpoint.id)
        return print_outcome(state, how["output"], how["saver"])
    return (
        outcome
        if isinstance(outcome, ExitStatus)
        else print_outcome(outcome, how["output"], how["saver"])
    )


def wait_or_stream(
    endpoint: Endpoint, job_id: str, *, timeout: float | None, on_timeout: OnTimeout, **how: Any
) -> ExitStatus:
    """Print what comes of a job: the job when it has ended, or what it yields as it comes."""
    with cancel_on_interrupt(endpoint, on_timeout, job_id):
        outcome = _wait_for_end(endpoint, job_id, timeout=timeout, **how)
    return (
        outcome
        if isinstance(outcome, ExitStatus)
        else print_outcome(outcome, how["output"], how["saver"])
    )


def _wait_for_end(
    endpoint: Endpoint,
    job_id: str,
    *,
    timeout: float | None,
    output: Output,
    saver: Saver | None,
    quiet: bool,
    stream: bool = False,
) -> JobState | ExitStatus:
    """Wait for a job, and return its state; or print what it yields, and judge that."""
    if stream:
        return _stream(endpoint, job_id, timeout, output, saver, quiet)
    with status_line(endpoint, job_id, quiet=quiet):
        return endpoint.wait(job_id, timeout=timeout)


def _stream(
    endpoint: Endpoint,
    job_id: str,
    timeout: float | None,
    output: Output,
    saver: Saver | None,
    quiet: bool,
) -> ExitStatus:
    printer = ChunkPrinter(output, saver, job_id)
    try:
        with endpoint.stream(job_id, timeout=timeout) as chunks:
            with status_line(endpoint, job_id, quiet=quiet):
                chunk = next(chunks, None)
            while chunk is not None:
                printer.show(chunk)
                chunk = next(chunks, None)
    finally:
        printer.end()
    return _saved(ExitStatus.DONE, saver)


def print_outcome(state: JobState, output: Output, saver: Saver | None) -> ExitStatus:
    """Print a job that has ended, and judge it."""
    try:
        print_result(state, output, saver)
    except KeyboardInterrupt as interruption:  # while its files are saved, which may take long
        interruption.add_note(f"job {state.id}: it has ended: {state.status}")
        raise
    from runpod_sdk.results import NO_OUTPUT

    code = exit_status_of(state)
    if code is ExitStatus.DONE and not state.has_output:
        print_error(NO_OUTPUT)
    return _saved(code, saver)


def _saved(code: ExitStatus, saver: Saver | None) -> ExitStatus:
    if code is ExitStatus.DONE and saver and not saver.found:
        print_note("nothing was saved: there is no file in the output, and no link")
    return (
        ExitStatus.NOT_WRITTEN if code is ExitStatus.DONE and saver and not saver.complete else code
    )


def jobs_in_history(limit: int, endpoint_id: str | None) -> list[Entry]:
    """List the jobs of the history, the latest first."""
    wanted = (entry for entry in history.entries() if endpoint_id in (None, entry.endpoint))
    entries = list(islice(wanted, limit))
    if not entries and is_terminal(sys.stderr):
        print_note("no jobs were submitted from here, or none was noted")
    return entries


def query_statuses(entries: list[Entry]) -> dict[str, str | None]:
    """Ask for the status of each job, in tasks, which Ctrl-C ends; None of one that is gone."""
    import asyncio

    async def ask_all() -> dict[str, str | None]:
        turns = asyncio.Semaphore(_AT_ONCE)
        async with sdk.AsyncRunpod() as client:

            async def ask(entry: Entry) -> tuple[str, str | None]:
                async with turns:
                    try:
                        state = await client.endpoint(entry.endpoint).status(entry.id)
                    except sdk.NotFoundError:
                        return entry.id, None
                    return entry.id, state.status

            return dict(await asyncio.gather(*map(ask, entries)))

    if not entries:
        return {}
    with errors_reported(entries[0].endpoint):
        return asyncio.run(ask_all())
