"""The exit statuses of the command."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses. Only a command that did what was asked ends with 0."""

    DONE = 0
    JOB_ENDED_BADLY = 1
    USAGE = 2
    API = 3
    NOT_ENDED = 4
    NOT_WRITTEN = 5
    TIMEOUT = 124
    INTERRUPTED = 130


EXIT_STATUSES = {
    "0": "the job succeeded, or the request did (run, cancel, retry, …)",
    "1": "the job failed, was cancelled, or timed out on the server",
    "2": "wrong usage or configuration",
    "3": "the API returned an error or could not be reached; a journal cannot be used",
    "4": "the job has not ended yet (status)",
    "5": "part of the output could not be saved (--save) or printed",
    "124": "the command timed out (--timeout)",
    "130": "interrupted (Ctrl-C), or not confirmed (purge-queue)",
}
