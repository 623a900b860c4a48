"""`progress_update`, named as in RunPod's own package."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from runpod_sdk.local import _json, _wire

_reporters: dict[str, Callable[[Any], object]] = {}


def progress_update(job: Mapping[str, Any], progress: Any) -> None:
    """
    Report the progress of a job.

    `/status` shows the last value as `output` while the job runs. May be called from any
    thread. Does nothing if the job does not run in a local endpoint of this process.

    Args:
        job: The job that the handler was called with.
        progress: Any JSON value.

    Raises:
        ValueError: JSON cannot represent *progress*.
    """
    value = _json.json_copy(progress)
    report = _reporters.get(job[_wire.JOB_ID])
    if report is not None:
        report(value)


@contextmanager
def reporting(job_id: str, report: Callable[[Any], object]) -> Generator[None, None, None]:
    """Pass the calls of `progress_update` for a job to *report* while the job runs."""
    _reporters[job_id] = report
    try:
        yield
    finally:
        # A retry of the job may have begun in another worker while this run was being stopped.
        if _reporters.get(job_id) is report:
            del _reporters[job_id]
