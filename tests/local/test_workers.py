"""Reports of handlers while they run, and the distribution of jobs to workers."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from runpod_sdk.local import progress_update

from . import support
from .conftest import Serve
from .support import Gate

# -- progress


def test_progress_is_the_output_while_the_job_runs(serve: Serve) -> None:
    """The last progress shows, and the result takes its place."""
    gate = Gate()

    def handler(job: dict[str, Any]) -> Any:
        progress_update(job, "1/2")
        progress_update(job, {"step": 2})
        gate.wait()
        return "done"

    api = serve(handler)
    job_id = api.run()
    gate.reached()
    api.settled()
    state = api.status(job_id)
    assert set(state) == support.IN_PROGRESS | {"output"}
    assert state["output"] == {"step": 2}
    gate.open()
    assert api.wait(job_id)["output"] == "done"


def test_late_progress_does_not_reopen_a_job(serve: Serve) -> None:
    """Progress after the end is of no effect."""
    jobs = []

    def handler(job: dict[str, Any]) -> Any:
        jobs.append(job)
        return "done"

    api = serve(handler)
    done = api.run_sync()
    progress_update(jobs[0], "99 %")
    progress_update({"id": "nobody's"}, "0 %")
    api.settled()
    assert api.status(done["id"]) == done


def test_progress_from_another_thread(serve: Serve) -> None:
    """A handler may report from its own threads, with only the job's id."""
    gate = Gate()

    async def handler(job: dict[str, Any]) -> Any:
        thread = threading.Thread(target=progress_update, args=({"id": job["id"]}, 0.5))
        thread.start()
        thread.join()
        await asyncio.to_thread(gate.wait)

    api = serve(handler)
    job_id = api.run()
    gate.reached()
    api.settled()
    assert api.status(job_id)["output"] == 0.5
    gate.open()


def test_progress_must_be_json(serve: Serve) -> None:
    """A report that is not JSON raises in the handler."""
    done = serve(lambda job: progress_update(job, object())).run_sync()
    assert done["status"] == "FAILED"
    assert "JSON cannot represent this" in json.loads(done["error"])["error_message"]


# -- workers


@pytest.mark.parametrize("asynchronously", [False, True])
def test_workers_run_side_by_side(serve: Serve, asynchronously: bool) -> None:
    """Each worker runs one job at a time, and has a name."""
    together = threading.Barrier(3)

    async def async_handler(_: Any) -> Any:
        together.wait(support.PATIENCE)

    def handler(_: Any) -> Any:
        together.wait(support.PATIENCE)

    api = serve(async_handler if asynchronously else handler, workers=3)
    jobs = [api.run() for _ in range(3)]
    assert len({api.wait(job_id)["workerId"] for job_id in jobs}) == 3


def test_a_worker_runs_one_job_at_a_time_in_order(serve: Serve) -> None:
    """With one worker, jobs run in the order of their submission, though many wait."""
    seen, running, submitted = [], threading.Lock(), threading.Event()

    async def handler(job: dict[str, Any]) -> Any:
        assert running.acquire(blocking=False)
        await asyncio.to_thread(submitted.wait, 10)
        seen.append(job["input"])
        running.release()

    api = serve(handler)
    jobs = [api.run(number) for number in range(10)]
    submitted.set()
    assert [api.wait(job_id)["status"] for job_id in jobs] == ["COMPLETED"] * 10
    assert seen == list(range(10))


def test_async_handlers_of_a_worker_share_its_loop(serve: Serve) -> None:
    """An event loop's objects, such as a connection pool, outlive the job that created them."""
    loops = []

    async def handler(_: Any) -> Any:
        loops.append(asyncio.get_running_loop())

    api = serve(handler)
    api.run_sync()
    api.run_sync()
    assert loops[0] is loops[1]


def test_a_blocking_handler_does_not_stall_the_server(serve: Serve) -> None:
    """Even a coroutine that blocks holds up nothing but its worker."""
    gate = Gate()

    async def handler(_: Any) -> Any:
        gate.wait()

    api = serve(handler)
    job_id = api.run()
    gate.reached()
    assert api.health()["workers"] == {
        "idle": 0,
        "initializing": 0,
        "ready": 0,
        "running": 1,
        "throttled": 0,
        "unhealthy": 0,
    }
    gate.open()
    api.wait(job_id)
