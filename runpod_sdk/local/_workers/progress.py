"""Progress of jobs that run here, reported by the name that RunPod's own package gives it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from runpod_sdk.local import _json, _wire

_reporters: dict[str, Callable[[Any], object]] = {}


def progress_update(job: Mapping[str, Any], progress: Any) -> None:
    """
    Report how far a job is.

    `/status` shows the last value as `output` while the job runs. May be called from any
    thread. Of a job that does not run in a local endpoint of this process, or no longer
    does, nothing is reported.

    Args:
        job: What the handler was given.
        progress: Any JSON value.

    Raises:
        ValueError: JSON cannot represent *progress*.
    """
    value = _json.snapshot(progress)
    report = _reporters.get(job[_wire.JOB_ID])
    if report is not None:
        report(value)


@contextmanager
def reporting(job_id: str, report: Callable[[Any], object]) -> Generator[None, None, None]:
    """Let `progress_update` reach *report* for as long as the job runs."""
    _reporters[job_id] = report
    try:
        yield
    finally:
        # A retry of the job may have begun elsewhere while this run was still being stopped.
        if _reporters.get(job_id) is report:
            del _reporters[job_id]
