"""Several endpoints in one server, any id, and the replacement of workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from runpod_sdk import ExecutionPolicy, NotFoundError, Runpod
from runpod_sdk.local import LocalEndpoint, LostReply, VirtualClock
from tests.facade.clocks import JumpingRunpod

from .conftest import Serve
from .processes import until
from .support import PATIENCE, Gate, echo


def upper(job: dict[str, Any]) -> Any:
    return str(job["input"]).upper()


@pytest.fixture
def several() -> Iterator[LocalEndpoint]:
    with LocalEndpoint({"echo": echo, "upper": upper}, rate_limits=True) as local:
        yield local


@pytest.fixture
def client(several: LocalEndpoint) -> Iterator[Runpod]:
    with several.client() as client:
        yield client


def test_each_endpoint_has_its_handler_queue_and_workers(
    several: LocalEndpoint, client: Runpod
) -> None:
    """They share the base URL and the key; an unknown id is refused."""
    assert (several.endpoint_id, several.endpoint_ids) == ("echo", ("echo", "upper"))
    assert repr(several).startswith("<LocalEndpoint echo, upper at http://127.0.0.1:")
    first, second = map(client.endpoint, several.endpoint_ids)
    assert first.run_sync(input="a").output == "a"
    job = second.run(input="a")
    assert job.output(timeout=PATIENCE) == "A"
    assert [one.health().jobs.completed for one in (first, second)] == [1, 1]
    assert [one.health().workers.idle for one in (first, second)] == [1, 1]
    with pytest.raises(NotFoundError, match="job not found"):
        first.job(job.id).status()
    with pytest.raises(NotFoundError, match="endpoint not found"):
        client.endpoint("other").health()


def test_rate_limits_are_those_of_one_endpoint(several: LocalEndpoint) -> None:
    with Runpod(several.api_key, base_url=several.base_url, rate_limits=False) as client:
        for _ in range(2):
            for id in several.endpoint_ids:
                client.endpoint(id).purge_queue()


def test_faults_apply_to_all_endpoints(several: LocalEndpoint, client: Runpod) -> None:
    with several.faults.active(LostReply("health"), times=2) as fault:
        for id in several.endpoint_ids:
            client.endpoint(id).health()
    assert fault.fired == 2


def test_the_page_shows_each_of_them(several: LocalEndpoint, client: Runpod) -> None:
    job = client.endpoint("upper").run_sync(input="a")
    with httpx.Client(base_url=several.page_url, timeout=PATIENCE, trust_env=False) as page:
        session = page.get("/session").json()
        assert (session["endpointId"], session["endpointIds"]) == ("echo", ["echo", "upper"])
        page.headers["authorization"] = f"Bearer {session['key']}"
        states = {
            id: page.get("/local/state", params={"endpoint": id}).json()
            for id in ["x", "echo", "upper"]
        }
        assert states["x"]["detail"] == "endpoint not found"
        assert [len(states[id]["jobs"]) for id in several.endpoint_ids] == [0, 1]
        assert page.get("/local/state").json() == states["echo"] | {
            "now": pytest.approx(states["echo"]["now"], abs=PATIENCE)
        }
        part = f"/local/jobs/{job.id}/output"
        assert page.get(part, params={"endpoint": "upper"}).json() == "A"
        assert page.get(part).status_code == 404
        # The version of one is not that of another: nothing is held.
        since = {"endpoint": "upper", "since": states["echo"]["version"], "wait": 60_000}
        assert page.get("/local/state", params=since).json()["matching"] == 1


def test_workers_from_elsewhere_serve_the_endpoint_that_they_are_given() -> None:
    with LocalEndpoint({"a": None, "b": None}) as local, local.client() as client:
        environment = local.worker_environment("b")
        assert environment["RUNPOD_ENDPOINT_ID"] == "b"
        assert local.worker_environment()["RUNPOD_ENDPOINT_ID"] == "a"
        job = client.endpoint("b").run(input=1)
        take = environment["RUNPOD_WEBHOOK_GET_JOB"].replace("$ID", environment["RUNPOD_POD_ID"])
        assert httpx.get(take, timeout=PATIENCE, trust_env=False).json()["id"] == job.id
        with pytest.raises(ValueError, match="no endpoint 'c'; it serves a, b"):
            local.worker_environment("c")


def test_time_passes_for_all_of_them() -> None:
    clock = VirtualClock()
    with (
        LocalEndpoint({"a": None, "b": None}, clock=clock) as local,
        JumpingRunpod(local.api_key, base_url=local.base_url) as client,
    ):
        jobs = [client.endpoint(id).run(input=1, policy=ExecutionPolicy(ttl=10)) for id in "ab"]
        clock.advance(11)
        for job in jobs:
            with pytest.raises(NotFoundError):
                job.status()


def test_any_id_is_answered_if_asked_for() -> None:
    """For a program with a fixed id; its jobs belong to the one endpoint."""
    with LocalEndpoint(echo, endpoint_id="mine", any_id=True) as local, local.client() as client:
        job = client.endpoint("theirs").run(input=1)
        assert job.output(timeout=PATIENCE) == 1
        assert client.endpoint("mine").job(job.id).status().output == 1


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"handler": {}}, "is empty"),
        ({"handler": {"": echo}}, "one segment of a path, not ''"),
        ({"handler": {"a/b": echo}}, "one segment of a path"),
        ({"handler": {"a": echo}, "endpoint_id": "b"}, "a mapping's keys are the ids"),
        ({"handler": {"a": echo}, "any_id": True}, "for one handler"),
    ],
)
def test_mistakes_in_a_mapping(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        LocalEndpoint(**arguments)
    with pytest.raises(TypeError, match="handler must be callable"):
        LocalEndpoint({"a": 1})  # type: ignore[dict-item]


def test_a_handler_that_cannot_be_stopped_leaves_its_place_to_another(serve: Serve) -> None:
    """Its thread runs on, and counts for nothing; its result is lost."""
    gate = Gate()

    def handler(job: dict[str, Any]) -> Any:
        if job["input"] == "wait":
            gate.wait()
        return job["input"]

    api = serve(handler)
    job_id = api.run("wait")
    gate.reached()
    worker = api.status(job_id)["workerId"]
    api.cancel(job_id)
    done = api.run_sync("next")
    assert (done["output"], done["status"]) == ("next", "COMPLETED")
    assert done["workerId"] != worker
    workers = api.health()["workers"]
    assert (workers["idle"], workers["running"]) == (1, 0)
    gate.open()
    assert api.run_sync("last")["workerId"] == done["workerId"]
    assert api.status(job_id)["status"] == "CANCELLED"


def test_workers_are_restarted_when_their_jobs_have_ended(serve: Serve) -> None:
    gate = Gate()

    def handler(job: dict[str, Any]) -> Any:
        if job["input"]:
            gate.wait()

    api = serve(handler, workers=2)
    job_id = api.run(1)
    gate.reached()
    idle = api.run_sync(0)["workerId"]
    api.local.restart_workers()
    until(lambda: api.health()["workers"]["idle"] == 1)
    assert api.run_sync(0)["workerId"] != idle
    gate.open()
    busy = api.wait(job_id)
    assert busy["status"] == "COMPLETED"
    until(lambda: api.health()["workers"]["idle"] == 2)
    api.run_sync(0)
    assert busy["workerId"] not in {api.run_sync(0)["workerId"] for _ in range(3)}
