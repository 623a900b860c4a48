"""Jobs and workers as documents for the page."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from attrs import asdict

from runpod_sdk.local import _wire
from runpod_sdk.local._logbook import LogExcerpt
from runpod_sdk.local._rules.history import BUCKET, WINDOW, History
from runpod_sdk.local._rules.jobs import JobEvent, JobRecord
from runpod_serverless_api.models import JobStatus
from runpod_serverless_api.types import UNSET

from .excerpts import Excerpt, error_document, error_line, gist

_LINE = 200
"""The number of characters of a value in the list of jobs."""
_EXCERPT = 32 * 1024
"""The number of characters of a value in the view of one job."""

PARTS: dict[str, Callable[[JobRecord], Any]] = {
    "input": lambda job: _wire.input_of(job.spec.request),
    "output": lambda job: job.output,
    "error": lambda job: job.error,
    "chunks": lambda job: list(job.chunks) or UNSET,
}
"""The parts of a job that are shown in short; UNSET where the job has none."""


class JobDocuments:
    """
    The documents of jobs: a row of the list, and everything about one job.

    Rows are kept as JSON until their jobs change, and excerpts of values as long as a job has the
    same value.
    """

    def __init__(self) -> None:
        self._rows = WeakKeyDictionary[JobRecord, tuple[int, bytes]]()
        self._excerpts = WeakKeyDictionary[JobRecord, dict[str, Excerpt]]()

    def row(self, job: JobRecord) -> bytes:
        """Return the row of a job, as JSON."""
        revision, row = self._rows.get(job, (-1, b""))
        if revision != job.revision:
            row = _wire.encode(_row(job), sort=False)
            self._rows[job] = job.revision, row
        return row

    def whole(self, job: JobRecord) -> dict[str, Any]:
        """
        Return everything about a job.

        Its parts are JSON texts of limited length, so that a browser shows numbers as they are
        instead of rounding them.
        """
        request = job.spec.request
        return {
            **_row(job),
            "parts": {
                part: {
                    "text": excerpt.text,
                    "whole": excerpt.whole,
                    "files": [asdict(file) for file in excerpt.files],
                    "serial": excerpt.serial,
                }
                for part in PARTS
                if (excerpt := self._excerpt(job, part)) is not None
            },
            "failure": error_document(job.error) if isinstance(job.error, str) else None,
            "events": [_event(event) for event in job.events],
            "expires": job.expires,
            "executionTimeout": job.spec.execution_timeout,
            "policy": dict(job.spec.policy),
            "webhook": request.get(_wire.WEBHOOK),
            "waitingChunks": len(job.chunks),
        }

    def _excerpt(self, job: JobRecord, part: str) -> Excerpt | None:
        value = PARTS[part](job)
        if value is UNSET:
            return None
        kept = self._excerpts.setdefault(job, {})
        excerpt = kept.get(part)
        if excerpt is None or not _is_same(excerpt.value, value, part):
            excerpt = kept[part] = Excerpt.of(value, _EXCERPT)
        return excerpt


def _is_same(before: Any, value: Any, part: str) -> bool:
    """Return whether a part has the same value as before; chunks come in a new list each time."""
    if part != "chunks":
        return before is value
    return len(before) == len(value) and all(map(operator.is_, before, value))


def _row(job: JobRecord) -> dict[str, Any]:
    """Return a job as the API does, with the times of the queue's clock and values in short."""
    running = job.status is JobStatus.IN_PROGRESS
    short = {part: PARTS[part](job) for part in ("input", "output")}
    return {
        **{key: value for key, value in _wire.job(job).items() if key not in PARTS},
        "submitted": job.submitted,
        "queued": job.queued,
        "started": job.started,
        "ended": job.ended,
        "attempts": job.attempts,
        "chunks": job.chunk_count,
        "gist": {
            "progress" if part == "output" and running else part: gist(value, _LINE)
            for part, value in short.items()
            if value is not UNSET
        }
        | ({"error": error_line(job.error, _LINE)} if isinstance(job.error, str) else {}),
    }


def _event(event: JobEvent) -> dict[str, Any]:
    document = asdict(event)
    if event.error is not None:
        document["error"] = error_line(event.error, _LINE)
    return {key: value for key, value in document.items() if value is not None}


def log_document(excerpt: LogExcerpt) -> dict[str, Any]:
    """Return lines of a log; `after` is the number of the lines before them."""
    return {"after": excerpt.after, "lines": [asdict(line) for line in excerpt.lines]}


def speed_document(history: History, now: float) -> dict[str, Any]:
    """Return how fast jobs were in the last minutes."""
    speed = history.speed(now)
    return {**asdict(speed), "window": WINDOW, "bucket": BUCKET}


def lanes_document(history: History, now: float) -> Mapping[str, list[dict[str, Any]]]:
    """Return the runs of the last minutes, by worker."""
    return {
        worker: [
            {
                "start": span.start,
                "end": span.end,
                "job_id": span.job_id,
                "outcome": span.outcome,
                "count": span.count,
            }
            for span in spans
        ]
        for worker, spans in history.lanes(now).items()
    }
