"""The exit statuses of the command."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses. Nothing but what was asked for ends with 0."""

    DONE = 0
    JOB_ENDED_BADLY = 1
    USAGE = 2
    API = 3
    NOT_ENDED = 4
    NOT_WRITTEN = 5
    TIMEOUT = 124
    INTERRUPTED = 130


EXIT_STATUSES = {
    "0": "the job succeeded; or the API did as asked (run, cancel, retry, …)",
    "1": "the job failed, was cancelled, or timed out on the server",
    "2": "wrong usage or configuration",
    "3": "the API refused, or gave no usable answer",
    "4": "the job has not ended yet (status)",
    "5": "not all of the output could be saved (--save) or printed",
    "124": "the command timed out (--timeout)",
    "130": "interrupted (Ctrl-C)",
}
