"""A log line for each job that has ended: its id, status, duration and error."""

from __future__ import annotations

import logging
from collections.abc import Callable

from runpod_sdk.error_text import line_of
from runpod_serverless_api.types import UNSET

from . import _wire
from ._rules.jobs import JobRecord
from ._workers.output import censored

logger = logging.getLogger("runpod_sdk.local.jobs")


def job_log(*secrets: str) -> Callable[[JobRecord], None]:
    """Return a function that logs ended jobs, without input, output and *secrets*."""

    def ended(job: JobRecord) -> None:
        if logger.isEnabledFor(logging.INFO):
            status = str(job.status)
            ran = (
                "" if job.execution_time is None else f" in {_format_duration(job.execution_time)}"
            )
            why = "" if job.error is UNSET else f": {_error_line(str(job.error), job, secrets)}"
            logger.info("job %s %s%s%s", job.id, status, ran, why, extra={"status": status})

    return ended


def _error_line(error: str, job: JobRecord, secrets: tuple[str, ...]) -> str:
    return line_of(censored(error, (*secrets, *_wire.secrets(job.spec.request))))


def _format_duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
