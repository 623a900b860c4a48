"""A line in the log for each job that has ended: which, how, and how long it ran."""

from __future__ import annotations

import logging
from collections.abc import Callable

from runpod_sdk.reasons import line_of

from . import _wire
from ._rules.jobs import Job
from ._workers.output import censored

logger = logging.getLogger("runpod_sdk.local.jobs")


def job_log(*secrets: str) -> Callable[[Job], None]:
    """Make what tells of the jobs of an endpoint with such *secrets*: no input, no output."""

    def ended(job: Job) -> None:
        if logger.isEnabledFor(logging.INFO):
            status = str(job.status)
            ran = "" if job.execution_time is None else f" in {_spelled(job.execution_time)}"
            why = "" if job.error is _wire.UNSET else f": {_line(str(job.error), job, secrets)}"
            logger.info("job %s %s%s%s", job.id, status, ran, why, extra={"status": status})

    return ended


def _line(error: str, job: Job, secrets: tuple[str, ...]) -> str:
    return line_of(censored(error, (*secrets, *_wire.secrets(job.submission.request))))


def _spelled(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
