"""What a command prints, and the exit status it ends with."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from runpod_sdk import (
    APIConnectionError,
    ConfigurationError,
    Endpoint,
    Job,
    JobError,
    JobState,
    Runpod,
    RunpodError,
    RunpodTimeoutError,
)

ENDPOINT_VARIABLE = "RUNPOD_ENDPOINT_ID"
_EXPLAINING = 2.0
"""Seconds that it may take, after the time of a wait was up, to find out why."""


class Exit(IntEnum):
    """The exit statuses. Nothing but what was asked for ends with 0."""

    DONE = 0
    JOB_ENDED_BADLY = 1
    USAGE = 2
    API = 3
    NOT_ENDED = 4
    TIMEOUT = 124
    INTERRUPTED = 130


EXIT_STATUSES = """\
Exit status: 0 the job succeeded (run, cancel, retry, explain, health, purge-queue: the API
did as asked); 1 the job ended badly; 2 wrong usage or configuration; 3 the API refused, or gave no
usable answer; 4 the job has not ended (status); 124 the local time was up; 130 interrupted.
"""


def show(document: object, *, indent: int | None = 2) -> None:
    """Print *document* to standard output, as JSON, at once."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(document, indent=indent)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Print *text* for a person: to standard error."""
    typer.echo(text, err=True)


def verdict(state: JobState) -> Exit:
    """Judge *state*, which has been shown; say why, where the job ended badly."""
    try:
        state.raise_for_status()
    except JobError as error:
        say(str(error).partition("\n")[0])
        return Exit.JOB_ENDED_BADLY
    return Exit.DONE if state.succeeded else Exit.NOT_ENDED


@contextmanager
def _explained() -> Iterator[None]:
    """Say why a job still waits that was waited for in vain."""
    try:
        yield
    except RunpodTimeoutError as error:
        waits = error.state is None or not error.state.started
        if isinstance(error.job, Job) and waits and not error.cancelled:
            error.add_note(error.job.explain(timeout=_EXPLAINING).text)
        raise


@contextmanager
def connected(endpoint_id: str, streamed: str | None = None) -> Iterator[Endpoint]:
    """
    Give the endpoint, and end the process as befits what goes wrong in the block.

    Args:
        streamed: The job that is streamed, if one is: interrupting that says nothing of it.
    """
    try:
        with Runpod() as client, _explained():
            yield client.endpoint(endpoint_id)
    except JobError as error:
        say(f"{error}")
        code = Exit.JOB_ENDED_BADLY
    except RunpodTimeoutError as error:
        say(f"{error}")
        for why in getattr(error, "__notes__", ()):
            say(why)
        if error.job is not None and not error.cancelled:
            say_how_to_go_on(error.job.id, endpoint_id)
        code = Exit.TIMEOUT
    except (ConfigurationError, ValueError) as error:
        say(f"{error}")
        code = Exit.USAGE
    except RunpodError as error:
        say(f"{error}")
        if isinstance(error, APIConnectionError) and error.job is not None:
            say_how_to_go_on(error.job.id, endpoint_id)
        code = Exit.API
    except KeyboardInterrupt as error:
        say("\ninterrupted")
        for note in getattr(error, "__notes__", ()):  # "job ID: what became of it"
            say(note)
            if still_on := re.fullmatch(r"job (\S+): it goes on", note):
                say_how_to_go_on(still_on[1], endpoint_id)
        if streamed is not None:
            say_how_to_go_on(streamed, endpoint_id)
        code = Exit.INTERRUPTED
    else:
        return
    raise typer.Exit(code)


def say_how_to_go_on(job_id: str, endpoint_id: str) -> None:
    """Spell the command that waits for *job_id* again."""
    words = ["runpod-sdk", "wait", job_id]
    if os.environ.get(ENDPOINT_VARIABLE) != endpoint_id:
        words += ["--endpoint", endpoint_id]
    say(f"to wait for it: {shlex.join(words)}")
