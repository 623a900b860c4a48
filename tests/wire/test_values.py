"""Wire → value → wire changes nothing, through the public API; and the values say what came."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import (
    APIResponseValidationError,
    Endpoint,
    JobStatus,
    Runpod,
    SubmissionResponseError,
)
from runpod_serverless_api import models
from tests.hypothesis_profiles import at_most
from tests.wire.documents import documents, jobs, members, text


def endpoint(*bodies: Any, code: int = 200) -> Endpoint:
    """Make an endpoint that answers with *bodies* in turn, as JSON unless bytes; HTTP *code*."""
    left = iter(bodies)

    def answer(_: httpx.Request) -> httpx.Response:
        body = next(left)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(code, content=content)

    http_client = httpx.Client(transport=httpx.MockTransport(answer))
    return Runpod("rpa_test", base_url="http://api.test", http_client=http_client).endpoint("ep")


def twins(value: Any) -> list[Any]:
    """Give what copying and pickling make of *value*."""
    pickles = [
        pickle.loads(pickle.dumps(value, protocol))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    ]
    return [copy.copy(value), copy.deepcopy(value), *pickles]


def check(value: Any, body: Any) -> None:
    """Hold *value* to what came, and its copies to it."""
    assert text(value.to_dict()) == text(body)
    for twin in twins(value):
        assert twin == value
        assert type(twin) is type(value)
        assert text(twin.to_dict()) == text(body)
        assert repr(twin) == repr(value)


def milliseconds(value: Any) -> timedelta | None:
    """Say what a length on the wire is; one beyond all calendars is None."""
    try:
        return None if value is None else timedelta(milliseconds=value)
    except OverflowError:
        return None


@given(jobs())
def test_a_job_state(body: dict[str, Any]) -> None:
    """Every member of a job is where public-api.md says, and `to_dict` gives all of it again."""
    state = endpoint(body).status(body["id"])
    check(state, body)
    ended = body["status"] in ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")
    assert (state.id, state.status) == (body["id"], body["status"])
    assert isinstance(state.status, JobStatus) == (body["status"] in list(JobStatus))
    assert text(state.output) == text(body.get("output") if ended else None)
    assert state.has_output == (ended and "output" in body)
    assert text(state.progress) == text(None if ended else body.get("output"))
    assert state.delay_time == milliseconds(body.get("delayTime"))
    assert state.execution_time == milliseconds(body.get("executionTime"))
    assert state.worker_id == body.get("workerId")
    assert state.retries == body.get("retries")
    error = body.get("error")
    assert state.error == (error if error is None or isinstance(error, str) else json.dumps(error))
    timed = ("delayTime", "executionTime", "retries", "workerId")
    assert text(state.extra) == text(_without(body, ("id", "status", "output", "error", *timed)))
    assert state.completed == ended
    assert state.succeeded == (body["status"] == "COMPLETED")
    assert state.started == (body["status"] != "IN_QUEUE")


@pytest.mark.parametrize(
    "ask",
    [
        lambda endpoint, id: endpoint.wait(id),
        lambda endpoint, id: endpoint.cancel(id),
        lambda endpoint, id: endpoint.retry(id),
        lambda endpoint, id: endpoint.run_sync(input=1, check=False),
    ],
    ids=["wait", "cancel", "retry", "run_sync"],
)
def test_a_job_state_of_every_operation(ask: Callable[[Endpoint, str], Any]) -> None:
    """The operations that give a state give the same of the same answer."""

    @at_most(40)
    @given(jobs(), st.sampled_from(["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]))
    def same(body: dict[str, Any], status: str) -> None:
        body = {**body, "status": status}
        state = ask(endpoint(body), body["id"])
        assert state == endpoint(body).status(body["id"])
        assert text(state.to_dict()) == text(body)

    same()


@given(st.lists(documents("StreamChunk"), max_size=3), documents("JobStream"))
def test_a_stream_chunk(bodies: list[dict[str, Any]], last: dict[str, Any]) -> None:
    """Each chunk of an answer is one value, in order, whatever else is in the answer."""
    end = {"status": "COMPLETED", "stream": []}
    answers = [{**last, "status": "COMPLETED", "stream": bodies}, end]
    taken = list(endpoint(*answers).stream("x"))
    assert len(taken) == len(bodies)
    for chunk, body in zip(taken, bodies, strict=True):
        check(chunk, body)
        assert text(chunk.output) == text(body.get("output"))
        assert text(chunk.metrics) == text(body.get("metrics"))
        rest = {name: value for name, value in body.items() if name not in ("output", "metrics")}
        assert text(chunk.extra) == text(rest)


@given(documents("Health"))
def test_an_endpoint_health(body: dict[str, Any]) -> None:
    """Every counter is where public-api.md says, and an absent one is None."""
    health = endpoint(body).health()
    check(health, body)
    names = {
        "completed": "completed",
        "failed": "failed",
        "inProgress": "in_progress",
        "inQueue": "in_queue",
        "retried": "retried",
    }
    counted = body.get("jobs") or {}
    assert {ours: getattr(health.jobs, ours) for ours in names.values()} == {
        ours: counted.get(theirs) for theirs, ours in names.items()
    }
    assert text(health.jobs.extra) == text(_without(counted, names))
    counted = body.get("workers") or {}
    workers = ("idle", "initializing", "ready", "running", "throttled", "unhealthy")
    assert {name: getattr(health.workers, name) for name in workers} == {
        name: counted.get(name) for name in workers
    }
    assert text(health.workers.extra) == text(_without(counted, workers))
    assert text(health.extra) == text(_without(body, ("jobs", "workers")))


@given(documents("PurgeResult"))
def test_a_purge_result(body: dict[str, Any]) -> None:
    """`removed`, `status` and whatever else came."""
    result = endpoint(body).purge_queue()
    check(result, body)
    assert (result.removed, result.status) == (body["removed"], body["status"])
    assert text(result.extra) == text(_without(body, ("removed", "status")))


@pytest.mark.filterwarnings("ignore:policy:UserWarning")
@at_most(200)
@given(documents("JobRequest"))
def test_a_request_is_sent_as_given(body: dict[str, Any]) -> None:
    """The API's own body goes out as it was given, nothing added and nothing left out."""
    body = {name: value for name, value in body.items() if name in members("JobRequest")}
    if isinstance(body.get("webhook"), str):  # which is checked to be a URL
        body["webhook"] = "https://example.test/hook"
    if "policy" in body:  # which may have no other fields either
        known = ("executionTimeout", "ttl", "lowPriority")
        body["policy"] = {name: body["policy"][name] for name in known if name in body["policy"]}
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(200, json={"id": "x", "status": "IN_QUEUE"})

    http_client = httpx.Client(transport=httpx.MockTransport(answer))
    client = Runpod("rpa_test", base_url="http://api.test", http_client=http_client)
    client.endpoint("ep").run(body)
    assert [text(json.loads(content)) for content in sent] == [text(body)]


@pytest.mark.parametrize("member", ["id", "status"])
def test_an_empty_id_or_status_is_refused(member: str) -> None:
    """What the schema calls a string can't be empty: the one exception of these tests."""
    body = {"id": "x", "status": "COMPLETED", member: ""}
    with pytest.raises(APIResponseValidationError, match="no usable") as caught:
        endpoint(body).status("x")
    assert caught.value.body == body


@pytest.mark.parametrize("id", ["..", "a/b", "a b", "\ud800"], ids=ascii)
def test_an_id_that_no_url_can_hold(id: str) -> None:
    """A job with it could never be asked for; the error says that the job may exist."""
    with pytest.raises(SubmissionResponseError, match="no usable id") as caught:
        endpoint({"id": id, "status": "IN_QUEUE"}).run(input=1)
    assert caught.value.body == {"id": id, "status": "IN_QUEUE"}


def test_a_flag_is_no_count() -> None:
    health = endpoint({"jobs": {"inQueue": True}, "workers": {"idle": False, "ready": 1}}).health()
    assert health.jobs.in_queue is None
    assert health.workers.idle is None
    assert health.workers.ready == 1


def _without(body: dict[str, Any], names: Any) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


@pytest.mark.parametrize(
    ("model", "bodies", "extra"),
    [
        (models.Job, [{"id": "a", "status": "COMPLETED", "new": 7}], lambda e: e.status("a").extra),
        (models.Health, [{"new": 7}], lambda e: e.health().extra),
        (models.JobCounts, [{"jobs": {"failed": 1, "new": 7}}], lambda e: e.health().jobs.extra),
        (models.WorkerCounts, [{"workers": {"new": 7}}], lambda e: e.health().workers.extra),
        (
            models.PurgeResult,
            [{"removed": 1, "status": "completed", "new": 7}],
            lambda e: e.purge_queue().extra,
        ),
        (
            models.StreamChunk,
            [
                {"status": "COMPLETED", "stream": [{"output": 1, "new": 7}]},
                {"status": "COMPLETED", "stream": []},
            ],
            lambda e: next(iter(e.stream("a"))).extra,
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_member_that_only_the_document_names_is_extra(
    model: Any, bodies: Any, extra: Callable[[Endpoint], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member is added to the document first: the generated model then has it as its own."""
    read, write = model.from_dict.__func__, model.to_dict
    with_member: list[Any] = []

    def from_dict(cls: Any, body: Any) -> Any:
        found = read(cls, body)
        del found.additional_properties["new"]
        with_member.append(found)
        return found

    def to_dict(self: Any) -> dict[str, Any]:
        has_member = any(self is one for one in with_member)
        return {**write(self), **({"new": 7} if has_member else {})}

    monkeypatch.setattr(model, "from_dict", classmethod(from_dict))
    monkeypatch.setattr(model, "to_dict", to_dict)
    assert extra(endpoint(*bodies)) == {"new": 7}
