"""Cancel, retry and purge: their effect on jobs and on handlers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from . import support
from .conftest import Serve
from .support import Clock, Gate, echo

NEXT = "next"


class Witness:
    """Sees a handler begin and end."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.went_on = False

    def __enter__(self) -> None:
        self.begun.set()

    def __exit__(self, *_: object) -> None:
        self.ended.set()

    async def coroutine(self, job: dict[str, Any]) -> Any:
        if job["input"] == NEXT:
            return NEXT
        with self:
            await asyncio.Event().wait()
            self.went_on = True

    async def async_generator(self, job: dict[str, Any]) -> AsyncIterator[Any]:
        if job["input"] != NEXT:
            with self:
                yield "chunk"
                await asyncio.Event().wait()
                self.went_on = True

    def generator(self, job: dict[str, Any]) -> Iterator[Any]:
        if job["input"] != NEXT:
            with self:
                yield "chunk"
                self.gate.wait()
                yield "late"
                self.went_on = True

    async def stubborn(self, job: dict[str, Any]) -> Any:
        """Answer although it was cancelled."""
        if job["input"] == NEXT:
            return NEXT
        with self:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return "too late"


@pytest.mark.parametrize("kind", ["coroutine", "async_generator", "generator", "stubborn"])
def test_cancelling_stops_a_running_handler(serve: Serve, kind: str) -> None:
    """The answer shows a started job; the worker takes the next one."""
    witness = Witness()
    api = serve(getattr(witness, kind))
    job_id = api.run()
    assert witness.begun.wait(support.PATIENCE)
    api.settled()
    cancelled = api.cancel(job_id)
    assert set(cancelled) == support.CANCELLED_RUNNING
    assert cancelled["status"] == "CANCELLED"
    witness.gate.open()
    assert witness.ended.wait(support.PATIENCE)
    assert api.run_sync(NEXT)["status"] == "COMPLETED"
    assert not witness.went_on
    assert api.status(job_id) == cancelled
    chunks = [{"output": "chunk"}] if "generator" in kind else []
    assert api.stream(job_id) == {"status": "CANCELLED", "stream": chunks}
    assert api.stream(job_id) == {"status": "CANCELLED", "stream": []}


def test_a_plain_function_cannot_be_interrupted(serve: Serve) -> None:
    """Its job is cancelled at once, its worker is busy until it returns, its result is lost."""
    gate = Gate()

    def handler(job: dict[str, Any]) -> Any:
        if job["input"] != NEXT:
            gate.wait()
        return {"result": job["input"]}

    api = serve(handler)
    job_id = api.run()
    gate.reached()
    cancelled = api.cancel(job_id)
    waiting = api.run(NEXT)
    health = api.health()
    assert (health["workers"]["running"], health["jobs"]["inProgress"]) == (1, 0)
    assert api.status(waiting)["status"] == "IN_QUEUE"
    gate.open()
    assert api.wait(waiting)["output"] == {"result": NEXT}
    assert api.status(job_id) == cancelled
    assert api.health()["jobs"]["completed"] == 1


def test_a_handler_that_does_not_end_gives_way(serve: Serve) -> None:
    """Half a second after its job was cancelled, another worker runs the next job."""
    gate, ended = Gate(), threading.Event()

    def handler(job: dict[str, Any]) -> None:
        if job["input"] != NEXT:
            try:
                gate.wait()
            finally:
                ended.set()

    api = serve(handler)
    job_id = api.run()
    gate.reached()
    api.cancel(job_id)
    assert api.run_sync(NEXT)["status"] == "COMPLETED"
    assert not ended.is_set()
    gate.open()


def test_a_job_can_be_cancelled_between_its_worker_and_its_handler(serve: Serve) -> None:
    """A job that was taken, but not yet handled, never is, and its worker is free."""
    gate, seen = Gate(), []

    async def handler(job: dict[str, Any]) -> Any:
        seen.append(job["input"])
        if job["input"] == 1:  # let the loop stand still, right after this job
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, gate.wait)

    api = serve(handler)
    api.run_sync(1)
    gate.reached()
    taken = api.run(2)
    while api.status(taken)["status"] == "IN_QUEUE":
        pass
    assert api.cancel(taken)["status"] == "CANCELLED"
    api.health()  # by the time of a later answer, the worker has been told
    gate.open()
    assert api.run_sync(3)["status"] == "COMPLETED"
    assert seen == [1, 3]


def test_a_queued_job_never_starts_once_cancelled(serve: Serve) -> None:
    """The answer has neither times nor worker, and the handler never sees the job."""
    gate, seen = Gate(), []

    def handler(job: dict[str, Any]) -> Any:
        seen.append(job["input"])
        gate.wait()

    api = serve(handler)
    first, second, third = api.run(1), api.run(2), api.run(3)
    gate.reached()
    cancelled = api.cancel(second)
    assert cancelled == {"id": second, "status": "CANCELLED"}
    assert api.health()["jobs"]["inQueue"] == 1
    gate.open(2)
    assert api.wait(first)["status"] == api.wait(third)["status"] == "COMPLETED"
    assert api.status(second) == cancelled
    assert seen == [1, 3]


def test_cancelling_what_has_ended_changes_nothing(serve: Serve) -> None:
    """The answer is the job as it is."""
    api = serve(lambda job: {"error": "no"} if job["input"] else "yes")
    for value in (0, 1):
        done = api.run_sync(value)
        assert api.cancel(done["id"]) == done
    gate = Gate()
    api = serve(lambda _: gate.wait())
    job_id = api.run()
    gate.reached()
    cancelled = api.cancel(job_id)
    assert api.cancel(job_id) == cancelled
    gate.open()


# -- retry


def test_a_failed_job_can_be_retried(serve: Serve) -> None:
    """Same id and input; error, output and chunks of the first attempt are gone."""
    gate, attempts = Gate(), list[Any]()

    def handler(job: dict[str, Any]) -> Iterator[Any]:
        attempts.append(job)
        yield len(attempts)
        if len(attempts) == 1:
            yield {"error": "first attempt"}
        gate.wait()

    api = serve(handler, return_aggregate_stream=True)
    job_id = api.run({"n": 1})
    assert api.wait(job_id)["error"] == "first attempt"
    assert api.ok("POST", f"/retry/{job_id}") == {"id": job_id, "status": "IN_QUEUE"}
    gate.reached()
    api.settled()
    assert set(api.status(job_id)) == support.IN_PROGRESS
    gate.open()
    done = api.wait(job_id)
    assert set(done) == support.COMPLETED
    assert done["output"] == [2]
    assert api.stream(job_id)["stream"] == [{"output": 2}]
    assert attempts[0] == attempts[1] == {"id": job_id, "input": {"n": 1}}
    assert api.health()["jobs"] == {
        "completed": 1,
        "failed": 1,
        "inProgress": 0,
        "inQueue": 0,
        "retried": 1,
    }


def test_only_failed_jobs_can_be_retried(serve: Serve) -> None:
    """The refusal says what the job is instead."""
    gate = Gate()

    def handler(job: dict[str, Any]) -> Any:
        if job["input"]:
            gate.wait()

    api = serve(handler)
    completed = api.run_sync()["id"]
    running, queued, cancelled = api.run(1), api.run(1), api.run(1)
    gate.reached()
    api.cancel(cancelled)
    for job_id, status in (
        (completed, "COMPLETED"),
        (running, "IN_PROGRESS"),
        (queued, "IN_QUEUE"),
        (cancelled, "CANCELLED"),
    ):
        assert api.refused("POST", f"/retry/{job_id}") == (
            400,
            f"bad request: job: only a failed job can be retried, this one is {status}",
        )
    gate.open(2)


def test_a_retry_can_overtake_the_attempt_before_it(serve: Serve, clock: Clock) -> None:
    """A late result of a handler that could not be stopped is not the retry's result."""
    gate, attempts = Gate(), list[Any]()

    def handler(_: Any) -> Any:
        attempts.append(None)
        number = len(attempts)
        if number == 1:
            gate.wait()
        return number

    api = serve(handler, workers=2, clock=clock)
    job_id = api.run(1, policy={"executionTimeout": 5000})
    gate.reached()
    clock.advance(5)
    assert api.status(job_id)["status"] == "FAILED"
    api.ok("POST", f"/retry/{job_id}")
    done = api.wait(job_id)
    gate.open()
    assert done["output"] == 2
    while api.health()["workers"]["idle"] != 2:
        pass
    assert api.status(job_id) == done


# -- purge


def test_a_purge_removes_queued_jobs_only(serve: Serve) -> None:
    """Running jobs continue, finished jobs stay, queued jobs are unknown."""
    gate = Gate()

    def handler(job: dict[str, Any]) -> Any:
        if job["input"]:
            gate.wait()
        return "done"

    api = serve(handler)
    done = api.run_sync()
    running, queued = api.run(1), [api.run(1) for _ in range(3)]
    gate.reached()
    assert api.ok("POST", "/purge-queue") == {"removed": 3, "status": "completed"}
    assert api.ok("POST", "/purge-queue") == {"removed": 0, "status": "completed"}
    for job_id in queued:
        assert api.refused("GET", f"/status/{job_id}") == (404, "job not found")
    gate.open()
    assert api.wait(running)["output"] == "done"
    assert api.status(done["id"]) == done
    assert api.health()["jobs"] == {
        "completed": 2,
        "failed": 0,
        "inProgress": 0,
        "inQueue": 0,
        "retried": 0,
    }


def test_health_of_an_idle_endpoint(serve: Serve) -> None:
    """Idle workers are ready, and all counters are there."""
    assert serve(echo, workers=2).health() == {
        "jobs": {"completed": 0, "failed": 0, "inProgress": 0, "inQueue": 0, "retried": 0},
        "workers": {
            "idle": 2,
            "initializing": 0,
            "ready": 2,
            "running": 0,
            "throttled": 0,
            "unhealthy": 0,
        },
    }
