"""Jobs are submitted by one program, and their results collected by another."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import (
    Journal,
    JournalError,
    JournalStatus,
    NotFoundError,
    S3Config,
    SubmissionUncertainError,
    SubmitResult,
)
from tests.facade.clients import MODES, Driver
from tests.facade.clients import driver as make_driver
from tests.hypothesis_profiles import at_most
from tests.map.service import UNCERTAIN, Fate, Service, Story
from tests.map.test_journal import Jobs, outcomes
from tests.map.test_stores import Shelf

SECRET = "s3-CANARY-secret"


@pytest.fixture(scope="module", params=MODES)
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with make_driver(request.param) as driver:
        yield driver


def submit(driver: Driver, endpoint: Any, journal: Any, inputs: Any, **options: Any) -> Any:
    return driver.call(lambda: endpoint.journaled(journal).submit(inputs, **options))


def collect(driver: Driver, endpoint: Any, journal: Any, **options: Any) -> list[Any]:
    return driver.take(endpoint.journaled(journal).collect(**options))


def test_submit_here_and_collect_there(driver: Driver, tmp_path: Path) -> None:
    """Another client finds all jobs by the journal, and has each result once."""
    jobs = Jobs(b="FAILED")
    path = tmp_path / "run.sqlite"
    keys = {"key": str.upper}
    given = submit(driver, driver.endpoint(jobs), path, list("abc"), **keys)
    assert given == SubmitResult(submitted=3, known=0)
    assert jobs.asked == []
    with Journal(path) as journal:
        assert journal.counts == {JournalStatus.RUNNING: 3}
    given = submit(driver, driver.endpoint(jobs), path, iter("dcba"), **keys)
    assert given == SubmitResult(submitted=1, known=3)
    results = collect(driver, driver.endpoint(jobs), str(path))
    assert [(result.index, result.input) for result in results] == [(n, None) for n in range(4)]
    assert sorted(result.key for result in results) == list("ABCD")
    assert sorted(outcomes(results)) == ["JobFailedError", "a", "c", "d"]
    (failed,) = [result for result in results if result.error]
    assert (failed.error.index, failed.error.key) == (failed.index, "B")
    assert sorted(jobs.submitted) == list("abcd")
    asked = len(jobs.asked)
    again = collect(driver, driver.endpoint(jobs), path, ordered=False)
    assert sorted(outcomes(again)) == sorted(outcomes(results))
    assert len(jobs.asked) == asked
    given = submit(driver, driver.endpoint(jobs), path, list("ab"), **keys)
    assert given == SubmitResult(submitted=0, known=2)


def test_inputs_without_a_job(driver: Driver, tmp_path: Path) -> None:
    """They are errors of both halves, and only what was surely refused is sent again."""
    jobs = Jobs(b=500, c=400)
    endpoint = driver.endpoint(jobs, max_retries=0)
    path = tmp_path / "run.sqlite"
    for times in (1, 2):
        given = submit(driver, endpoint, path, list("abc"))
        assert (given.submitted, given.known) == ((1, 0) if times == 1 else (0, 1))
        uncertain, refused = sorted(given.errors, key=lambda error: error.index)
        assert isinstance(uncertain, SubmissionUncertainError)
        assert (uncertain.index, refused.index) == (1, 2)
        assert jobs.submitted.count("b") == 1
        assert jobs.submitted.count("c") == times
    results = collect(driver, endpoint, path)
    assert [result.index for result in results] == [0, 1, 2]
    assert isinstance(results[1].error, SubmissionUncertainError)
    assert "input 2 has no job: submit it again" in str(results[2].error)
    with Journal(path) as journal:
        journal.resolve(1, "skip")
    assert "is skipped" in str(collect(driver, endpoint, path)[1].error)
    with pytest.raises(JournalError, match="skipped"):
        collect(driver, endpoint, path, on_error="raise")


def test_with_a_map(driver: Driver, tmp_path: Path) -> None:
    """A map does the rest of the work of either half."""
    jobs = Jobs()
    endpoint = driver.endpoint(jobs)
    path = tmp_path / "run.sqlite"
    submit(driver, endpoint, path, ["a", "b"])
    assert outcomes(driver.take(endpoint.map(list("abc"), journal=path))) == list("abc")
    assert outcomes(collect(driver, endpoint, path)) == list("abc")
    assert sorted(jobs.submitted) == list("abc")


def test_a_result_that_expired(driver: Driver, tmp_path: Path) -> None:
    """A job that the server no longer knows is an error, each time."""
    jobs = Jobs()
    store = Shelf()
    endpoint = driver.endpoint(jobs)
    submit(driver, endpoint, store, ["a", "b"])
    jobs.becomes["a"] = 404
    store.rows = {row.number: row._replace(since=row.since - 60) for row in store.rows.values()}
    for _ in range(2):
        results = collect(driver, driver.endpoint(jobs), store)
        assert isinstance(results[0].error, NotFoundError)
        assert results[1].output == {"of": "b"}
        assert submit(driver, endpoint, store, ["a", "b"]).known == 2
    assert sorted(jobs.submitted) == ["a", "b"]


@pytest.mark.parametrize("driver", ["sync"], indirect=True)
def test_more_than_a_page_of_entries(driver: Driver) -> None:
    """The journal is read in pages, between which no entry is left out."""
    store = Shelf()
    endpoint = driver.endpoint(Jobs())
    submit(driver, endpoint, store, range(60))
    assert [result.index for result in collect(driver, endpoint, store)] == [*range(60)]
    with Journal(store) as journal:
        assert [entry.index for entry in journal.entries()] == [*range(60)]


def test_the_id_is_stored_before_submit_returns(driver: Driver) -> None:
    """A crash just after it loses no job."""
    store = Shelf()
    jobs = Jobs()

    def at_request(request: httpx.Request) -> httpx.Response:
        assert store.rows[len(jobs.submitted)].status == "uncertain"
        return jobs(request)

    submit(driver, driver.endpoint(at_request), store, ["a", "b"], concurrency=1)
    assert [row.job_id for row in store.rows.values()] == ["job-a", "job-b"]
    assert store.opens == 0


def test_collecting_is_left(driver: Driver, tmp_path: Path) -> None:
    """The rest is collected later."""
    jobs = Jobs(b="IN_PROGRESS")
    endpoint = driver.endpoint(jobs)
    path = tmp_path / "run.sqlite"
    submit(driver, endpoint, path, list("abc"))
    results = endpoint.journaled(path).collect(ordered=False)
    assert {driver.next(results).index for _ in range(2)} == {0, 2}
    driver.call(lambda: driver.close(results))
    assert results.in_flight == {1: "job-b"}
    jobs.becomes.clear()
    assert outcomes(collect(driver, endpoint, path)) == list("abc")


def test_what_is_refused(driver: Driver, tmp_path: Path) -> None:
    jobs = Jobs()
    endpoint = driver.endpoint(jobs)
    missing = tmp_path / "typo.sqlite"
    with pytest.raises(JournalError, match=r"no journal .*typo.sqlite: submit inputs first"):
        collect(driver, endpoint, missing)
    assert not missing.exists()
    for use in (submit, collect):
        given = (["a"],) if use is submit else ()
        with pytest.raises(TypeError, match="journal must be"):
            use(driver, endpoint, None, *given)
        with pytest.raises(ValueError, match="journal must be"):
            use(driver, endpoint, "s3://bucket/key", *given)
    path = tmp_path / "run.sqlite"
    submit(driver, endpoint, path, ["a"])
    with pytest.raises(JournalError, match="input 0 differs"):
        submit(driver, endpoint, path, ["A"])
    with pytest.raises(ValueError, match="the same key"):
        submit(driver, endpoint, tmp_path / "keys", ["a", "a"], key=str)
    with pytest.raises(JournalError, match="belongs to endpoint ep"):
        collect(driver, endpoint.client.endpoint("other"), path)
    with Journal(path) as journal:
        results = endpoint.journaled(journal).collect()
        driver.next(results)
        with pytest.raises(JournalError, match="in use"):
            submit(driver, endpoint, journal, ["a"])
        driver.take(results)
    assert jobs.submitted == ["a"]


@pytest.mark.parametrize("keys", [{}, {"key": lambda _: 1}], ids=["position", "key"])
def test_a_changed_input_of_a_running_job(driver: Driver, tmp_path: Path, keys: Any) -> None:
    """It is refused, also the next time, and the journal still knows the first input."""
    jobs = Jobs(a="IN_PROGRESS")
    path = tmp_path / "run.sqlite"
    submit(driver, driver.endpoint(jobs), path, ["a"], **keys)

    def answer(request: httpx.Request) -> httpx.Response:
        if "/cancel/" in request.url.path:
            jobs.becomes["a"] = "CANCELLED"
        return jobs(request)

    for on_leave in ("detach", "cancel"):
        given = {**keys, "journal": path, "on_leave": on_leave}
        with pytest.raises(JournalError, match="differs from the input"):
            driver.take(driver.endpoint(answer).map(["A"], **given))
    with Journal(path) as journal:
        assert journal.counts == {JournalStatus.OPEN: 1}
    jobs.becomes.clear()
    assert outcomes(driver.take(driver.endpoint(jobs).map(["a"], journal=path, **keys))) == ["a"]
    assert jobs.submitted == ["a", "a"]


def test_no_secret_shows(driver: Driver, tmp_path: Path) -> None:
    """Neither in the traceback of an input that has no JSON form, nor in the journal."""
    config = S3Config(
        access_id="id", access_secret=SECRET, bucket_name="b", endpoint_url="https://s3.test"
    )
    path = tmp_path / "run.sqlite"
    endpoint = driver.endpoint(Jobs())
    with pytest.raises(ValueError, match="nan") as caught:
        submit(driver, endpoint, path, [float("nan")], s3_config=config)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert SECRET not in "".join(frames.format())
    assert SECRET.encode() not in path.read_bytes()


async def stream(numbers: list[int]) -> AsyncIterator[int]:
    for number in numbers:
        yield number


fates = st.builds(
    Story,
    fate=st.sampled_from([*[Fate.TAKEN] * 6, *Fate]),
    latency=st.just(0.0),
    lasts=st.sampled_from([0.0, 0.003]),
    status=st.sampled_from(["COMPLETED", "COMPLETED", "FAILED"]),
)
half = st.tuples(st.booleans(), st.permutations(range(8)), st.integers(0, 8))


@at_most(15)
@given(st.lists(fates, min_size=8, max_size=8), st.lists(half, max_size=4))
def test_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, stories: list[Story], parts: list[Any]
) -> None:
    """However often some of the inputs are submitted and collected: each is one job at most."""
    path = tmp_path_factory.mktemp("halves") / "run.sqlite"
    service = Service(stories)

    async def submit(numbers: list[int]) -> None:
        halves = service.endpoint(max_retries=0).journaled(path)
        given = await halves.submit(stream(numbers), key=lambda n: n, concurrency=3)
        assert given.submitted + given.known + len(given.errors) == len(numbers)

    async def collect(count: int) -> dict[Any, Any]:
        results: dict[Any, Any] = {}
        async with service.endpoint(max_retries=0).journaled(path).collect() as collected:
            async for result in collected:
                results[result.key] = result
                if len(results) > count:
                    break
        return results

    for submits, order, count in parts:
        if submits or not path.exists():
            anyio.run(submit, list(order)[:count])
        else:
            anyio.run(collect, count)
    anyio.run(submit, list(range(8)))
    results = anyio.run(collect, 8)
    assert set(results) == set(range(8))
    for number, story in enumerate(stories):
        result = results[number]
        assert service.taken[number] == (story.fate in {Fate.TAKEN, Fate.LOST, Fate.BROKEN})
        if story.fate is Fate.TAKEN and story.status == "COMPLETED":
            assert result.output == number * number
        else:
            assert isinstance(result.error, SubmissionUncertainError) == (story.fate in UNCERTAIN)
