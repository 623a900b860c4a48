"""Jobs that were submitted just now, and that not all servers know yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runpod_sdk import NotFoundError
from tests.facade.clients import JOB, Driver, Routes, chunks, in_no_time, job, problem

UNKNOWN = problem(404, "job not found")
ENDED = job("COMPLETED", output=["a"])
STREAM = [UNKNOWN, UNKNOWN, chunks("IN_PROGRESS", "a"), chunks("COMPLETED")]
ASKS: dict[str, tuple[Callable[[Driver, Any], Any], Any]] = {
    "output": (lambda driver, job: driver.call(job.output), ["a"]),
    "wait": (lambda driver, job: driver.call(job.wait).id, JOB),
    "status": (lambda driver, job: driver.call(job.status).id, JOB),
    "stream": (lambda driver, job: [one.output for one in driver.take(job.stream())], ["a"]),
    "cancel": (lambda driver, job: driver.call(job.cancel).id, JOB),
    "retry": (lambda driver, job: driver.call(job.retry).id, JOB),
    "by its id": (lambda driver, job: driver.call(lambda: job.endpoint.status(JOB)).id, JOB),
}


def service(unknown: int) -> Routes:
    """Answer so many questions as a server that does not know the job yet."""
    late = [UNKNOWN] * unknown
    return Routes(
        run=job("IN_QUEUE"),
        status=[*late, ENDED],
        status_sync=[*late, ENDED],
        cancel=[*late, job("CANCELLED")],
        retry=[*late, job("IN_QUEUE")],
        stream=STREAM,
    )


@in_no_time
@pytest.mark.parametrize("ask", ASKS)
def test_a_job_is_asked_after_at_once(driver: Driver, ask: str) -> None:
    """`run`, and right after it each operation on the job, by handle or by id."""
    asking, expected = ASKS[ask]
    made = driver.call(lambda: driver.endpoint(service(2), max_retries=0).run(input=1))
    assert asking(driver, made) == expected


@in_no_time
def test_another_client_does_not_know(driver: Driver) -> None:
    """A job of which a client has not heard may well not be there; it says so at once."""
    routes = service(100)
    driver.call(lambda: driver.endpoint(routes).run(input=1))
    with pytest.raises(NotFoundError):
        driver.call(lambda: driver.endpoint(routes).status(JOB))
    assert routes.asked == ["POST /run", f"GET /status/{JOB}"]
