"""How a command ends: its exit status, and what it prints after an error."""

from __future__ import annotations

import os
import re
import shlex
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import typer
from attrs import define

import runpod_sdk as sdk
from runpod_sdk.cli import history
from runpod_sdk.cli.exit_status import ExitStatus
from runpod_sdk.cli.output import print_traceback
from runpod_sdk.cli.terminal import print_error, print_note

if TYPE_CHECKING:
    from runpod_sdk import Endpoint, JobState, RunpodTimeoutError
    from runpod_sdk.settings import OnTimeout

ENDPOINT_VARIABLE = "RUNPOD_ENDPOINT_ID"
_EXPLAINING = 5.0
_CANCELLING = 5.0
_CANCELLED = "it was cancelled"


def exit_status_of(state: JobState) -> ExitStatus:
    """Return the exit status for a job that was printed; print the reason of a failure."""
    from runpod_sdk.results import checked  # loads the client's models; help pages don't need them

    try:
        checked(state)
    except sdk.JobError as error:
        print_error(str(error).partition("\n")[0])
        return ExitStatus.JOB_ENDED_BADLY
    return ExitStatus.DONE if state.succeeded else ExitStatus.NOT_ENDED


@contextmanager
def warnings_printed() -> Iterator[None]:
    """Print the SDK's warnings in the block as sentences, without a line of source code."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        print_error(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextmanager
def open_endpoint(endpoint_id: str) -> Iterator[Endpoint]:
    """Open a client and its endpoint; print errors of the block, and end with their status."""
    with errors_reported(endpoint_id), sdk.Runpod() as client:
        yield client.endpoint(endpoint_id)


def open_endpoint_of(job_id: str, given: str | None) -> AbstractContextManager[Endpoint]:
    """
    Open a job's endpoint: *given*, the endpoint in the history, or the environment's endpoint.

    Raises:
        typer.BadParameter: No endpoint is known.
    """
    entry = history.find(job_id)
    here = entry is not None and entry.base_url in (None, history.current_base_url())
    if given is None and entry is not None and here:
        given = entry.endpoint
    given = given if given is not None else os.environ.get(ENDPOINT_VARIABLE) or None
    if given is not None:
        return open_endpoint(given)
    from runpod_sdk import settings

    if entry is None:
        reason = f"it is not known for job {job_id}: give --endpoint, or set {ENDPOINT_VARIABLE}"
    else:
        reason = (
            f"job {job_id} was submitted to {entry.base_url}: set {settings.BASE_URL_VARIABLE}"
            " to that URL"
        )
    raise typer.BadParameter(reason, param_hint="--endpoint")


@contextmanager
def errors_reported(endpoint_id: str) -> Iterator[None]:
    """Print errors of the block to standard error, and end the process with their status."""
    try:
        with warnings_printed():
            yield
    except sdk.JobError as error:
        print_error(str(error).partition("\n")[0])
        print_traceback(error.state)
        code = ExitStatus.JOB_ENDED_BADLY
    except sdk.RunpodTimeoutError as error:
        print_error(_timeout_message(error))
        for why in getattr(error, "__notes__", ()):
            print_error(why)
        if error.job is not None and not error.cancelled:
            print_next_steps(error.job.id, endpoint_id)
        code = ExitStatus.TIMEOUT
    except (sdk.ConfigurationError, ValueError) as error:
        print_error(f"{error}")
        code = ExitStatus.USAGE
    except sdk.RunpodError as error:
        print_error(f"{error}")
        if isinstance(error, sdk.APIConnectionError) and error.job is not None:
            print_next_steps(error.job.id, endpoint_id)
        code = ExitStatus.API
    except KeyboardInterrupt as error:
        print_note("\ninterrupted")
        for note in getattr(error, "__notes__", ()):  # "job ID: what became of it"
            print_note(note)
            if (found := re.match(r"job (\S+): ", note)) and not note.endswith(_CANCELLED):
                print_next_steps(found[1], endpoint_id)
        code = ExitStatus.INTERRUPTED
    else:
        return
    raise typer.Exit(code)


def _timeout_message(error: RunpodTimeoutError) -> str:
    """Describe a timeout without the terms of the Python API."""
    if error.job is None:
        return str(error)
    state = error.state
    # Of a queued job, the explanation follows.
    seen = f"; it is still {state.status}" if state is not None and state.started else ""
    return f"timed out waiting for job {error.job.id}{seen}"


@define
class CommandJob:
    """The job that a command submits or waits for."""

    job_id: str | None = None
    """None until the API has answered the submission."""


@contextmanager
def cancel_on_interrupt(
    endpoint: Endpoint, on_timeout: OnTimeout, job_id: str | None = None
) -> Iterator[CommandJob]:
    """
    Detach from the job, or cancel it, if the block times out or is interrupted.

    Yields an object that takes the id of a job that the block submits.
    """
    job = CommandJob(job_id)
    try:
        yield job
    except sdk.RunpodTimeoutError as error:
        if (job_id := job.job_id) is not None:
            error.job = error.job or endpoint.job(job_id)
            if on_timeout == "cancel":
                error.cancelled, what = _cancel(endpoint, job_id)
                error.add_note(f"job {job_id}: {what}")
            if not error.cancelled and (error.state is None or not error.state.started):
                error.add_note(endpoint.explain(job_id, timeout=_EXPLAINING).text)
        raise
    except KeyboardInterrupt as error:
        job_id = job.job_id or _job_in_notes(error)
        if job_id is None:
            raise
        what = "detached, it continues"
        if on_timeout == "cancel":
            try:
                what = _cancel(endpoint, job_id)[1]
            except KeyboardInterrupt:  # a second Ctrl-C: do not wait
                what = "cancelling it was interrupted"
        error.__notes__ = [f"job {job_id}: {what}"]  # instead of the call's own note
        raise


def _job_in_notes(error: KeyboardInterrupt) -> str | None:
    """Return the job id in the notes of *error*, from an interrupted submission."""
    notes = "\n".join(getattr(error, "__notes__", ()))
    found = re.search(r"^job (\S+): ", notes, re.MULTILINE)
    return found[1] if found else None


def _cancel(endpoint: Endpoint, job_id: str) -> tuple[bool, str]:
    try:
        state = endpoint.cancel(job_id, timeout=_CANCELLING)
    except sdk.RunpodError as error:
        return False, f"cancelling it was not confirmed ({error})"
    if state.status == sdk.JobStatus.CANCELLED:
        return True, _CANCELLED
    if state.completed:
        return False, f"it was {state.status} before it could be cancelled"
    return False, f"cancelling it was not confirmed (it is {state.status})"


def command_line(name: str, job_id: str, endpoint_id: str) -> str:
    """Return a command line for a job, which can be pasted into this shell."""
    words = ["runpod-sdk", name, job_id]
    if os.environ.get(ENDPOINT_VARIABLE) != endpoint_id:
        words += ["--endpoint", endpoint_id]
    return shlex.join(words)


@contextmanager
def next_steps_if_not_printed(job_id: str, endpoint_id: str) -> Iterator[None]:
    """Print the next steps if the block can't print the job's id, so that it is not lost."""
    try:
        yield
    except typer.Exit:
        print_next_steps(job_id, endpoint_id)
        raise


def print_next_steps(job_id: str, endpoint_id: str) -> None:
    """Print the commands that wait for *job_id* and that cancel it."""
    print_note(f"to wait for it: {command_line('wait', job_id, endpoint_id)}")
    print_note(f"to cancel it:   {command_line('cancel', job_id, endpoint_id)}")
