"""`map` with keys: a journal knows inputs by them, in whatever order they come."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import Journal, JournalError, JournalStatus
from tests.facade.clients import MODES, Driver
from tests.facade.clients import driver as make_driver
from tests.hypothesis_profiles import at_most
from tests.map.service import Service, Story
from tests.map.test_journal import Jobs, outcomes


@pytest.fixture(scope="module", params=MODES)
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with make_driver(request.param) as driver:
        yield driver


def key(value: Any) -> Any:
    return value if isinstance(value, str) else value["id"]


def test_another_order_resumes(driver: Driver, tmp_path: Path) -> None:
    """Inputs come in another order, with others between them, and only the new ones are sent."""
    jobs = Jobs(c="FAILED")
    endpoint = driver.endpoint(jobs)
    path = tmp_path / "run.sqlite"
    first = driver.take(endpoint.map(list("abc"), journal=path, key=str.upper))
    assert [(result.index, result.key) for result in first] == [(0, "A"), (1, "B"), (2, "C")]
    again = driver.take(endpoint.map(iter("xcbya"), journal=path, key=str.upper))
    assert outcomes(again) == ["x", "JobFailedError", "b", "y", "a"]
    assert [(result.index, result.key) for result in again] == list(enumerate("XCBYA"))
    assert (again[1].error.index, again[1].error.key) == (1, "C")
    assert sorted(jobs.submitted) == list("abcxy")
    assert outcomes(driver.take(endpoint.map(["b"], journal=path, key=str.upper))) == ["b"]
    with Journal(path) as journal:
        assert sorted(str(entry.key) for entry in journal.entries()) == list("ABCXY")
        assert journal.entry(key="Y").job_id == "job-y"


def test_running_jobs_are_found_by_their_keys(driver: Driver, tmp_path: Path) -> None:
    """Jobs that were left are waited for first, and yielded where their inputs come now."""
    jobs = Jobs(b="IN_PROGRESS", c="IN_PROGRESS")
    endpoint = driver.endpoint(jobs)
    path = tmp_path / "run.sqlite"
    driver.call(lambda: endpoint.journaled(path).submit(list("abc"), key=key))
    jobs.becomes.update(b="COMPLETED", c="FAILED")
    results = driver.take(endpoint.map(list("ncb"), journal=path, key=key, concurrency=1))
    assert outcomes(results) == ["n", "JobFailedError", "b"]
    assert (results[1].error.index, results[1].error.key) == (1, "c")
    assert sorted(jobs.asked[:3]) == ["job-a", "job-b", "job-c"]
    assert jobs.asked[3:] == ["job-n"]
    assert sorted(jobs.submitted) == ["a", "b", "c", "n"]


def test_updates_of_running_jobs(driver: Driver, tmp_path: Path) -> None:
    """They have the index that the input has now; what was seen before it was read is not lost."""
    jobs = Jobs(a="IN_PROGRESS", b="IN_PROGRESS")
    endpoint = driver.endpoint(jobs)
    path = tmp_path / "run.sqlite"
    driver.call(lambda: endpoint.journaled(path).submit(list("ab"), key=key))
    jobs.becomes.clear()
    seen: list[tuple[int, str]] = []
    results = endpoint.map(
        iter("nba"),
        journal=path,
        key=key,
        concurrency=1,  # both jobs have ended before their inputs are read
        on_update=lambda index, state: seen.append((index, state.id)),
    )
    assert outcomes(driver.take(results)) == ["n", "b", "a"]
    assert set(seen) == {(0, "job-n"), (1, "job-b"), (2, "job-a")}


def test_an_input_that_is_left_out(driver: Driver, tmp_path: Path) -> None:
    """Its job is not lost: a later map that has the input yields the result."""
    jobs = Jobs(a="IN_PROGRESS", z="IN_PROGRESS")
    endpoint = driver.endpoint(jobs)
    path = tmp_path / "run.sqlite"
    driver.call(lambda: endpoint.journaled(path).submit(["a"], key=key))

    def leave(index: int, state: Any) -> None:
        raise KeyError(index)

    results = endpoint.map(["z"], journal=path, key=key, on_update=leave)
    with pytest.raises(KeyError) as caught:
        driver.take(results)
    assert results.in_flight == {0: "job-z"}
    assert any("job-z (input 0)" in note for note in caught.value.__notes__)
    jobs.becomes.clear()
    assert outcomes(driver.take(endpoint.map(["z", "a"], journal=path, key=key))) == ["z", "a"]
    assert jobs.submitted == ["a", "z"]


DOUBLED = [{"id": 1}, {"id": 2}, {"id": 1}]


@pytest.mark.parametrize("kind", [list, tuple, iter], ids=["list", "tuple", "iterator"])
@pytest.mark.parametrize("journaled", [True, False], ids=["journal", "no journal"])
def test_a_key_of_two_inputs(driver: Driver, tmp_path: Path, kind: Any, journaled: bool) -> None:
    """It is an error before anything is sent, or before that input is, if they are read once."""
    jobs = Jobs()
    endpoint = driver.endpoint(jobs)
    journal = tmp_path / "run.sqlite" if journaled else None
    with pytest.raises(ValueError, match="inputs 0 and 2 have the same key 1: keys must be") as err:
        driver.take(endpoint.map(kind(DOUBLED), key=key, journal=journal))
    assert "input 2 of the map" in err.value.__notes__
    # Inputs that are read with the key that comes again are not sent; on a slow machine, those
    # before it may be read earlier.
    sent = [[], DOUBLED[:1], DOUBLED[:2], DOUBLED[1::-1]] if kind is iter else [[]]
    assert jobs.submitted in sent


def test_a_key_that_comes_again_late(driver: Driver, tmp_path: Path) -> None:
    """The input is not sent, and what was sent before is in the journal."""
    jobs = Jobs()
    endpoint = driver.endpoint(jobs)
    path = tmp_path / "run.sqlite"
    letters = iter([*"abcdefgh", "a", "i"])
    with pytest.raises(ValueError, match="inputs 0 and 8 have the same key 'a'"):
        driver.take(endpoint.map(letters, key=key, journal=path, concurrency=1))
    assert jobs.submitted.count("a") == 1
    assert "i" not in jobs.submitted


class Color(StrEnum):
    RED = "red"


WRONG = [None, 1.5, True, b"x", ("a", 1), ["a"]]


@pytest.mark.parametrize("value", WRONG, ids=str)
def test_what_is_no_key(driver: Driver, value: Any) -> None:
    """It is refused before anything is sent, and the message names its type."""
    jobs = Jobs()
    for inputs in (["a", "b"], iter(["a", "b"])):
        name = type(value).__name__
        with pytest.raises(TypeError, match=f"key must return a str or an int, not {name}") as err:
            driver.take(driver.endpoint(jobs).map(inputs, key=lambda _: value))
        assert "input 0 of the map" in err.value.__notes__
    with pytest.raises(TypeError, match="key must be a function, not 'id'"):
        driver.endpoint(jobs).map(["a"], key="id")
    for bad, words in {"x" * 513: "at most 512", "\ud800": "surrogate", 10**512: "at most"}.items():
        with pytest.raises(ValueError, match=words):
            driver.endpoint(jobs).map(["a"], key=lambda _, bad=bad: bad)
    assert jobs.submitted == []


def test_a_function_that_fails(driver: Driver) -> None:
    """Its exception ends the map, and says at which input."""
    jobs = Jobs()
    for inputs in ([{"id": 1}, {}], iter([{"id": 1}, {}])):
        with pytest.raises(KeyError) as caught:
            driver.take(driver.endpoint(jobs).map(inputs, key=key))
        assert "input 1 of the map" in caught.value.__notes__
    assert {} not in jobs.submitted


KEYS = ["1", 1, "", "a\0b", "\x1f", "ключ 🔑", "a" * 512, -(2**70), 10**511, Color.RED, '"', "null"]


def test_keys_of_every_kind(driver: Driver, tmp_path: Path) -> None:
    """They come back as they were, and a string never means a number."""
    jobs = Jobs()
    endpoint = driver.endpoint(jobs)
    path = tmp_path / "run.sqlite"
    inputs = list(range(len(KEYS)))
    driver.take(endpoint.map(inputs, journal=path, key=KEYS.__getitem__))
    results = driver.take(endpoint.map(inputs[::-1], journal=path, key=KEYS.__getitem__))
    assert [result.key for result in results] == KEYS[::-1]
    assert sorted(jobs.submitted) == inputs
    with Journal(path) as journal:
        for number, entry in enumerate(journal.entries()):
            assert entry.index == number
            assert type(entry.key) in (str, int)
            assert journal.entry(key=entry.key) == entry == journal.entry(number)
        assert {entry.key for entry in journal.entries()} == set(KEYS)
        with pytest.raises(ValueError, match="the key 'no' is not in"):
            journal.entry(key="no")
        for wrong in ({}, {"index": 0, "key": "1"}):
            with pytest.raises(TypeError, match="either the index or the key"):
                journal.entry(**wrong)  # type: ignore[arg-type]


def test_a_changed_input(driver: Driver, tmp_path: Path) -> None:
    """Under the same key it is refused before it is sent, unless no job of it exists."""
    jobs = Jobs(bad="FAILED", no=400)
    endpoint = driver.endpoint(jobs, max_retries=0)
    path = tmp_path / "run.sqlite"
    keys = {"a": 1, "A": 1, "bad": 2, "good": 2, "no": 3, "yes": 3, "new": 4}

    def take(*inputs: str) -> list[Any]:
        return outcomes(driver.take(endpoint.map(iter(inputs), journal=path, key=keys.get)))

    assert take("a", "bad", "no") == ["a", "JobFailedError", "BadRequestError"]
    sent = list(jobs.submitted)
    for changed in ("A", "good"):
        words = r"input with key [12] differs from the input that .*run.sqlite recorded for this"
        with pytest.raises(JournalError, match=words):
            take(changed, "new")
    assert jobs.submitted == sent
    with Journal(path) as journal:
        journal.resolve(journal.entry(key=2), "resubmit")
    assert take("yes", "good") == ["yes", "good"]
    with Journal(path) as journal:
        attempts = {entry.key: entry.attempts for entry in journal.entries()}
        assert attempts == {1: 1, 2: 2, 3: 2}
    assert take("good", "yes", "a") == ["good", "yes", "a"]


def test_with_and_without_keys(driver: Driver, tmp_path: Path) -> None:
    """A journal that was begun in one way is not continued in the other."""
    jobs = Jobs()
    endpoint = driver.endpoint(jobs)
    for begin, other, words in (
        ({}, {"key": key}, "was begun without key, and this map has a key"),
        ({"key": key}, {}, "was begun with key, and this map has no key"),
    ):
        path = tmp_path / str(bool(begin))
        driver.take(endpoint.map(["a"], journal=path, **begin))
        with pytest.raises(JournalError, match=words):
            driver.take(endpoint.map(["a", "b"], journal=path, **other))
    assert jobs.submitted == ["a", "a"]


def test_what_messages_call_an_input(driver: Driver, tmp_path: Path) -> None:
    jobs = Jobs(a=500)
    endpoint = driver.endpoint(jobs, max_retries=0)
    path = tmp_path / "run.sqlite"
    driver.take(endpoint.map(["a"], journal=path, key=key))
    (result,) = driver.take(endpoint.map(["a"], journal=path, key=key))
    assert "the input with key 'a' may have been enqueued" in str(result.error)
    with Journal(path) as journal:
        journal.resolve(journal.uncertain()[0], "skip")
    (result,) = driver.take(endpoint.map(["a"], journal=path, key=key))
    assert "the input with key 'a' is skipped" in str(result.error)


OLDER = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE inputs (id INTEGER PRIMARY KEY, digest BLOB NOT NULL, status TEXT NOT NULL,
    job_id TEXT, since REAL NOT NULL, result TEXT);
CREATE INDEX unfinished ON inputs (status, since) WHERE status <> 'succeeded';
INSERT INTO meta VALUES ('endpoint', 'ep');
PRAGMA application_id = 0x52504A31;
"""


def test_a_journal_of_an_earlier_version(driver: Driver, tmp_path: Path) -> None:
    """It is continued by position, and refuses keys."""
    jobs = Jobs(b="FAILED")
    endpoint = driver.endpoint(jobs)
    new, old = tmp_path / "new.sqlite", tmp_path / "old.sqlite"
    driver.take(endpoint.map(["a", "b"], journal=new))
    with sqlite3.connect(new) as file:
        rows = file.execute("SELECT id, digest, status, job_id, since, result FROM inputs")
        kept = rows.fetchall()
    file.close()
    with sqlite3.connect(old) as file:
        file.executescript(OLDER)
        file.executemany("INSERT INTO inputs VALUES (?, ?, ?, ?, ?, ?)", kept)
    file.close()
    with pytest.raises(JournalError, match="was begun without key"):
        driver.take(endpoint.map(["a"], journal=old, key=key))
    results = driver.take(endpoint.map(["a", "b", "c"], journal=old))
    assert outcomes(results) == ["a", "JobFailedError", "c"]
    assert sorted(jobs.submitted) == ["a", "b", "c"]
    with Journal(old) as journal:
        assert [entry.attempts for entry in journal.entries()] == [1, 1, 1]


async def stream(numbers: list[int]) -> AsyncIterator[int]:
    for number in numbers:
        yield number


runs = st.lists(
    st.tuples(
        st.permutations(range(8)),
        st.integers(0, 8),
        st.integers(0, 9),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["detach", "cancel"]),
    ),
    max_size=4,
)


@at_most(15)
@given(runs)
def test_whatever_the_order(tmp_path_factory: pytest.TempPathFactory, runs: list[Any]) -> None:
    """Over many maps of some of the inputs, each input is one job, and each result its own."""
    path = tmp_path_factory.mktemp("keys") / "run.sqlite"
    service = Service([Story(latency=0.0, lasts=0.002 * (n % 3)) for n in range(8)])

    async def live(inputs: Any, taken: int, ordered: bool, on_leave: str) -> None:
        options: dict[str, Any] = {"ordered": ordered, "on_leave": on_leave, "concurrency": 3}
        endpoint = service.endpoint(max_retries=0)
        async with endpoint.map(inputs, journal=path, key=lambda n: f"k{n}", **options) as results:
            async for result in results:
                assert result.key == f"k{result.input}"
                if result.input not in service.cancelled:  # there, a second job is cancelled too
                    assert result.output == result.input**2
                taken -= 1
                if taken < 0:
                    break

    for order, count, taken, ordered, awaited, on_leave in runs:
        chosen = list(order)[:count]
        anyio.run(live, stream(chosen) if awaited else iter(chosen), taken, ordered, on_leave)
    anyio.run(live, list(range(8)), 9, True, "detach")
    again = Counter(service.cancelled.keys())
    for number in range(8):
        assert 1 <= service.taken[number] <= 1 + len(runs) * again[number]
    with Journal(path) as journal:
        failed = {entry.key for entry in journal.failed()}
        assert failed <= {f"k{number}" for number in service.cancelled}
        assert journal.counts.get(JournalStatus.SUCCEEDED, 0) == 8 - len(failed)


def test_an_uncertain_input_of_another_order(driver: Driver, tmp_path: Path) -> None:
    """It is not sent again, wherever it comes."""
    jobs = Jobs(b=httpx.ReadError("reset"))
    endpoint = driver.endpoint(jobs, max_retries=0)
    path = tmp_path / "run.sqlite"
    for inputs in ("abc", "cba", "bx"):
        results = driver.take(endpoint.map(iter(inputs), journal=path, key=key))
        at = inputs.index("b")
        assert type(results[at].error).__name__ == "SubmissionUncertainError"
    assert jobs.submitted.count("b") == 1
