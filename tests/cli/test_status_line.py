"""The line that says where a job is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import EndpointHealth, Explanation, JobCounts, JobReason, JobState, WorkerCounts
from runpod_sdk.cli.status_line import clock, status_text
from tests.cli.test_inputs import values
from tests.hypothesis_profiles import at_most


def seen(reason: JobReason, status: str = "IN_QUEUE", **given: Any) -> Explanation:
    health = given.pop("health", None)
    state = JobState(id="j", status=status, wire={}, **given)
    return Explanation(reason=reason, text="", state=state, health=health)


def health(in_queue: int = 1, **workers: int) -> EndpointHealth:
    jobs = JobCounts(in_queue=in_queue)
    counts: dict[str, Any] = {**workers}
    return EndpointHealth(jobs=jobs, workers=WorkerCounts(**counts), wire={})


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (None, "1:05 waiting"),
        (
            seen(JobReason.INITIALIZING, health=health(initializing=1)),
            "1:05 in the queue · a worker is starting · workers: 1 initializing",
        ),
        (
            seen(JobReason.QUEUE_AHEAD, health=health(7, running=2, throttled=3)),
            "1:05 in the queue · other jobs wait too · workers: 2 running, 3 throttled"
            " · 7 jobs in the queue",
        ),
        (seen(JobReason.UNKNOWN), "1:05 in the queue"),
        (
            seen(
                JobReason.RUNNING,
                "IN_PROGRESS",
                progress={"step": 3, "of": 10, "name": "upscale"},
                delay_time=timedelta(seconds=62),
                worker_id="w1",
                retries=1,
            ),
            "1:05 running · step 3, of 10, name upscale · lost attempts: 1 · waited 1:02"
            " · worker w1",
        ),
        (
            seen(JobReason.RUNNING, "IN_PROGRESS", progress="40 %\n\n\x1b[2J"),
            "1:05 running · 40 % �[2J",
        ),
        (
            seen(JobReason.RUNNING, "IN_PROGRESS", progress=[1, {"a": None}]),
            '1:05 running · [1, {"a": null}]',
        ),
        (seen(JobReason.DONE, "COMPLETED"), "1:05 COMPLETED, getting the result"),
        (seen(JobReason.UNKNOWN, "PAUSED"), "1:05 PAUSED"),
    ],
)
def test_the_line_tells_where_the_job_is(what: Explanation | None, expected: str) -> None:
    assert status_text(what, 65.4) == expected


@pytest.mark.parametrize(
    "reason", [r for r in JobReason if r not in ("RUNNING", "DONE", "NOT_FOUND", "UNKNOWN")]
)
def test_each_reason_of_waiting_is_told(reason: JobReason) -> None:
    assert status_text(seen(reason), 0).startswith("0:00 in the queue · ")


@given(values | st.text(), st.text())
@at_most(200)
def test_a_status_is_one_line(progress: Any, status: str) -> None:
    """It contains no character that moves the cursor, whatever the worker reports."""
    for state in ("IN_PROGRESS", status):
        text = status_text(seen(JobReason.RUNNING, state, progress=progress), 1e6)
        assert not any(ord(c) < 32 or 0x7F <= ord(c) <= 0x9F for c in text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3600, "1:00:00"), (360_001, "100:00:01")],
)
def test_times_are_those_of_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
