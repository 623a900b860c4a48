"""The service's batches, on a local endpoint and against scripted answers."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from runpod_sdk import (
    APIConnectionError,
    BadRequestError,
    BatchResult,
    BatchState,
    NotFoundError,
    RequestTooLargeError,
    RunpodTimeoutError,
)
from runpod_sdk.local import LocalEndpoint
from tests.facade.clients import Driver, Script, answer, in_no_time, problem

BATCH = "batch_01j9abc123"


def handler(job: dict[str, Any]) -> Any:
    if job["input"] == "fail":
        raise ValueError("out of paint")
    return {"got": job["input"]}


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEndpoint]:
    with LocalEndpoint(handler, workers=4) as endpoint:
        yield endpoint


def state(**fields: Any) -> Any:
    return answer({"id": BATCH, "status": "FINALIZED", "requestTotal": 2, **fields})


@pytest.mark.parametrize("driver", ["sync", "asyncio", "trio"], indirect=True)
def test_a_batch_from_its_creation_to_its_results(driver: Driver, local: LocalEndpoint) -> None:
    """More requests than a page has; failed ones are results, and no errors."""
    client = driver.client(api_key=local.api_key, base_url=local.base_url)
    batches = client.endpoint(local.endpoint_id).batches
    batch = driver.call(lambda: batches.create([*range(110), "fail"]))
    draft = driver.call(batch.status)
    assert (draft.status, draft.total, draft.finished) == ("DRAFT", 111, False)
    with pytest.raises(ValueError, match=r"is a draft.*finalize\(\)"):
        driver.call(batch.wait)
    driver.call(lambda: batch.add(["more"]))
    driver.call(batch.finalize)
    done: BatchState = driver.call(lambda: batch.wait(timeout=60))
    assert done.finished
    assert (done.total, done.completed, done.failed) == (112, 111, 1)
    assert done.created_at is not None
    assert done.created_at.tzinfo is not None
    results: list[BatchResult] = driver.take(batches.batch(batch.id).results())
    assert [result.output["got"] for result in results if result.succeeded] == [*range(110), "more"]
    (failed,) = [result for result in results if not result.succeeded]
    assert "out of paint" in (failed.error or "")
    assert failed.started_at is not None
    assert pickle.loads(pickle.dumps(done)) == done
    with pytest.raises(BadRequestError):
        driver.call(lambda: batch.add(["too late"]))


@pytest.mark.parametrize("driver", ["sync"], indirect=True)
def test_cancelling(driver: Driver, local: LocalEndpoint) -> None:
    client = driver.client(api_key=local.api_key, base_url=local.base_url)
    batch = driver.call(lambda: client.endpoint(local.endpoint_id).batches.create([1]))
    driver.call(batch.finalize)
    driver.call(batch.cancel)
    assert driver.call(lambda: batch.wait(timeout=30)).finished


@in_no_time
@pytest.mark.parametrize("method", ["add", "finalize", "status", "wait", "results", "cancel"])
def test_additional_headers(driver: Driver, method: str) -> None:
    page = answer({"requests": [], "total": 0, "offset": 0, "limit": 100, "hasMore": False})
    script = Script(page if method == "results" else state(requestCompleted=2))
    batch = driver.endpoint(script).batches.batch(BATCH)
    headers = {"extra_headers": {"x-trace": "t1"}}
    if method == "results":
        assert driver.take(batch.results(**headers)) == []
    else:
        arguments = [[1]] if method == "add" else []
        driver.call(lambda: getattr(batch, method)(*arguments, **headers))
    assert [request.headers["x-trace"] for request in script.requests] == ["t1"]


@in_no_time
def test_large_inputs_go_in_several_calls(driver: Driver) -> None:
    """Each below 10 MiB; they are read one after the other."""
    script = Script(state(status="DRAFT"))
    inputs = iter(["x" * 4 * 2**20] * 5)
    batch = driver.call(
        lambda: driver.endpoint(script).batches.create(inputs, webhook="http://a.b/")
    )
    assert batch.id == BATCH
    assert script.asked == ["POST /batch", *[f"POST /batch/{BATCH}/requests"] * 2]
    assert all(len(request.content) < 10 * 2**20 for request in script.requests)
    first, *others = script.bodies
    requests = [*first, *(one for body in others for one in body["requests"])]
    assert len(requests) == 5
    assert {request["webhook"] for request in requests} == {"http://a.b/"}


@in_no_time
def test_many_inputs_go_in_several_calls(driver: Driver) -> None:
    """The service takes a thousand requests with each."""
    script = Script(state(status="DRAFT"))
    driver.call(lambda: driver.endpoint(script).batches.create(range(2001)))
    first, *others = script.bodies
    assert [len(first), *(len(body["requests"]) for body in others)] == [1000, 1000, 1]


@in_no_time
def test_a_draft_that_could_not_be_filled(driver: Driver) -> None:
    """The error names it, so that nothing is lost."""
    script = Script(state(status="DRAFT"), problem(400, "too many"))
    inputs = ["x" * 6 * 2**20] * 2
    with pytest.raises(BadRequestError, match="too many") as caught:
        driver.call(lambda: driver.endpoint(script).batches.create(inputs))
    assert caught.value.__notes__ == [f"batch {BATCH} remains a draft with a part of the requests"]
    with pytest.raises(RequestTooLargeError):
        driver.call(lambda: driver.endpoint(script).batches.create(["x" * 11 * 2**20]))


@in_no_time
def test_nothing_is_added_twice(driver: Driver) -> None:
    """A lost answer may have been to an addition that was made."""
    import httpx

    script = Script(httpx.ReadError("reset"))
    batch = driver.endpoint(script).batches.batch(BATCH)
    with pytest.raises(APIConnectionError):
        driver.call(lambda: batch.add([1]))
    assert len(script.requests) == 1


@in_no_time
@pytest.mark.parametrize("body", ["", b"\xff", "null", "[]", '{"status": "FINALIZED"}'])
def test_answers_of_which_no_form_is_documented(driver: Driver, body: Any) -> None:
    script = Script(answer(body, 200), answer(body, 204), answer(body, 202))
    batch = driver.endpoint(script).batches.batch(BATCH)
    assert [driver.call(call) for call in (batch.finalize, batch.cancel)] == [None, None]
    driver.call(lambda: batch.add([1]))
    assert script.asked == [
        f"POST /batch/{BATCH}/finalize",
        f"POST /batch/{BATCH}/cancel",
        f"POST /batch/{BATCH}/requests",
    ]


@in_no_time
def test_a_wait_asks_seldom_and_survives_outages(driver: Driver) -> None:
    script = Script(*[problem(502)] * 4, *[state()] * 40, state(requestCompleted=2))
    began = driver.now()
    done = driver.call(lambda: driver.endpoint(script).batches.batch(BATCH).wait())
    assert done.completed == 2
    assert driver.now() - began > 600  # seconds; a question each half of a minute
    slow = driver.endpoint(Script(state()))
    with pytest.raises(RunpodTimeoutError, match=f"batch {BATCH}"):
        driver.call(lambda: slow.batches.batch(BATCH).wait(timeout=60))


@in_no_time
def test_a_batch_that_is_not_there(driver: Driver) -> None:
    batch = driver.endpoint(Script(problem(404))).batches.batch(BATCH)
    for call in (batch.status, batch.wait):
        with pytest.raises(NotFoundError):
            driver.call(call)
    with pytest.raises(NotFoundError):
        driver.take(batch.results())


@in_no_time
def test_pages(driver: Driver) -> None:
    """Until the server says that there is no more, or sends none."""
    request = {
        "id": "req_1",
        "status": "COMPLETED",
        "output": 1,
        "completedAt": "2026-01-01T00:00:00Z",
    }
    full = answer({"requests": [request] * 2, "hasMore": True, "total": 5})
    script = Script(full, full, answer({"requests": [], "hasMore": True}))
    results = driver.take(driver.endpoint(script).batches.batch(BATCH).results())
    assert len(results) == 4
    assert [one.url.params["offset"] for one in script.requests] == ["0", "2", "4"]
    assert results[0].to_dict() == request
    assert results[0].completed_at.year == 2026


def test_ids_are_checked(local: LocalEndpoint) -> None:
    with local.client() as client:
        batches = client.endpoint(local.endpoint_id).batches
        for wrong in ("", "a/b", ".."):
            with pytest.raises(ValueError, match="batch_id"):
                batches.batch(wrong)
        with pytest.raises(TypeError, match="inputs must be"):
            batches.create("text")
