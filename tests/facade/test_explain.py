"""Why a job is where it is: what is judged of what the server says, and what can't be known."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import Explanation, JobReason
from tests.facade.clients import JOB, Driver, Routes, answer, driver, in_no_time, job, problem

NAMES = ("idle", "initializing", "ready", "running", "throttled", "unhealthy")


def health(waiting: int | None = 1, **workers: int) -> Any:
    """Make the answer of an endpoint with these workers, and none else."""
    jobs = {} if waiting is None else {"inQueue": waiting, "inProgress": 0}
    return answer({"jobs": jobs, "workers": dict.fromkeys(NAMES, 0) | workers})


def explained(driver: Driver, **routes: Any) -> tuple[Explanation, Routes]:
    asked = Routes(**routes)
    endpoint = driver.endpoint(asked)
    return driver.call(lambda: endpoint.explain(JOB)), asked


QUEUED: list[tuple[dict[str, int], int, JobReason, str]] = [
    ({}, 1, JobReason.NO_WORKERS, "no workers"),
    ({"throttled": 3}, 1, JobReason.THROTTLED, "3 throttled"),
    ({"throttled": 3, "unhealthy": 1}, 1, JobReason.THROTTLED, "1 unhealthy"),
    ({"unhealthy": 2}, 1, JobReason.UNHEALTHY, "2 unhealthy"),
    ({"initializing": 1, "throttled": 9}, 1, JobReason.INITIALIZING, "9 throttled"),
    ({"running": 2}, 1, JobReason.ALL_BUSY, "2 running"),
    ({"running": 2, "initializing": 1}, 40, JobReason.QUEUE_AHEAD, "jobs in the queue: 40"),
    ({"idle": 1, "ready": 1, "running": 1}, 1, JobReason.STARTING, "1 idle"),
]


@pytest.mark.parametrize(("workers", "waiting", "reason", "said"), QUEUED)
def test_a_job_in_the_queue(
    driver: Driver, workers: dict[str, int], waiting: int, reason: JobReason, said: str
) -> None:
    """The workers that could take the job decide; the sentence mentions the others too."""
    found, asked = explained(driver, status=job("IN_QUEUE"), health=health(waiting, **workers))
    assert found.reason is reason
    assert JOB in found.text
    assert "in the queue" in found.text
    assert said in found.text
    assert str(found) == found.text
    assert found.state is not None
    assert found.state.status == "IN_QUEUE"
    assert found.health is not None
    assert found.health.jobs.in_queue == waiting
    assert asked.asked[:2] == [f"GET /status/{JOB}", "GET /health"]


def test_it_was_taken_meanwhile(driver: Driver) -> None:
    """If a worker is idle, the client reads the job's status again before it blames the worker."""
    status = [job("IN_QUEUE"), job("IN_PROGRESS", workerId="w")]
    found, asked = explained(driver, status=status, health=health(idle=1))
    assert found.reason is JobReason.RUNNING
    assert len(asked.requests) == 3


@pytest.mark.parametrize(
    ("fields", "reason", "said"),
    [
        ({"status": "IN_PROGRESS", "workerId": "w1"}, JobReason.RUNNING, "worker w1"),
        ({"status": "IN_PROGRESS", "retries": 2}, JobReason.RUNNING, "2 lost attempts"),
        ({"status": "COMPLETED", "output": 1}, JobReason.DONE, "COMPLETED"),
        ({"status": "FAILED", "error": "x"}, JobReason.DONE, "FAILED"),
        ({"status": "PAUSED"}, JobReason.UNKNOWN, "PAUSED"),
    ],
)
def test_a_job_that_is_not_in_the_queue(
    driver: Driver, fields: dict[str, Any], reason: JobReason, said: str
) -> None:
    """The state says it all, and nothing else is asked."""
    found, asked = explained(driver, status=job(**fields))
    assert found.reason is reason
    assert said in found.text
    assert found.health is None
    assert asked.asked == [f"GET /status/{JOB}"]


def test_a_job_that_nobody_knows(driver: Driver) -> None:
    """A missing job is a reason too."""
    found, _ = explained(driver, status=problem(404, "job not found"))
    assert found.reason is JobReason.NOT_FOUND
    assert "job not found" in found.text
    assert found.state is None


@in_no_time
@pytest.mark.parametrize(
    "fault",
    [problem(401, "invalid api key"), problem(418), httpx.ReadError("reset"), answer([1])],
)
@pytest.mark.parametrize("where", ["status", "health"])
def test_what_can_not_be_found_out_is_told(driver: Driver, where: str, fault: Any) -> None:
    """No answer, a refusal or nonsense is no error of the call, but its answer."""
    asked = Routes(**{"status": job("IN_QUEUE"), "health": health(), where: fault})
    endpoint = driver.endpoint(asked, max_retries=0)
    found = driver.call(lambda: endpoint.job(JOB).explain())
    assert found.reason is JobReason.UNKNOWN
    assert (found.state is None) == (where == "status")
    assert "could not be read" in found.text


def test_a_server_that_counts_nothing(driver: Driver) -> None:
    """Health without counts is no evidence that there are no workers."""
    found, _ = explained(driver, status=job("IN_QUEUE"), health=answer({}))
    assert found.reason is JobReason.UNKNOWN
    assert "does not say" in found.text


def test_a_bad_id_is_a_mistake(driver: Driver) -> None:
    """An invalid argument raises, as everywhere."""
    endpoint = driver.endpoint(Routes())
    with pytest.raises(ValueError, match="job_id"):
        driver.call(lambda: endpoint.explain(".."))


COUNTS = st.none() | st.integers(0, 3) | st.just("many")


@given(
    workers=st.dictionaries(st.sampled_from([*NAMES, "other"]), COUNTS),
    jobs=st.dictionaries(st.sampled_from(["inQueue", "inProgress", "other"]), COUNTS),
)
def test_any_health_is_judged(workers: dict[str, Any], jobs: dict[str, Any]) -> None:
    """For any counts there is a reason, and a specific one only with evidence for it."""
    with driver("sync") as sync:
        given = answer({"jobs": jobs, "workers": workers})
        found, _ = explained(sync, status=job("IN_QUEUE"), health=given)
    counts = {name: count for name, count in workers.items() if isinstance(count, int)}
    evidence = {
        JobReason.STARTING: counts.get("idle") or counts.get("ready"),
        JobReason.QUEUE_AHEAD: counts.get("running"),
        JobReason.ALL_BUSY: counts.get("running"),
        JobReason.INITIALIZING: counts.get("initializing"),
        JobReason.THROTTLED: counts.get("throttled"),
        JobReason.UNHEALTHY: counts.get("unhealthy"),
        JobReason.NO_WORKERS: counts and not any(counts[name] for name in counts if name in NAMES),
        JobReason.UNKNOWN: not any(counts.get(name) for name in NAMES),
    }
    assert evidence[found.reason]


@in_no_time
def test_a_wait_in_vain_names_it(driver: Driver) -> None:
    """The error of a wait says where the reason can be had, and has it."""
    asked = Routes(status_sync=job("IN_QUEUE"), status=job("IN_QUEUE"), health=health(throttled=1))
    endpoint = driver.endpoint(asked)
    with pytest.raises(TimeoutError, match=r"still IN_QUEUE; explain\(\)") as caught:
        driver.call(lambda: endpoint.wait(JOB, timeout=5))
    error: Any = caught.value
    assert driver.call(lambda: error.job.explain()).reason is JobReason.THROTTLED
