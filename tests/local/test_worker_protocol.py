"""The requests of a worker that calls the API, byte for byte, without RunPod's package."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import httpx
import pytest

from runpod_sdk.local import Handler, Limits, LocalEndpoint, VirtualClock

from . import support
from .processes import until
from .support import Api, Gate

FORM = {"content-type": "application/x-www-form-urlencoded", "charset": "utf-8"}


class FakeWorker:
    """Sends the requests of a test; its key is bare in the header."""

    def __init__(self, api: Api, name: str) -> None:
        self.name = name
        self.api = api
        self.http = httpx.Client(
            base_url=api.url,
            headers={"authorization": api.local.api_key},
            timeout=support.PATIENCE,
            trust_env=False,
            verify=False,
        )

    def take(self, *, busy: bool = False, batch: int | None = None) -> httpx.Response:
        query = f"gpu=x&job_in_progress={int(busy)}"
        if batch is None:
            return self.http.get(f"/job-take/{self.name}?{query}")
        return self.http.get(f"/job-take-batch/{self.name}?{query}&batch_size={batch}")

    def take_path(self) -> str:
        return f"/job-take/{self.name}?gpu=x&job_in_progress=0"

    def taken(self, **how: Any) -> str:
        """Take the job that is there, and give its id."""
        answer = self.take(**how)
        assert answer.status_code == 200
        return str(answer.json()["id"])

    def post(self, what: str, job_id: str, body: Any) -> httpx.Response:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"/{what}/{self.name}/{job_id}?gpu=x&isStream=false"
        return self.http.post(url, content=text, headers=FORM)

    def done(self, job_id: str, body: Any) -> None:
        assert self.post("job-done", job_id, body).is_success

    def ping(self, query: str = "") -> None:
        assert self.http.get(f"/ping/{self.name}?{query}").is_success

    def stops(self) -> httpx.Response:
        return self.http.get(f"/job-stop/{self.name}?gpu=x")


Start = Callable[..., tuple[Api, FakeWorker]]
Another = Callable[[Api], FakeWorker]


@pytest.fixture
def another() -> Iterator[Another]:
    """Make more workers, each with its own name."""
    with ExitStack() as stack:
        names = map("fake-{}".format, count())

        def make(api: Api) -> FakeWorker:
            worker = FakeWorker(api, next(names))
            stack.callback(worker.http.close)
            return worker

        yield make


@pytest.fixture
def start(another: Another) -> Iterator[Start]:
    """Start an endpoint that has no workers, and make one."""
    with ExitStack() as stack:

        def begin(handler: Handler | None = None, **settings: Any) -> tuple[Api, FakeWorker]:
            limits = Limits(**{"job_take_wait": 0.2, **settings.pop("limits", {})})
            local = stack.enter_context(LocalEndpoint(handler, limits=limits, **settings))
            api = Api(local)
            stack.callback(api.http.close)
            return api, another(api)

        yield begin


# -- it asks


def test_a_job_is_handed_over_with_what_is_for_the_handler(start: Start) -> None:
    """It contains webhook and s3Config, and neither policy nor unknown members."""
    api, worker = start()
    asked = {
        "input": {"z": 1, "a": [2]},
        "webhook": "ftp://nowhere",
        "s3Config": {"accessId": "me", "bucketName": "b"},
    }
    sent = api.ok("POST", "/run", json={**asked, "policy": {"ttl": 10**7}, "other": 1})
    answer = worker.take()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"id": sent["id"], **asked}
    assert list(answer.json()["input"]) == ["z", "a"]
    assert set(api.status(sent["id"])) == support.IN_PROGRESS
    assert api.status(sent["id"])["workerId"] == worker.name


def test_nothing_to_do_is_told_after_a_while(start: Start) -> None:
    """The request is held, and the answer has neither body nor content type."""
    _, worker = start()
    before = time.monotonic()
    answer = worker.take()
    assert time.monotonic() - before >= 0.2
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("seconds", [0, 90, float("nan")])
def test_no_request_is_held_longer_than_a_worker_waits(seconds: float) -> None:
    with pytest.raises(ValueError, match="job_take_wait"):
        Limits(job_take_wait=seconds)


def test_a_job_comes_while_the_request_is_held(start: Start) -> None:
    """A waiting worker gets it at once; the one that has waited longest is first."""
    api, worker = start(limits={"job_take_wait": support.PATIENCE})
    with (
        api.held("GET", worker.take_path()) as first,
        api.held("GET", "/job-take/other?gpu=x&job_in_progress=0") as second,
    ):
        jobs = [api.run(), api.run()]
        assert first.answer()["id"] == jobs[0]
        assert second.answer()["id"] == jobs[1]
    assert api.health()["workers"]["running"] == 2


def test_who_hangs_up_gets_no_job(start: Start) -> None:
    """A job that comes after it went is there for the next, as if it had not asked."""
    api, worker = start(limits={"job_take_wait": support.PATIENCE})
    with api.held("GET", worker.take_path()):
        pass
    api.settled()
    job_id = api.run({"n": 1})
    assert set(api.status(job_id)) == support.IN_QUEUE
    assert worker.taken() == job_id
    worker.done(job_id, {"output": 1})
    assert "retries" not in api.status(job_id)


def test_several_at_once(start: Start) -> None:
    """A list of as many as there are, at most as many as it asked for."""
    api, worker = start()
    jobs = [api.run(n) for n in range(4)]
    assert [job["id"] for job in worker.take(batch=3).json()] == jobs[:3]
    assert [job["id"] for job in worker.take(batch=3, busy=True).json()] == jobs[3:]
    assert api.health()["workers"]["running"] == 1
    for job_id in jobs:
        worker.done(job_id, {"output": job_id})
    assert [api.wait(job_id)["output"] for job_id in jobs] == jobs
    assert api.health()["workers"]["idle"] == 1


@pytest.mark.parametrize("size", ["", "0", "-1", "x", "1e3", "999999999999"])
def test_a_batch_has_a_size(start: Start, size: str) -> None:
    api, _ = start()
    status, detail = api.refused("GET", f"/job-take-batch/w?batch_size={size}")
    assert status == 400
    assert "batch_size" in detail


def test_an_empty_input_is_left_out(start: Start) -> None:
    """The worker drops such a job, twice, and it ends as recorded."""
    api, worker = start()
    job_id = api.run({})
    assert worker.take().json() == {"id": job_id}
    assert worker.take().json() == {"id": job_id}
    assert worker.take().status_code == 204
    ended = api.status(job_id)
    assert ended["error"] == "job timed out after 1 retries"
    assert (ended["status"], ended["retries"]) == ("FAILED", 1)


# -- its key


def test_the_key_may_stand_in_the_url(start: Start) -> None:
    """A worker whose user has a key of RunPod's in a file sends that one in the header."""
    api, _ = start()
    environment = api.local.worker_environment()
    url = environment["RUNPOD_WEBHOOK_GET_JOB"].replace("$ID", "w") + "&job_in_progress=0"
    assert httpx.get(url, headers={"authorization": "rpa_of_the_user"}).status_code == 204
    assert httpx.get(url.replace("worker_key=", "worker_key=x")).status_code == 401
    assert httpx.get(re.sub("worker_key=[^&]*", "worker_key=", url)).status_code == 401
    status = f"{api.url}/health?{url.partition('?')[2]}"
    assert httpx.get(status).status_code == 401  # it is no key to the API


# -- it reports


@pytest.mark.parametrize(
    ("report", "status", "rest"),
    [
        ({"output": {"a": 1}}, "COMPLETED", {"output": {"a": 1}}),
        ({"output": None}, "COMPLETED", {"output": None}),
        ({}, "COMPLETED", {}),
        ({"error": "it broke"}, "FAILED", {"error": "it broke"}),
        ({"error": "so", "output": 1}, "FAILED", {"error": "so", "output": 1}),
        ({"error": {"code": 1}, "output": 1}, "COMPLETED", {}),
    ],
)
def test_a_report_ends_a_job(
    start: Start, report: dict[str, Any], status: str, rest: dict[str, Any]
) -> None:
    """With any content type, the body is JSON."""
    api, worker = start()
    job_id = api.run()
    worker.taken()
    worker.done(job_id, report)
    ended = api.status(job_id)
    assert ended["status"] == status
    assert {key: ended[key] for key in ended.keys() & {"output", "error"}} == rest


def test_progress_comes_by_the_way_of_results(start: Start) -> None:
    """It shows while the job runs, and reopens nothing when it comes late."""
    api, worker = start()
    job_id = api.run()
    worker.taken()
    worker.done(job_id, {"status": "IN_PROGRESS", "output": "1/2"})
    assert api.status(job_id)["output"] == "1/2"
    worker.done(job_id, {"output": "all"})
    ended = api.status(job_id)
    worker.done(job_id, {"status": "IN_PROGRESS", "output": "2/2"})
    worker.done(job_id, {"output": "again"})
    worker.post("job-stream", job_id, {"output": "late"})
    assert api.status(job_id) == ended
    assert api.stream(job_id)["stream"] == []


def test_reports_of_what_nobody_asked_for_are_taken(start: Start, another: Another) -> None:
    """Of an unknown job, by an unknown worker, of a job that another worker has."""
    api, worker = start()
    job_id = api.run()
    worker.taken()
    for other, job in ((another(api), job_id), (worker, support.UNKNOWN)):
        other.done(job, {"output": "not mine"})
        assert other.post("job-stream", job, {"output": 1}).is_success
    assert api.status(job_id)["status"] == "IN_PROGRESS"
    assert api.health()["workers"]["running"] == 1


def test_chunks_come_in_order_and_long_ones_in_parts(start: Start) -> None:
    api, worker = start(limits={"chunk_size": 100})
    job_id = api.run()
    worker.taken()
    for chunk in ("a", {"b": 1}, "c" * 150, "end"):
        assert worker.post("job-stream", job_id, {"output": chunk}).is_success
    worker.done(job_id, {"output": []})
    streamed = api.stream(job_id)
    assert streamed["status"] == "COMPLETED"
    chunks = [part["output"] for part in streamed["stream"]]
    assert chunks == ["a", {"b": 1}, "c" * 75, "c" * 75, "end"]


def test_a_result_that_is_too_long_is_lost(start: Start) -> None:
    """It is refused, however often it is sent, and the job is COMPLETED without output."""
    api, worker = start(limits={"result_body": 1000})
    job_id = api.run()
    worker.taken()
    for _ in range(2):
        refused = worker.post("job-done", job_id, {"output": "x" * 1000})
        assert refused.status_code == 400
        assert "max body size" in refused.json()["detail"]
    assert set(api.status(job_id)) == support.COMPLETED - {"output"}


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"output": NaN}', b'{"output": "\xff"}'])
def test_a_report_that_is_no_json_object_is_refused(start: Start, body: bytes) -> None:
    """It changes nothing: the worker may send another."""
    api, worker = start()
    job_id = api.run()
    worker.taken()
    assert worker.post("job-done", job_id, body).status_code == 400
    assert worker.post("job-stream", job_id, body).status_code == 400
    assert api.status(job_id)["status"] == "IN_PROGRESS"
    worker.done(job_id, {"output": 1})
    assert api.status(job_id)["output"] == 1


# -- it has to stop


def test_it_is_told_what_to_stop(start: Start) -> None:
    """Each job once; a job that the worker got just now, a little later."""
    api, worker = start(limits={"job_take_wait": support.PATIENCE})
    jobs = [api.run(), api.run()]
    worker.take(batch=2)
    with api.held("GET", f"/job-stop/{worker.name}?gpu=x") as stops:
        api.cancel(jobs[1])
        assert stops.answer() == {"jobsToStop": [jobs[1]]}
    with api.held("GET", f"/job-stop/{worker.name}?gpu=x"):
        worker.done(jobs[0], {"output": 1})
    assert api.status(jobs[0])["status"] == "COMPLETED"


def test_nothing_to_stop_is_told_after_a_while(start: Start) -> None:
    _, worker = start()
    assert worker.stops().status_code == 204


def test_what_overruns_is_stopped(start: Start) -> None:
    """The job fails as recorded, and what the worker still sends does not count."""
    clock = VirtualClock()
    api, worker = start(clock=clock)
    job_id = api.run({"n": 1}, policy={"executionTimeout": 5000})
    worker.taken()
    clock.advance(6)
    ended = api.status(job_id)
    assert (ended["status"], ended["error"]) == ("FAILED", "executionTimeout exceeded")
    stops = worker.stops()
    while stops.status_code == 204:
        stops = worker.stops()
    assert stops.json() == {"jobsToStop": [job_id]}
    worker.done(job_id, {"output": "late"})
    assert api.status(job_id) == ended


def test_who_pings_without_a_stopped_job_has_let_go_of_it(start: Start) -> None:
    """Until then it counts as running, and it may be running another all the while."""
    api, worker = start()
    job_id = api.run({"n": 1})
    worker.taken()
    worker.ping(f"job_id={job_id}")
    api.cancel(job_id)
    worker.ping(f"job_id={job_id}")
    assert api.health()["workers"]["running"] == 1
    worker.ping("runpod_version=1.12.0")
    assert api.health()["workers"]["idle"] == 1


def test_a_ping_loses_no_job_that_counts(start: Start) -> None:
    """It may have been on its way when the job was taken."""
    api, worker = start()
    job_id = api.run({"n": 1})
    worker.taken()
    worker.ping()
    worker.done(job_id, {"output": 1})
    assert api.status(job_id)["output"] == 1


# -- it is lost


def test_who_has_no_jobs_any_more_has_lost_them(start: Start) -> None:
    """The first time the job goes to the front of the queue, the second time it fails."""
    clock = VirtualClock()
    api, worker = start(clock=clock)
    first, second = api.run({"n": 1}), api.run({"n": 2})
    clock.advance(1)
    assert worker.taken() == first
    worker.done(first, {"status": "IN_PROGRESS", "output": "half"})
    worker.post("job-stream", first, {"output": "half"})
    clock.advance(1)
    assert worker.taken() == first
    again = api.status(first)
    assert set(again) == support.IN_PROGRESS | {"retries"}
    assert (again["retries"], again["delayTime"]) == (1, 2000)
    assert api.health()["jobs"]["retried"] == 1
    clock.advance(1)
    assert worker.taken() == second
    ended = api.status(first)
    assert set(ended) == (support.FAILED - {"output"}) | {"retries"}
    assert (ended["status"], ended["retries"]) == ("FAILED", 1)
    assert ended["error"] == "job timed out after 1 retries"
    assert (ended["delayTime"], ended["executionTime"]) == (2000, 1000)
    assert api.stream(first)["stream"] == []
    assert api.health()["jobs"]["failed"] == 1


def test_a_retry_starts_afresh(start: Start) -> None:
    """A job that was lost twice and is retried may be lost once more."""
    api, worker = start()
    job_id = api.run({"n": 1})
    for _ in range(2):
        worker.taken()
    assert worker.take().status_code == 204
    assert set(api.ok("POST", f"/retry/{job_id}")) == support.IN_QUEUE
    assert worker.taken() == job_id
    assert "retries" not in api.status(job_id)
    assert worker.taken() == job_id
    assert api.status(job_id)["retries"] == 1


def test_who_is_silent_is_gone(start: Start, another: Another) -> None:
    """A worker that pinged, and then is not heard of, has vanished with its job."""
    api, worker = start(limits={"worker_timeout": 0.3, "sweep_interval": 0.1})
    job_id = api.run({"n": 1})
    worker.taken()
    worker.ping(f"job_id={job_id}")
    assert api.health()["workers"]["running"] == 1
    other = another(api)
    while (answer := other.take()).status_code == 204:
        pass
    assert answer.json()["id"] == job_id
    assert api.status(job_id)["retries"] == 1


def test_who_is_silent_at_work_and_never_pings_is_not(start: Start, another: Another) -> None:
    """A handler that blocks the event loop makes the worker silent."""
    api, worker = start(limits={"worker_timeout": 0.1, "sweep_interval": 0.05})
    job_id = api.run({"n": 1})
    worker.taken()
    assert another(api).take().status_code == 204
    worker.done(job_id, {"output": 1})
    assert set(api.status(job_id)) == support.COMPLETED


def test_one_that_says_it_is_unhealthy_gets_no_jobs(start: Start, another: Another) -> None:
    """Until it asks again: then it has come back."""
    api, worker = start()
    worker.take()
    worker.ping("status=unhealthy&check=cuda&reason=none")
    assert api.health()["workers"]["unhealthy"] == 1
    worker.take()
    assert api.health()["workers"]["unhealthy"] == 0
    assert api.health()["workers"]["ready"] == 1
    another(api).ping("status=unhealthy")  # of nobody that is known
    assert api.health()["workers"]["unhealthy"] == 0


def test_stop_pod_of_a_worker_that_is_not_ours_is_theirs(start: Start) -> None:
    """The endpoint cannot end it: it continues."""
    api, worker = start()
    for _ in range(2):
        job_id = api.run({"n": 1})
        assert worker.taken() == job_id
        worker.done(job_id, {"output": 1, "stopPod": True})
        assert api.status(job_id)["output"] == 1


def test_workers_join_an_endpoint_that_has_a_handler(start: Start) -> None:
    """It runs what the others are too busy for."""
    gate = Gate()
    api, worker = start(lambda _: gate.wait())
    first, second = api.run(), api.run()
    gate.reached()
    assert worker.taken() == second
    worker.done(second, {"output": "theirs"})
    assert api.wait(second)["output"] == "theirs"
    gate.open()
    assert set(api.wait(first)) == support.COMPLETED


def test_one_that_asks_for_nothing_because_of_an_old_job_is_unhealthy(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """Until it asks; a job that it has just reported may be in a ping for a while."""
    api, worker = start(limits={"stop_grace": 0.2, "sweep_interval": 0.02})
    worker.take()
    worker.ping("job_id=old-job")
    job_id = api.run()
    until(lambda: api.health()["workers"]["unhealthy"] == 1)
    assert "holds job old-job, which it was not given" in caplog.text
    with api.local.client() as client:
        reason = client.endpoint(api.local.endpoint_id).job(job_id).explain()
    assert reason.reason == "UNHEALTHY"
    assert ".runpod_jobs.pkl" in reason.text
    assert worker.take().json()["id"] == job_id
    assert api.health()["workers"]["unhealthy"] == 0
