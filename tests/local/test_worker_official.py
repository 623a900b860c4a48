"""
RunPod's own worker package, unmodified, in processes that the local endpoint starts.

Each kind of worker has an endpoint that the tests of this module share, all started at once,
since the package takes seconds to load. scripts/official has the package and runs this.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk.local import Limits, LocalEndpoint, WorkerCommand

from . import support
from .processes import group
from .processes import until as until_within
from .support import Api

PYTHON = os.environ.get("RUNPOD_OFFICIAL_PYTHON")
if PYTHON is None:
    pytest.skip("scripts/official has RunPod's package, and runs this", allow_module_level=True)

HANDLERS = Path(__file__).with_name("official_handler.py")
KEY = "rpa_a_key_of_the_users_own"
LIMITS = Limits(job_take_wait=1.0, stop_grace=4.0, process_grace=2.0, sweep_interval=0.2)

# The kinds of handler, what the package is told with them, and how many workers there are.
KINDS: dict[str, tuple[str, dict[str, Any], int]] = {
    "plain": ("plain", {}, 2),
    "quick": ("plain", {"concurrency": 4}, 1),
    "many": ("asynchronous", {"concurrency": 3}, 1),
    "generator": ("generator", {}, 1),
    "async_generator": ("async_generator", {}, 1),
    "aggregate": ("generator", {"return_aggregate_stream": True}, 1),
    "refreshing": ("plain", {"refresh_worker": True}, 1),
    "closing": ("plain", {}, 1),
}

Apis = Mapping[str, Api]


@pytest.fixture(scope="module")
def apis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apis]:
    """Serve each kind; the user has a key of RunPod's in the file that the package reads."""
    # Once alone, so that not all of them compile it.
    subprocess.run([str(PYTHON), "-c", "import runpod"], check=True)
    home = tmp_path_factory.mktemp("home")
    (home / ".runpod").mkdir()
    (home / ".runpod" / "config.toml").write_text(f'[default]\napi_key = "{KEY}"\n')

    def serve(kind: str) -> Api:
        handler, settings, workers = KINDS[kind]
        command = [str(PYTHON), str(HANDLERS), handler, json.dumps(settings)]
        worker = WorkerCommand(command, env={"HOME": str(home)})
        return Api(LocalEndpoint(worker, workers=workers, limits=LIMITS).start())

    served = {kind: serve(kind) for kind in KINDS}
    for kind, api in served.items():
        until(partial(are_ready, api, KINDS[kind][2]))
    yield served
    with ThreadPoolExecutor(len(served)) as pool:
        for api in served.values():
            api.http.close()
            pool.submit(api.local.close)


def until(what: Callable[[], object]) -> None:
    """Wait for what takes a start of the package, at worst."""
    until_within(what, 3 * support.PATIENCE)


def are_ready(api: Api, workers: int) -> bool:
    return bool(api.health()["workers"]["ready"] == workers)


# -- what a handler gives back


@pytest.mark.parametrize(
    "value", [1, 0, 2.5, "text", "", True, None, [], [1, {"a": None}], {"b": 1, "a": 2}]
)
def test_what_a_handler_returns_is_the_output(apis: Apis, value: Any) -> None:
    done = apis["quick"].run_sync({"return": value})
    assert set(done) == support.COMPLETED
    assert done["output"] == value


def test_an_empty_dict_is_no_output(apis: Apis) -> None:
    assert set(apis["quick"].run_sync({"return": {}})) == support.COMPLETED - {"output"}


def test_an_exception_is_told_as_json(apis: Apis) -> None:
    done = apis["quick"].run_sync({"raise": "no such luck"})
    assert set(done) == support.FAILED
    error = json.loads(done["error"])
    assert (error["error_message"], error["worker_id"]) == ("no such luck", done["workerId"])
    assert error["hostname"].startswith(done["workerId"])


def test_an_error_that_is_returned(apis: Apis) -> None:
    """A text fails the job, beside its output; anything else is lost, and the output with it."""
    failed = apis["quick"].run_sync({"error": "text"})
    assert (failed["status"], failed["error"]) == ("FAILED", "it is wrong")
    assert failed["output"] == {"left": 1}
    lost = apis["quick"].run_sync({"error": "object"})
    assert set(lost) == support.COMPLETED - {"output"}


def test_a_handler_gets_all_of_the_job_that_is_for_it(apis: Apis) -> None:
    asked = {
        "input": {"job": True},
        "webhook": "ftp://nobody/calls/this",
        "s3Config": {"accessId": "me", "accessSecret": "hush", "bucketName": "b"},
    }
    done = apis["quick"].ok("POST", "/runsync", json={**asked, "policy": {"ttl": 60_000}})
    assert done["output"] == asked


def test_a_worker_knows_where_it_is(apis: Apis) -> None:
    """The variables are the service's; with the endpoint's id, the worker logs JSON."""
    api = apis["quick"]
    names = ["RUNPOD_ENDPOINT_ID", "RUNPOD_POD_ID", "RUNPOD_AI_API_KEY"]
    done = api.run_sync({"environment": names})
    expected = (api.local.endpoint_id, done["workerId"], api.local.api_key)
    assert done["output"] == dict(zip(names, expected, strict=True))


def test_progress_shows_while_the_job_runs(apis: Apis) -> None:
    api = apis["plain"]
    job_id = api.run({"progress": {"step": 1}, "block": 1, "return": "done"})
    until(lambda: "output" in api.status(job_id))
    state = api.status(job_id)
    assert (state["status"], state["output"]) == ("IN_PROGRESS", {"step": 1})
    assert api.wait(job_id)["output"] == "done"


# -- what it yields


def streamed(api: Api, job_id: str) -> list[Any]:
    chunks: list[Any] = []
    while True:
        state = api.stream(job_id)
        chunks += [chunk["output"] for chunk in state["stream"]]
        if state["status"] == "COMPLETED" and not state["stream"]:
            return chunks


@pytest.mark.parametrize(
    ("kind", "aggregated"), [("generator", False), ("async_generator", False), ("aggregate", True)]
)
def test_what_a_handler_yields_is_streamed_in_order(
    apis: Apis, kind: str, aggregated: bool
) -> None:
    chunks = [1, "two", {"three": 3}, None, *range(20)]
    job_id = apis[kind].run({"chunks": chunks})
    assert streamed(apis[kind], job_id) == chunks
    assert apis[kind].status(job_id)["output"] == (chunks if aggregated else [])


@pytest.mark.parametrize(
    ("last", "error"),
    [("raise", "handler: in the midst of it \ntraceback: "), ({"error": "so be it"}, "so be it")],
)
def test_a_generator_that_fails_has_yielded_so_far(apis: Apis, last: Any, error: str) -> None:
    api = apis["generator"]
    job_id = api.run({"chunks": ["first", last, "never"]})
    failed = api.wait(job_id)
    assert failed["status"] == "FAILED"
    assert failed["error"].startswith(error)
    assert api.stream(job_id)["stream"] == [{"output": "first"}]


# -- several at once, and what is stopped


def test_several_jobs_run_at_once_where_the_worker_says_so(apis: Apis, tmp_path: Path) -> None:
    api = apis["many"]
    job_ids = [api.run({"wait": 60, "cancelled": str(tmp_path / name)}) for name in "abc"]
    until(lambda: api.health()["jobs"]["inProgress"] == 3)
    assert api.health()["workers"]["running"] == 1
    assert len({api.cancel(job_id)["workerId"] for job_id in job_ids}) == 1
    until(lambda: len(list(tmp_path.iterdir())) == 3)


@pytest.mark.parametrize("how", ["cancel", "overrun"])
def test_an_async_handler_is_cancelled(apis: Apis, how: str, tmp_path: Path) -> None:
    """Its worker continues, with its other jobs."""
    api, mark = apis["many"], tmp_path / "cancelled"
    policy = {"executionTimeout": 300} if how == "overrun" else {}
    other = api.run({"wait": 2})
    job_id = api.run({"wait": 60, "cancelled": str(mark)}, policy=policy)
    until(lambda: api.status(job_id)["status"] != "IN_QUEUE")
    if how == "cancel":
        assert api.cancel(job_id)["status"] == "CANCELLED"
    until(mark.exists)
    ended = api.status(job_id)
    assert ended["status"] == ("CANCELLED" if how == "cancel" else "FAILED")
    assert ended.get("error") == (None if how == "cancel" else "executionTimeout exceeded")
    assert api.wait(other)["workerId"] == ended["workerId"]


def test_a_handler_that_blocks_past_its_time_is_ended_with_its_process(apis: Apis) -> None:
    """The job fails at once; another worker takes the place of the one that does not let go."""
    api = apis["plain"]
    failed = api.run_sync({"block": 60}, policy={"executionTimeout": 300})
    assert (failed["status"], failed["error"]) == ("FAILED", "executionTimeout exceeded")
    until(lambda: api.health()["workers"]["running"] == 0)
    until(lambda: api.health()["workers"]["ready"] == 2)
    workers = {api.run_sync({"n": 1})["workerId"] for _ in range(2)}
    assert failed["workerId"] not in workers


# -- who goes


def test_a_job_that_kills_its_worker_is_tried_once_more(apis: Apis) -> None:
    api = apis["plain"]
    failed = api.run_sync({"crash": 3})
    assert set(failed) == support.FAILED | {"retries"}
    assert (failed["error"], failed["retries"]) == ("job timed out after 1 retries", 1)


def test_a_job_that_kills_its_worker_once_succeeds(apis: Apis, tmp_path: Path) -> None:
    api = apis["plain"]
    done = api.run_sync({"crash_once": str(tmp_path / "crashed"), "return": "at last"})
    assert set(done) == support.COMPLETED | {"retries"}
    assert (done["output"], done["retries"]) == ("at last", 1)


def test_a_worker_that_is_killed_while_idle_is_replaced(apis: Apis) -> None:
    """Nothing is lost, and there are as many as before."""
    api = apis["plain"]
    until(lambda: api.health()["workers"]["idle"] == 2)
    retried = api.health()["jobs"]["retried"]
    killed = api.run_sync({"n": 1})
    os.kill(killed["output"], signal.SIGKILL)
    until(lambda: not group(killed["output"]))
    until(lambda: api.health()["workers"]["idle"] == 2)
    assert api.run_sync({"n": 2})["workerId"] != killed["workerId"]
    assert api.health()["jobs"]["retried"] == retried


def test_a_handler_may_ask_for_a_new_worker(apis: Apis) -> None:
    """The old one ends; it takes no more jobs before."""
    api = apis["plain"]
    done = api.run_sync({"refresh": True})
    until(lambda: not group(done["output"]["pid"]))
    until(lambda: api.health()["workers"]["idle"] == 2)


def test_every_job_gets_a_new_worker_where_the_package_is_told_so(apis: Apis) -> None:
    api = apis["refreshing"]
    first, second = api.run_sync({"n": 1}), api.run_sync({"n": 2})
    assert first["workerId"] != second["workerId"]
    assert first["output"] != second["output"]
    until(lambda: not group(first["output"]))


def test_a_job_with_an_empty_input_fails_as_recorded(apis: Apis) -> None:
    """The package drops it silently, and its worker continues."""
    failed = apis["plain"].run_sync({})
    assert set(failed) == support.FAILED | {"retries"}
    assert (failed["error"], failed["retries"]) == ("job timed out after 1 retries", 1)


def test_closing_ends_all_processes(apis: Apis) -> None:
    """Also processes that a worker has started, even during a job."""
    api = apis["closing"]
    pid = api.run_sync({"n": 1})["output"]
    job_id = api.run({"block": 60})
    until(lambda: api.status(job_id)["status"] == "IN_PROGRESS")
    assert group(pid)
    api.local.close()
    assert not group(pid)
