"""A journal in a store of the user's own, which has no more than the protocol asks for."""

from __future__ import annotations

import threading
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import anyio
import pytest

from runpod_sdk import (
    ConfigurationError,
    Journal,
    JournalError,
    JournalRow,
    JournalStatus,
    JournalStore,
    SubmissionUncertainError,
)
from tests.facade.clients import MODES, Driver
from tests.facade.clients import driver as make_driver
from tests.map.service import Service, Story
from tests.map.test_journal import Jobs, outcomes


@pytest.fixture(scope="module", params=MODES)
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with make_driver(request.param) as driver:
        yield driver


class Shelf:
    """A store in memory."""

    name = "shelf"

    def __init__(self, wait: float | None = 0.0) -> None:
        self.wait = wait
        self.rows: dict[int, JournalRow] = {}
        self.settings: dict[str, str] = {}
        self.statuses: list[list[str]] = []
        self.opens = 0
        self.in_use = 0
        """How many more times it is refused."""
        self.taken_over = False

    def open(self) -> None:
        self.opens += 1
        if self.in_use:
            self.in_use -= 1
            raise JournalError("shelf is in use", in_use=True)

    def close(self) -> None:
        self.opens -= 1

    def setting(self, name: str, value: str) -> str:
        return self.settings.setdefault(name, value)

    def size(self) -> int:
        return max(self.rows, default=-1) + 1

    def counts(self) -> dict[str, int]:
        return Counter(row.status for row in self.rows.values())

    def find(self, column: str, values: Sequence[int | str]) -> list[JournalRow]:
        chosen = (row for row in self.rows.values() if getattr(row, column) in values)
        return sorted(chosen)

    def page(self, start: int, limit: int) -> list[JournalRow]:
        return sorted(row for row in self.rows.values() if row.number >= start)[:limit]

    def write(self, rows: Sequence[JournalRow]) -> None:
        if self.taken_over:
            raise JournalError("shelf was taken over")
        self.rows |= {row.number: row for row in rows}
        self.statuses.append([row.status for row in rows])


def test_a_store_of_your_own(driver: Driver) -> None:
    """A map does with it what it does with a file."""
    jobs = Jobs(b="FAILED", c=500)
    endpoint = driver.endpoint(jobs, max_retries=0)
    store: JournalStore = Shelf()
    assert isinstance(store, JournalStore)
    for inputs in ("abc", "cba"):
        results = driver.take(endpoint.map(iter(inputs), journal=store, key=str.upper))
        (uncertain,) = (result.error for result in results if result.key == "C")
        assert isinstance(uncertain, SubmissionUncertainError)
        assert {"a", "JobFailedError"} < set(outcomes(results))
    assert sorted(jobs.submitted) == ["a", "b", "c"]
    with Journal(store) as journal:
        assert repr(journal) == "Journal('shelf')"
        (entry,) = journal.uncertain()
        assert (entry.key, entry.attempts) == ("C", 1)
        journal.resolve(entry, "resubmit")
    jobs.becomes.clear()
    results = driver.take(endpoint.map(iter("abc"), journal=store, key=str.upper))
    assert outcomes(results) == ["a", "JobFailedError", "c"]
    assert store.counts() == {JournalStatus.SUCCEEDED: 2, JournalStatus.FAILED: 1}


def test_each_row_is_written_before_what_depends_on_it(driver: Driver) -> None:
    """The intent comes before the request, and the result before it is yielded."""
    store = Shelf()
    jobs = Jobs()

    def at_request(request: Any) -> Any:
        if request.url.path.endswith("/run"):
            assert [row.status for row in store.rows.values()] == ["uncertain"]
        return jobs(request)

    results = driver.endpoint(at_request).map(["a"], journal=store)
    driver.next(results)
    assert [(row.status, row.job_id) for row in store.rows.values()] == [("succeeded", "job-a")]
    driver.take(results)
    assert store.opens == 0, "it is closed once"


def test_a_store_that_was_taken_over(driver: Driver) -> None:
    """Nothing more is sent, and no job of the new owner is cancelled."""
    store = Shelf()
    jobs = Jobs()
    paths: list[str] = []

    def noted(request: Any) -> Any:
        paths.append(request.url.path)
        response = jobs(request)
        store.taken_over = jobs.submitted[-1] == "b"
        return response

    results = driver.endpoint(noted).map(
        list("abcd"), journal=store, concurrency=1, on_leave="cancel", ordered=False
    )
    with pytest.raises(JournalError, match="taken over"):
        driver.take(results)
    assert jobs.submitted == ["a", "b"]
    assert "/cancel/" not in "".join(paths)


class Waiting(Shelf):
    """A store that looks for an input only when its job has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.has_ended = threading.Event()

    def find(self, column: str, values: Sequence[int | str]) -> list[JournalRow]:
        if column != "status":
            self.has_ended.wait(2)
        return super().find(column, values)

    def write(self, rows: Sequence[JournalRow]) -> None:
        super().write(rows)
        if any(row.status == "succeeded" for row in rows):
            self.has_ended.set()


def test_a_changed_input_whose_job_ends_meanwhile(driver: Driver) -> None:
    """The result of the earlier input is not that of the changed one, now or later."""
    jobs = Jobs(a="IN_PROGRESS")
    endpoint = driver.endpoint(jobs)
    store = Waiting()
    driver.call(lambda: endpoint.journaled(store).submit(["a"], key=lambda _: 1))
    jobs.becomes.clear()
    for _ in range(2):
        with pytest.raises(JournalError, match="the input with key 1 differs"):
            driver.take(endpoint.map(["b"], journal=store, key=lambda _: 1))
    assert jobs.submitted == ["a"]


class Slow(Shelf):
    """A store that takes its time to write a result, and sees what is done with it meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun, self.disturbed = threading.Event(), threading.Event()
        self._is_writing = False

    def write(self, rows: Sequence[JournalRow]) -> None:
        self._check_alone()
        if any(row.key == '"b"' and row.status == "succeeded" for row in rows):
            self._is_writing = True
            self.has_begun.set()
            self.disturbed.wait(0.05)
            self._is_writing = False
        super().write(rows)

    def close(self) -> None:
        self._check_alone()
        super().close()

    def _check_alone(self) -> None:
        if self._is_writing:
            self.disturbed.set()


def test_leaving_during_a_commit(driver: Driver) -> None:
    """The store is neither written to nor closed before the commit has ended."""
    store = Slow()
    endpoint = driver.endpoint(Jobs())
    results = endpoint.map(["a", "b"], journal=store, key=str, concurrency=1, ordered=False)
    driver.next(results)
    assert store.has_begun.wait(10)
    driver.call(lambda: driver.close(results))
    assert not store.disturbed.is_set()
    assert store.counts() == {JournalStatus.SUCCEEDED: 2}


class Held(Shelf):
    """A store that takes its time to write the result of input 1."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def write(self, rows: Sequence[JournalRow]) -> None:
        if any((row.number, row.status) == (1, "succeeded") for row in rows):
            assert self.goes_on.wait(10)
        super().write(rows)


def test_an_id_that_arrives_during_a_commit() -> None:
    """It is in the journal although the map is left before the next commit."""
    store = Held()
    service = Service([Story(latency=0.0, lasts=0.0), Story(lasts=0.05), Story(latency=0.3)])

    async def main() -> None:
        results = service.endpoint().map(range(3), journal=store, concurrency=2, ordered=False)
        await anext(results)
        while 2 not in service.born:  # noqa: ASYNC110 - the service knows no event
            await anyio.sleep(0.01)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(results.aclose)
            await anyio.sleep(0.05)
            store.goes_on.set()

    anyio.run(main)
    assert (store.rows[2].status, store.rows[2].job_id) == ("running", "job-2")


def test_an_old_entry(driver: Driver) -> None:
    """A decision is about the input as the journal has it now, not as the entry was read."""
    jobs = Jobs(a="FAILED")
    endpoint = driver.endpoint(jobs)
    store = Shelf()
    driver.take(endpoint.map(["a"], journal=store))
    with Journal(store) as journal:
        failed = journal.failed()
        assert journal.resolve_all(failed, "resubmit") == 1
        jobs.becomes.clear()
        driver.take(endpoint.map(["a"], journal=journal))
        with pytest.raises(ValueError, match="input 0 needs no decision: job job-a is succeeded"):
            journal.resolve_all(failed, "resubmit")
        with Journal(Shelf()) as other, pytest.raises(ValueError, match="input 0 is not in shelf"):
            other.resolve_all(failed, "skip")
        assert outcomes(driver.take(endpoint.map(["a"], journal=journal))) == ["a"]
    assert jobs.submitted == ["a", "a"]


def test_waiting_for_a_store(driver: Driver) -> None:
    """It is asked again for as long as it says, and no longer."""
    endpoint = driver.endpoint(Jobs())
    for wait in (30.0, None):
        store = Shelf(wait)
        store.in_use = 1
        assert outcomes(driver.take(endpoint.map(["a"], journal=store))) == ["a"]
    store = Shelf(30.0)
    store.in_use = 1
    Journal(store).close()
    store = Shelf(30.0)
    store.in_use = 1_000
    with pytest.raises(JournalError, match="in use"):
        driver.take(endpoint.map(["a"], journal=store, timeout=0.3))
    assert store.opens < 20
    for use in (Journal, lambda store: driver.take(endpoint.map(["a"], journal=store))):
        store = Shelf()
        store.in_use = 1
        with pytest.raises(JournalError) as caught:
            use(store)
        assert caught.value.in_use
        assert store.opens == 1


def test_an_uncertain_input_is_told_by_each_store(driver: Driver) -> None:
    jobs = Jobs(a=500)
    store = Shelf()
    (result,) = driver.take(driver.endpoint(jobs, max_retries=0).map(["a"], journal=store))
    assert isinstance(result.error, SubmissionUncertainError)
    assert store.counts() == {"uncertain": 1}


@pytest.mark.skipif(find_spec("psycopg") is not None, reason="psycopg is installed")
def test_without_psycopg() -> None:
    from runpod_sdk.journal_postgres import PostgresStore

    with pytest.raises(ConfigurationError, match=r"runpod_sdk\[postgres\]"):
        PostgresStore("run", "postgresql://user:secret@127.0.0.1/db")


def test_what_was_refused_can_be_shown() -> None:
    """Tracebacks show local variables, also of an object whose argument was refused."""
    for wrong in ("s3://bucket/key", "/no/such/directory/run.sqlite"):
        with pytest.raises((ValueError, JournalError)) as caught:
            Journal(wrong)
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert "Journal(" in "".join(shown.format())
