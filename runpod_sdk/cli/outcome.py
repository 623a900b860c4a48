"""How a command ends: its exit status, and what is said when it is not as was hoped."""

from __future__ import annotations

import os
import re
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from attrs import define

import runpod_sdk as sdk
from runpod_sdk.cli.exit_status import Exit
from runpod_sdk.cli.terminal import complain, say

if TYPE_CHECKING:
    from runpod_sdk import Endpoint, JobState, RunpodTimeoutError
    from runpod_sdk.settings import OnTimeout

ENDPOINT_VARIABLE = "RUNPOD_ENDPOINT_ID"
_EXPLAINING = 5.0
_CANCELLING = 5.0
_CANCELLED = "it was cancelled"


def verdict(state: JobState) -> Exit:
    """Judge *state*, which has been shown; say why, where the job ended badly."""
    from runpod_sdk.outcomes import checked  # brings the client's models, which a page needs not

    try:
        checked(state)
    except sdk.JobError as error:
        complain(str(error).partition("\n")[0])
        return Exit.JOB_ENDED_BADLY
    return Exit.DONE if state.succeeded else Exit.NOT_ENDED


@contextmanager
def warnings_told() -> Iterator[None]:
    """Print what the SDK warns of in the block as a sentence, without the line of a program."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        complain(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextmanager
def _explained() -> Iterator[None]:
    """Say why a job still waits that was waited for in vain."""
    try:
        yield
    except sdk.RunpodTimeoutError as error:
        waits = error.state is None or not error.state.started
        if isinstance(error.job, sdk.Job) and waits and not error.cancelled:
            error.add_note(error.job.explain(timeout=_EXPLAINING).text)
        raise


@contextmanager
def connected(endpoint_id: str) -> Iterator[Endpoint]:
    """Give the endpoint, and end the process as befits what goes wrong in the block."""
    with told(endpoint_id), sdk.Runpod() as client, _explained():
        yield client.endpoint(endpoint_id)


@contextmanager
def told(endpoint_id: str) -> Iterator[None]:
    """Say what goes wrong in the block, and end the process as befits it."""
    try:
        with warnings_told():
            yield
    except sdk.JobError as error:
        complain(f"{error}")
        code = Exit.JOB_ENDED_BADLY
    except sdk.RunpodTimeoutError as error:
        complain(_time_is_up(error))
        for why in getattr(error, "__notes__", ()):
            complain(why)
        if error.job is not None and not error.cancelled:
            say_how_to_go_on(error.job.id, endpoint_id)
        code = Exit.TIMEOUT
    except (sdk.ConfigurationError, ValueError) as error:
        complain(f"{error}")
        code = Exit.USAGE
    except sdk.RunpodError as error:
        complain(f"{error}")
        if isinstance(error, sdk.APIConnectionError) and error.job is not None:
            say_how_to_go_on(error.job.id, endpoint_id)
        code = Exit.API
    except KeyboardInterrupt as error:
        say("\ninterrupted")
        for note in getattr(error, "__notes__", ()):  # "job ID: what became of it"
            say(note)
            if (found := re.match(r"job (\S+): ", note)) and not note.endswith(_CANCELLED):
                say_how_to_go_on(found[1], endpoint_id)
        code = Exit.INTERRUPTED
    else:
        return
    raise typer.Exit(code)


def _time_is_up(error: RunpodTimeoutError) -> str:
    """Say so, in the words of one who types commands."""
    if error.job is None:
        return str(error)
    seen = "" if error.state is None else f"; it is still {error.state.status}"
    return f"timed out waiting for job {error.job.id}{seen}"


@define
class Known:
    """The job of a command."""

    job_id: str | None = None
    """None before its submission was answered."""


@contextmanager
def seen_to(
    endpoint: Endpoint, on_timeout: OnTimeout, job_id: str | None = None
) -> Iterator[Known]:
    """
    Detach from the job, or cancel it, where the block is left by the time or by Ctrl-C.

    Gives where to put the id of a job that the block submits.
    """
    known = Known(job_id)
    try:
        yield known
    except sdk.RunpodTimeoutError as error:
        if (job_id := known.job_id) is not None:
            error.job = error.job or endpoint.job(job_id)
            if on_timeout == "cancel":
                error.cancelled, what = _cancelled(endpoint, job_id)
                error.add_note(f"job {job_id}: {what}")
        raise
    except KeyboardInterrupt as error:
        job_id = known.job_id or _named(error)
        if job_id is None:
            raise
        what = "detached, it goes on"
        if on_timeout == "cancel":
            try:
                what = _cancelled(endpoint, job_id)[1]
            except KeyboardInterrupt:  # once more: whoever it was does not want to wait
                what = "cancelling it was interrupted"
        error.__notes__ = [f"job {job_id}: {what}"]  # in place of what the call says, if anything
        raise


def _named(error: KeyboardInterrupt) -> str | None:
    """Return the job that a note of *error* names: it was interrupted as it was submitted."""
    notes = "\n".join(getattr(error, "__notes__", ()))
    found = re.search(r"^job (\S+): ", notes, re.MULTILINE)
    return found[1] if found else None


def _cancelled(endpoint: Endpoint, job_id: str) -> tuple[bool, str]:
    try:
        state = endpoint.cancel(job_id, timeout=_CANCELLING)
    except sdk.RunpodError as error:
        return False, f"cancelling it was not confirmed ({error})"
    if state.status == sdk.JobStatus.CANCELLED:
        return True, _CANCELLED
    if state.completed:
        return False, f"it was {state.status} before it could be cancelled"
    return False, f"cancelling it was not confirmed (it is {state.status})"


def command(name: str, job_id: str, endpoint_id: str) -> str:
    """Spell the command that does something with a job, as it can be typed here."""
    words = ["runpod-sdk", name, job_id]
    if os.environ.get(ENDPOINT_VARIABLE) != endpoint_id:
        words += ["--endpoint", endpoint_id]
    return shlex.join(words)


@contextmanager
def printed_or_told(job_id: str, endpoint_id: str) -> Iterator[None]:
    """Say how to go on with a job whose id can't be printed, so that it is not lost."""
    try:
        yield
    except typer.Exit:
        say_how_to_go_on(job_id, endpoint_id)
        raise


def say_how_to_go_on(job_id: str, endpoint_id: str) -> None:
    """Spell the commands that wait for *job_id* again, and that end it."""
    say(f"to wait for it: {command('wait', job_id, endpoint_id)}")
    say(f"to cancel it:   {command('cancel', job_id, endpoint_id)}")
