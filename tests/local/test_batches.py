"""Batches: their rules against a simpler account of them, and what clients see."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from attrs import Factory, define
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from runpod_sdk.local import Limits
from runpod_sdk.local._rules.batches import Batches, BatchRefused, UnknownBatch
from runpod_sdk.local._rules.fleet import Fleet, Scaling
from runpod_sdk.local._rules.jobs import JobSpec, Run, RunResult
from runpod_sdk.local._rules.queue import Queue

from .conftest import Serve
from .processes import until
from .support import Api, Clock, Gate, echo

TTL = 100.0
PLACES = st.integers(0, 1) | st.integers(0, 11)


@define
class Expected:
    """A batch in the model."""

    status: str = "DRAFT"
    cancelled: bool = False
    requests: dict[str, str] = Factory(dict[str, str])
    finalized: float = 0.0

    def active(self) -> bool:
        return self.status == "DRAFT" or (
            self.status == "FINALIZED"
            and any(state in ("IN_QUEUE", "IN_PROGRESS") for state in self.requests.values())
        )

    def drain(self) -> None:
        if self.cancelled and not self.active():
            self.status = "CANCELLED"


class Histories(RuleBasedStateMachine):
    """Compare the batches with a model that receives every event."""

    def __init__(self) -> None:
        super().__init__()
        names = iter(("a", "b"))
        queue = Queue(Fleet(Scaling(least=2, most=2), names.__next__))
        queue.advance(0.0)
        for worker in queue.effects().launched:
            queue.join(0.0, worker)
        self.queue, self.batches, self.now, self.serial = queue, Batches(queue), 0.0, 0
        self.model: dict[str, Expected] = {}
        self.runs: dict[str, Run] = {}  # by worker
        self.create(2)
        self.finalize(0)

    def specs(self, count: int) -> list[JobSpec]:
        self.serial += count
        ids = range(self.serial - count, self.serial)
        return [JobSpec(f"req_{n}", {"input": n}, 1e6, TTL, 1e6) for n in ids]

    def batch_id(self, place: int) -> str:
        return f"batch_{place}"

    @rule(count=st.integers(0, 3))
    def create(self, count: int) -> None:
        new = self.specs(count)
        batch_id = self.batch_id(len(self.model))
        if sum(batch.active() for batch in self.model.values()) >= 10:
            with pytest.raises(BatchRefused, match="at most 10 batches"):
                self.batches.create(self.now, batch_id, new)
            return
        self.batches.create(self.now, batch_id, new)
        self.model[batch_id] = Expected(requests={one.id: "IN_QUEUE" for one in new})

    @rule(place=PLACES, count=st.integers(0, 3))
    def add(self, place: int, count: int) -> None:
        new, batch = self.specs(count), self.model.get(self.batch_id(place))
        if batch is None or batch.status != "DRAFT":
            with pytest.raises((UnknownBatch, BatchRefused)):
                self.batches.add(self.now, self.batch_id(place), new)
            return
        self.batches.add(self.now, self.batch_id(place), new)
        batch.requests |= {one.id: "IN_QUEUE" for one in new}

    @rule(place=PLACES, which=st.integers(0, 4))
    def remove(self, place: int, which: int) -> None:
        batch = self.model.get(self.batch_id(place))
        ids = list(batch.requests) if batch is not None else []
        request_id = ids[which] if which < len(ids) else "req_unknown"
        if batch is None or batch.status != "DRAFT" or which >= len(ids):
            with pytest.raises((UnknownBatch, BatchRefused)):
                self.batches.remove(self.now, self.batch_id(place), request_id)
            return
        self.batches.remove(self.now, self.batch_id(place), request_id)
        del batch.requests[request_id]

    @rule(place=PLACES)
    def finalize(self, place: int) -> None:
        batch = self.model.get(self.batch_id(place))
        if batch is None or batch.status != "DRAFT":
            with pytest.raises((UnknownBatch, BatchRefused)):
                self.batches.finalize(self.now, self.batch_id(place))
            return
        self.batches.finalize(self.now, self.batch_id(place))
        batch.status, batch.finalized = "FINALIZED", self.now

    @rule(place=PLACES)
    def cancel(self, place: int) -> None:
        batch = self.model.get(self.batch_id(place))
        if batch is None:
            with pytest.raises(UnknownBatch):
                self.batches.cancel(self.now, self.batch_id(place))
            return
        told = self.batches.cancel(self.now, self.batch_id(place))
        if batch.active():
            batch.status, batch.cancelled = "FINALIZED", True
            for request_id, state in batch.requests.items():
                if state == "IN_QUEUE":
                    batch.requests[request_id] = "CANCELLED"
            batch.drain()
        assert told.status == batch.status

    @rule(worker=st.sampled_from("ab"))
    def take(self, worker: str) -> None:
        if worker in self.runs:
            return
        waiting = {
            request_id
            for batch in self.model.values()
            if batch.status == "FINALIZED"
            for request_id, state in batch.requests.items()
            if state == "IN_QUEUE"
        }
        taken = self.queue.take(self.now, worker)
        assert bool(taken) == bool(waiting)
        for run, job in taken:
            assert job.id in waiting
            self.runs[worker] = run
            self.note(job.id, "IN_PROGRESS")

    @rule(worker=st.sampled_from("ab"), failed=st.booleans())
    def finish(self, worker: str, failed: bool) -> None:
        run = self.runs.pop(worker, None)
        if run is not None:
            result = RunResult(error="no") if failed else RunResult(output=1)
            if self.queue.finish(self.now, run, result):
                self.note(run.job_id, "FAILED" if failed else "COMPLETED")

    @rule()
    def purge(self) -> None:
        self.queue.purge(self.now)
        self.lose(lambda batch, state: state == "IN_QUEUE")

    @rule(seconds=st.sampled_from([1.0, TTL / 2]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.queue.advance(self.now)
        self.lose(lambda batch, state: batch.finalized + TTL <= self.now)

    def lose(self, lost: Any) -> None:
        for batch in self.model.values():
            if batch.status != "FINALIZED":
                continue
            for request_id, state in batch.requests.items():
                if state in ("IN_QUEUE", "IN_PROGRESS") and lost(batch, state):
                    batch.requests[request_id] = "FAILED"
            batch.drain()

    def note(self, request_id: str, state: str) -> None:
        for batch in self.model.values():
            if request_id in batch.requests:
                batch.requests[request_id] = state
                batch.drain()

    @invariant()
    def both_agree(self) -> None:
        batches = self.batches.all(self.now)
        assert [batch.id for batch in batches] == [*self.model][::-1]
        for batch in batches:
            expected, counts = self.model[batch.id], batch.counts()
            states = list(expected.requests.values())
            assert {key: one.status for key, one in batch.requests.items()} == expected.requests
            assert batch.status == expected.status
            assert counts.total == len(states)
            assert counts.in_progress == states.count("IN_PROGRESS")
            assert counts.completed == states.count("COMPLETED")
            assert counts.failed == states.count("FAILED")
            done = counts.completed + counts.failed == counts.total
            assert expected.cancelled or expected.status == "DRAFT" or done != expected.active()


def test_every_history_of_batches() -> None:
    """After any events in any order, statuses and counts equal the model's."""
    run_state_machine_as_test(
        Histories, settings=settings(max_examples=120, stateful_step_count=50, deadline=None)
    )


# -- over HTTP


@pytest.fixture(scope="module")
def create() -> Any:
    def make(api: Api, *inputs: Any) -> str:
        body = [{"input": value} for value in inputs]
        answer = api.ok("POST", "/batch", json=body)
        assert set(answer) == {"id", "status"}
        assert answer["status"] == "DRAFT"
        return f"/batch/{answer['id']}"

    return make


def finished(api: Api, batch: str) -> dict[str, Any]:
    def done() -> bool:
        state = api.ok("GET", batch)
        ended: int = state["requestCompleted"] + state["requestFailed"]
        return ended == int(state["requestTotal"])

    until(done)
    answer: dict[str, Any] = api.ok("GET", batch)
    return answer


def test_a_batch_from_draft_to_results(serve: Serve, create: Any) -> None:
    """A draft is built up, finalized and run; each answer has the documented keys."""

    def handler(job: dict[str, Any]) -> Any:
        if job["input"] == "bad":
            return {"error": "no"}
        return {key: job[key] for key in ("input", "batchId")}

    api = serve(handler, workers=2)
    batch = create(api, 1)
    batch_id = batch.rpartition("/")[2]
    assert re.fullmatch(r"batch_[0-9a-z]+", batch_id)
    changed = {"id": batch_id, "status": "DRAFT"}
    more = {"requests": [{"input": "bad"}, {"input": 3, "policy": {"ttl": 60000}}, {"input": 4}]}
    assert api.ok("POST", f"{batch}/requests", json=more) == changed
    assert api.ok("PUT", batch, json={"name": "nightly", "status": "x"}) == changed
    page = api.ok("GET", f"{batch}/requests")
    assert [set(one) for one in page["requests"]] == [{"id", "status"}] * 4
    removed = page["requests"][3]["id"]
    assert removed.startswith("req_")
    assert api.ok("DELETE", f"{batch}/requests/{removed}") == changed
    before = api.ok("GET", batch)
    assert api.health()["jobs"]["inQueue"] == 0
    assert abs(before["createdAt"] / 1000 - time.time()) < 60
    counts = {"requestInProgress": 0, "requestCompleted": 0, "requestFailed": 0, "requestTotal": 3}
    endpoint = api.url.rpartition("/")[2]
    assert before == {
        **changed,
        **counts,
        "endpointId": endpoint,
        "createdAt": before["createdAt"],
        "name": "nightly",
    }
    assert api.ok("POST", f"{batch}/finalize") == {"id": batch_id, "status": "FINALIZED"}
    after = finished(api, batch)
    assert after == {
        **before,
        "status": "FINALIZED",
        "requestCompleted": 2,
        "requestFailed": 1,
    }
    page = api.ok("GET", f"{batch}/requests")
    assert {key: page[key] for key in ("total", "offset", "limit", "hasMore")} == {
        "total": 3,
        "offset": 0,
        "limit": 50,
        "hasMore": False,
    }
    one, two, three = page["requests"]
    times = {"startedAt", "completedAt"}
    assert set(one) == {"id", "status", "output", *times}
    assert set(two) == {"id", "status", "error", *times}
    assert (one["output"], two["error"]) == ({"input": 1, "batchId": batch_id}, "no")
    assert three["output"]["input"] == 3
    for text in (one["startedAt"], two["completedAt"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
    assert api.status(one["id"])["status"] == "COMPLETED"


def test_results_stay_when_the_jobs_have_expired(serve: Serve, create: Any) -> None:
    """A batch is available hours later, although its jobs have expired."""
    clock = Clock()
    api = serve(echo, clock=clock)
    batch = create(api, "kept")
    api.ok("POST", f"{batch}/finalize")
    finished(api, batch)
    clock.advance(86_400)
    (request,) = api.ok("GET", f"{batch}/requests")["requests"]
    assert (request["status"], request["output"]) == ("COMPLETED", "kept")
    assert api.refused("GET", f"/status/{request['id']}") == (404, "job not found")


def test_pages(api: Api, create: Any) -> None:
    """Pages of any size put together are all requests, in their order."""
    batch = create(api, *range(7))
    ids = [one["id"] for one in api.ok("GET", f"{batch}/requests")["requests"]]
    for limit in range(1, 9):
        seen: list[str] = []
        for offset in range(0, 7, limit):
            query = {"offset": offset, "limit": limit}
            page = api.ok("GET", f"{batch}/requests", params=query)
            assert (page["total"], page["offset"], page["limit"]) == (7, offset, limit)
            assert page["hasMore"] == (offset + limit < 7)
            seen += [one["id"] for one in page["requests"]]
        assert seen == ids
    page = api.ok("GET", f"{batch}/requests?offset=9")
    assert (page["requests"], page["hasMore"]) == ([], False)
    for wrong, words in (("offset=-1", "of at least 0"), ("limit=0", "of at least 1")):
        status, detail = api.refused("GET", f"{batch}/requests?{wrong}")
        assert status == 400
        assert detail.endswith(f": must be an integer {words}")


def test_the_list_is_the_newest_first(serve: Serve, create: Any) -> None:
    """Each batch in the list equals the batch alone."""
    api = serve(echo)
    assert api.ok("GET", "/batch") == {"batches": []}
    paths = [create(api, n) for n in range(3)]
    told = [api.ok("GET", path) for path in reversed(paths)]
    assert api.ok("GET", "/batch") == {"batches": told}


def test_cancelling(serve: Serve, create: Any) -> None:
    """Queued jobs are cancelled at once, running jobs may end, and then the batch is cancelled."""
    gate = Gate()

    def handler(job: dict[str, Any]) -> Any:
        gate.wait()
        return job["input"]

    api = serve(handler)
    batch = create(api, "runs", "waits")
    api.ok("POST", f"{batch}/finalize")
    gate.reached()
    assert api.ok("POST", f"{batch}/cancel")["status"] == "FINALIZED"
    states = [one["status"] for one in api.ok("GET", f"{batch}/requests")["requests"]]
    assert states == ["IN_PROGRESS", "CANCELLED"]
    gate.open()
    until(lambda: api.ok("GET", batch)["status"] == "CANCELLED")
    state = api.ok("GET", batch)
    assert (state["requestCompleted"], state["requestFailed"], state["requestTotal"]) == (1, 0, 2)
    assert api.ok("POST", f"{batch}/cancel")["status"] == "CANCELLED"
    draft = create(api, 1)
    assert api.ok("POST", f"{draft}/cancel")["status"] == "CANCELLED"


def test_there_may_be_ten_active_batches(serve: Serve, create: Any) -> None:
    """A batch that has ended makes room for another."""
    api = serve(echo)
    paths = [create(api) for _ in range(10)]
    refusal = (400, "bad request: batch: at most 10 batches can be active")
    assert api.refused("POST", "/batch", json=[]) == refusal
    api.ok("POST", f"{paths[0]}/finalize")
    create(api)
    assert api.refused("POST", "/batch", json=[]) == refusal
    api.ok("POST", f"{paths[1]}/cancel")
    create(api)


def test_a_batch_may_have_5000_requests(serve: Serve, create: Any) -> None:
    """One more is refused, and leaves the batch as it was."""
    api = serve(echo)
    batch = create(api, *range(4_999))
    two, one = ({"requests": [{"input": 1}] * count} for count in (2, 1))
    refusal = (400, "bad request: batch: a batch can have at most 5000 requests")
    assert api.refused("POST", f"{batch}/requests", json=two) == refusal
    api.ok("POST", f"{batch}/requests", json=one)
    assert api.refused("POST", f"{batch}/requests", json=one) == refusal
    assert api.refused("POST", "/batch", json=two["requests"] * 2501) == refusal
    assert api.ok("GET", batch)["requestTotal"] == 5_000


@pytest.mark.parametrize(
    ("method", "path", "body", "refusal"),
    [
        ("POST", "/batch", {}, (400, "bad request: body: must be an array")),
        ("POST", "/batch", [{"input": 1}, 5], (400, "bad request: body[1]: must be an object")),
        ("POST", "/batch", [{"input": 1}, {}], (400, "bad request: body[1]: missing input")),
        ("POST", "{}/requests", [], (400, "bad request: body: must be an object")),
        ("POST", "{}/requests", {}, (400, "bad request: body: requests: must be an array")),
        ("PUT", "{}", [], (400, "bad request: body: must be an object")),
        ("GET", "/batch/batch_0", None, (404, "batch not found")),
        ("POST", "/batch/batch_0/finalize", None, (404, "batch not found")),
        ("DELETE", "{}/requests/req_0", None, (404, "request not found")),
        ("DELETE", "{}", None, (405, "batch takes GET or PUT")),
        ("GET", "{}/nowhere", None, (404, "not found")),
    ],
)
def test_refusals(
    api: Api, create: Any, method: str, path: str, body: Any, refusal: tuple[int, str]
) -> None:
    """The error names the problem and its place."""
    batch = create(api)
    content = b"" if body is None else json.dumps(body).encode()
    assert api.refused(method, path.format(batch), content=content) == refusal
    api.ok("POST", f"{batch}/cancel")


def test_a_finalized_batch_is_locked(api: Api, create: Any) -> None:
    """Nothing can be added or removed, and it is not finalized twice."""
    batch = create(api, 1)
    request_id = api.ok("GET", f"{batch}/requests")["requests"][0]["id"]
    api.ok("POST", f"{batch}/finalize")
    refusal = (400, "bad request: batch: only a draft can be changed; this batch is FINALIZED")
    assert api.refused("POST", f"{batch}/finalize") == refusal
    assert api.refused("POST", f"{batch}/requests", json={"requests": []}) == refusal
    assert api.refused("DELETE", f"{batch}/requests/{request_id}") == refusal


def test_the_body_of_a_call_is_limited(serve: Serve, create: Any) -> None:
    """The limit is the same as for /run."""
    api = serve(echo, limits=Limits(run_body=100))
    batch = create(api, 1)
    refusal = (400, "bad request: body: exceeded max body size of 100B")
    assert api.refused("POST", "/batch", content=b"[]".ljust(101)) == refusal
    assert api.refused("POST", f"{batch}/requests", content=b"{}".ljust(101)) == refusal
