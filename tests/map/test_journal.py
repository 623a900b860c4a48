"""A `map` with a journal: it resumes, and never sends anything twice."""

from __future__ import annotations

import json
import math
import socket
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from enum import StrEnum
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import (
    AsyncRunpod,
    Endpoint,
    Journal,
    JournalError,
    JournalStatus,
    NotFoundError,
    Runpod,
    S3Config,
    SubmissionUncertainError,
)
from runpod_sdk.local import LocalEndpoint
from tests.facade.clients import KEY, MODES, Driver
from tests.facade.clients import driver as make_driver
from tests.hypothesis_profiles import at_most
from tests.map.service import UNCERTAIN, Fate, Service, Story

SECRET = "s3-CANARY-secret"


@pytest.fixture(scope="module", params=MODES)
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with make_driver(request.param) as driver:
        yield driver


class Jobs:
    """A service whose jobs end at once, with the given answer for each input."""

    def __init__(self, **becomes: Any) -> None:
        self.becomes = becomes
        """By input: a status, a function that returns it, or the answer to its submission."""
        self.submitted: list[Any] = []
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        _, _, _, what, *rest = request.url.path.split("/")
        if what == "run":
            value = json.loads(request.content)["input"]
            self.submitted.append(value)
            told = self.becomes.get(str(value))
            if isinstance(told, Exception):
                raise told
            if isinstance(told, int):
                return httpx.Response(told, json={"detail": "no"})
            id = f"job-{value}" if str(value).isalnum() else f"job-{len(self.submitted)}"
            return httpx.Response(200, json={"id": id, "status": "IN_QUEUE"})
        self.asked.append(rest[0])
        value = rest[0].removeprefix("job-")
        told = self.becomes.get(value, "COMPLETED")
        told = told() if callable(told) else told
        if told == 404:
            return httpx.Response(404, json={"detail": "job not found"})
        state = {"id": rest[0], "status": told, "output": {"of": value}, "error": "e"}
        return httpx.Response(200, json=state)


def leave_running(driver: Driver, jobs: Jobs, inputs: str, journal: Path) -> Any:
    """Run a map of *inputs* and "z", and leave it when it waits for each but for "z"."""
    waits = {f"job-{input}" for input in inputs}
    jobs.becomes = dict.fromkeys(inputs, "IN_PROGRESS")
    jobs.becomes["z"] = lambda: "COMPLETED" if waits <= {*jobs.asked} else "IN_PROGRESS"
    results = driver.endpoint(jobs).map([*inputs, "z"], journal=journal, ordered=False)
    assert driver.next(results).input == "z"
    driver.call(lambda: driver.close(results))
    assert results.in_flight == {n: f"job-{input}" for n, input in enumerate(inputs)}


def outcomes(results: list[Any]) -> list[Any]:
    """Say of each result its output, or the name of its error."""
    return [
        type(result.error).__name__ if result.error else result.output["of"] for result in results
    ]


def test_what_has_ended_is_not_asked_for_again(driver: Driver, tmp_path: Path) -> None:
    """A second run hands out the same results, and sends nothing."""
    jobs = Jobs(b="FAILED")
    endpoint = driver.endpoint(jobs, max_retries=0)
    journal = tmp_path / "run.sqlite"
    first = driver.take(endpoint.map(list("abc"), journal=journal))
    assert outcomes(first) == ["a", "JobFailedError", "c"]
    asked = len(jobs.asked) + len(jobs.submitted)
    again = driver.take(endpoint.map(iter("abc"), journal=str(journal), ordered=False))
    assert outcomes(again) == ["a", "JobFailedError", "c"]
    assert [result.state for result in again] == [result.state for result in first]
    assert [result.state.to_dict() for result in again] == [r.state.to_dict() for r in first]
    assert [result.job_id for result in again] == ["job-a", "job-b", "job-c"]
    assert len(jobs.asked) + len(jobs.submitted) == asked
    with Journal(journal) as kept:
        assert kept.counts == {JournalStatus.SUCCEEDED: 2, JournalStatus.FAILED: 1}
        assert [entry.index for entry in kept.failed()] == [1]


def test_a_job_that_runs_is_waited_for_again(driver: Driver, tmp_path: Path) -> None:
    """A job that was left is taken up by its id, and not submitted again."""
    jobs = Jobs()
    journal = tmp_path / "run.sqlite"
    leave_running(driver, jobs, "a", journal)
    jobs.becomes.clear()
    results = driver.take(driver.endpoint(jobs).map(["a", "z", "c"], journal=journal))
    assert outcomes(results) == ["a", "z", "c"]
    assert sorted(jobs.submitted) == ["a", "c", "z"]


@pytest.mark.parametrize("fate", [500, httpx.ReadError("reset")], ids=["500", "a reset"])
def test_what_is_uncertain_is_for_you_to_decide(driver: Driver, tmp_path: Path, fate: Any) -> None:
    """It is an error in each run, and is submitted again only if you decide so."""
    jobs = Jobs(b=fate)
    endpoint = driver.endpoint(jobs, max_retries=0)
    journal = tmp_path / "run.sqlite"
    for _ in range(2):
        results = driver.take(endpoint.map(list("abc"), journal=journal))
        assert isinstance(results[1].error, SubmissionUncertainError)
        assert results[1].error.index == 1
        assert jobs.submitted.count("b") == 1
    assert "Journal.resolve" in str(results[1].error)
    with Journal(journal) as kept:
        (entry,) = kept.uncertain()
        assert (entry.index, entry.job_id) == (1, None)
        kept.resolve(1, "resubmit")
        assert kept.uncertain() == []
    jobs.becomes.clear()
    assert outcomes(driver.take(endpoint.map(list("abc"), journal=journal))) == ["a", "b", "c"]
    assert jobs.submitted.count("b") == 2


def test_other_decisions(driver: Driver, tmp_path: Path) -> None:
    """An uncertain input can be left out, or be given the job that you found."""
    jobs = Jobs(a=500, b=500)
    endpoint = driver.endpoint(jobs, max_retries=0)
    with Journal(tmp_path / "run.sqlite") as journal:
        driver.take(endpoint.map(list("abc"), journal=journal))
        journal.resolve(0, "skip")
        journal.resolve(1, "job-found")
        results = driver.take(endpoint.map(list("abc"), journal=journal))
        assert outcomes(results) == ["JournalError", "found", "c"]
        assert "skipped" in str(results[0].error)
        assert journal.counts == {JournalStatus.SUCCEEDED: 2, JournalStatus.SKIPPED: 1}
        for index, words in {1: "needs no decision", 9: "not in"}.items():
            with pytest.raises(ValueError, match=words):
                journal.resolve(index, "resubmit")
        with pytest.raises(ValueError, match="decision"):
            journal.resolve(0, " ")
        journal.resolve(0, "resubmit")
        jobs.becomes.clear()
        assert outcomes(driver.take(endpoint.map(list("abc"), journal=journal)))[0] == "a"
    assert jobs.submitted.count("a") == 2


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("FAILED", "JobFailedError"),
        ("CANCELLED", "JobCancelledError"),  # by somebody else
        ("TIMED_OUT", "JobTimedOutError"),
    ],
)
def test_a_failed_job_runs_again_only_if_you_say_so(
    driver: Driver, tmp_path: Path, status: str, error: str
) -> None:
    """A failed input stays failed; after `resolve`, it is another job."""
    jobs = Jobs(a=status)
    endpoint = driver.endpoint(jobs)
    with Journal(tmp_path / "run.sqlite") as journal:
        for _ in range(2):
            results = driver.take(endpoint.map(["a"], journal=journal))
            assert outcomes(results) == [error]
        for entry in journal.failed():
            assert entry.result is not None
            assert entry.result["error"] == "e"
            journal.resolve(entry.index, "resubmit")
        jobs.becomes.clear()
        assert outcomes(driver.take(endpoint.map(["a"], journal=journal))) == ["a"]
    assert jobs.submitted == ["a", "a"]


def test_what_was_surely_not_taken_is_sent_the_next_time(driver: Driver, tmp_path: Path) -> None:
    """A refusal is an error now; the next run tries again, as nothing was bought."""
    jobs = Jobs(a=401, b=httpx.ConnectError("refused"))
    endpoint = driver.endpoint(jobs, max_retries=0)
    journal = tmp_path / "run.sqlite"
    results = driver.take(endpoint.map(list("ab"), journal=journal))
    assert outcomes(results) == ["AuthenticationError", "APIConnectionError"]
    with Journal(journal) as kept:
        assert kept.counts == {JournalStatus.OPEN: 2}
    jobs.becomes.clear()
    assert outcomes(driver.take(endpoint.map(list("ab"), journal=journal))) == ["a", "b"]


def test_a_result_that_expired(driver: Driver, tmp_path: Path) -> None:
    """A job that the server no longer knows is an error in each run, and is not run again."""
    jobs = Jobs()
    endpoint = driver.endpoint(jobs)
    journal = tmp_path / "run.sqlite"
    leave_running(driver, jobs, "a", journal)
    with sqlite3.connect(journal) as file:  # long ago: of a job of just now a 404 is not final
        file.execute("UPDATE inputs SET since = since - 60")
    file.close()
    jobs.becomes["a"] = 404
    for _ in range(2):
        (result,) = driver.take(endpoint.map(["a"], journal=journal))
        assert isinstance(result.error, NotFoundError)
        assert result.job_id == "job-a"
    assert sorted(jobs.submitted) == ["a", "z"]
    with Journal(journal) as kept:
        (entry,) = kept.failed()
        assert (entry.status, entry.job_id) == (JournalStatus.EXPIRED, "job-a")
        kept.resolve(0, "resubmit")
    jobs.becomes.clear()
    assert outcomes(driver.take(endpoint.map(["a"], journal=journal))) == ["a"]


def test_a_job_that_not_every_server_knows_yet(driver: Driver, tmp_path: Path) -> None:
    """A batch that is restarted at once does not take a new job for an expired one."""
    path = tmp_path / "run.sqlite"
    jobs = Jobs(a="IN_PROGRESS")
    results = driver.endpoint(jobs).map(["a", "b"], journal=path, ordered=False)
    assert driver.next(results).output["of"] == "b"
    driver.call(lambda: driver.close(results))
    with Journal(path) as kept:
        assert kept.counts == {JournalStatus.SUCCEEDED: 1, JournalStatus.RUNNING: 1}
    unknown = 3

    def not_yet(request: httpx.Request) -> httpx.Response:
        nonlocal unknown
        unknown -= 1
        if unknown > 0:
            return httpx.Response(404, json={"detail": "job not found"})
        return jobs(request)

    jobs.becomes.clear()
    assert outcomes(driver.take(driver.endpoint(not_yet).map(["a", "b"], journal=path))) == [
        "a",
        "b",
    ]
    assert sorted(jobs.submitted) == ["a", "b"]
    with Journal(path) as kept:
        assert kept.counts == {JournalStatus.SUCCEEDED: 2}


SURELY_NOT_SENT = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("no SYN-ACK"),
    httpx.PoolTimeout("no connection is free"),
    httpx.ProxyError("407"),
    *(400, 401, 402, 403, 404, 409, 413, 422, 429, 503),
]
PERHAPS_SENT = [
    httpx.ReadError("reset"),
    httpx.ReadTimeout("no answer"),
    httpx.RemoteProtocolError("closed without an answer"),
    *(500, 502, 504, 524),
]


@pytest.mark.parametrize("driver", ["sync", "asyncio jumping", "trio jumping"], indirect=True)
def test_what_each_failure_leaves(driver: Driver, tmp_path: Path) -> None:
    """
    If an input was certainly not sent, it is `open`: its error is not `SubmissionUncertainError`.

    A 429 is tried only where the clock jumps: a map submits again for ten minutes.
    """
    surely = [fate for fate in SURELY_NOT_SENT if driver.is_async or fate != 429]
    names = {f"{n}": fate for n, fate in enumerate([*surely, *PERHAPS_SENT])}
    jobs = Jobs(**names)
    path = tmp_path / "run.sqlite"
    endpoint = driver.endpoint(jobs, max_retries=0)
    results = driver.take(endpoint.map(list(names), journal=path))
    uncertain = [isinstance(result.error, SubmissionUncertainError) for result in results]
    assert uncertain == [False] * len(surely) + [True] * len(PERHAPS_SENT)
    with Journal(path) as kept:
        assert [entry.index for entry in kept.uncertain()] == [
            index for index, doubt in enumerate(uncertain) if doubt
        ]
        assert kept.counts[JournalStatus.OPEN] == len(surely)
    jobs.becomes.clear()
    jobs.submitted.clear()
    driver.take(endpoint.map(list(names), journal=path))
    assert sorted(map(int, jobs.submitted)) == list(range(len(surely)))


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "slow"])
def test_a_large_upload_that_fails(tmp_path: Path, cut: bool) -> None:
    """Its last byte was not sent, so there is no job: the next run sends it."""
    path = tmp_path / "run.sqlite"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            connection.recv(1_000)
            connection.close()  # with more to be read: that is a reset

        if cut:
            threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v2"
        with Runpod(KEY, base_url=url, max_retries=0, timeout=60 if cut else 0.2) as client:
            (result,) = client.endpoint("ep").map(["x" * 9_000_000], journal=path)
    assert not isinstance(result.error, SubmissionUncertainError)
    with Journal(path) as kept:
        assert kept.counts == {JournalStatus.OPEN: 1}


def test_the_oldest_jobs_are_waited_for_first(driver: Driver, tmp_path: Path) -> None:
    """The server keeps results for half an hour, so the oldest results are fetched first."""
    path = tmp_path / "run.sqlite"
    letters = "abcdef"
    jobs = Jobs()
    endpoint = driver.endpoint(jobs)
    leave_running(driver, jobs, letters, path)
    with sqlite3.connect(path) as file:
        for age, index in enumerate([3, 0, 5, 1, 2, 4]):
            file.execute("UPDATE inputs SET since = ? WHERE id = ?", (1e9 + age, index))
    file.close()
    jobs.becomes.clear()
    jobs.asked.clear()
    results = driver.take(endpoint.map([*letters, "z", "new"], journal=path, concurrency=1))
    assert outcomes(results) == [*letters, "z", "new"]
    assert jobs.asked == [f"job-{letter}" for letter in "dafbce"] + ["job-new"]
    assert jobs.submitted[-1] == "new"


def test_other_inputs(driver: Driver, tmp_path: Path) -> None:
    """An input that is not what it was is refused, and nothing is sent that comes after it."""
    jobs = Jobs()
    endpoint = driver.endpoint(jobs)
    path = tmp_path / "run.sqlite"
    driver.take(endpoint.map([{"x": 1, "y": 1.0}, "b"], journal=path))
    driver.take(endpoint.map([{"y": 1.0, "x": 1}, "b"], journal=path))
    sent = list(jobs.submitted)
    with pytest.raises(JournalError, match=r"input 1 .*same inputs"):
        driver.take(endpoint.map([{"x": 1, "y": 1.0}, "B", "c", "d"], journal=path))
    assert jobs.submitted == sent


class Size(StrEnum):
    LARGE = "large"


@pytest.mark.parametrize("driver", ["sync"], indirect=True)
def test_how_an_input_is_recognized(driver: Driver, tmp_path: Path) -> None:
    """By the SHA-256 of its JSON with sorted keys, in ASCII, which no version may change."""
    inputs: list[tuple[Any, str]] = [
        ("", '""'),
        ("é \U0001f600 \x7f \x00", r'"\u00e9 \ud83d\ude00 \u007f \u0000"'),
        ("\\ud800", r'"\\ud800"'),
        ({"b": 1.0, "a": [None, True, -0.0, 1e16]}, '{"a":[null,true,-0.0,1e+16],"b":1.0}'),
        ({"\U0001f600": 1, "\uffff": 2, "z": 3}, r'{"z":3,"\uffff":2,"\ud83d\ude00":1}'),
        ([{"b": {"d": 1, "c": 2}, "a": 0}, (1, 2)], '[{"a":0,"b":{"c":2,"d":1}},[1,2]]'),
        ({2: "b", 10: "a"}, '{"10":"a","2":"b"}'),
        ({Size.LARGE: Size.LARGE, "a": date(2026, 1, 2)}, '{"a":"2026-01-02","large":"large"}'),
        (10**300, "1" + "0" * 300),
    ]
    journal = tmp_path / "run.sqlite"
    submitted = driver.endpoint(Jobs()).journaled(journal).submit(one for one, _ in inputs)
    assert submitted.submitted == len(inputs)
    with Journal(journal) as kept:
        digests = [entry.digest.hex() for entry in kept.entries()]
    assert digests == [sha256(text.encode()).hexdigest() for _, text in inputs]
    assert digests[0] == "12ae32cb1ec02d01eda3581b127c1fee3b0dc53572ed6baf239721a03d82e126"


@pytest.mark.parametrize("driver", ["sync"], indirect=True)
@pytest.mark.parametrize("input", ["\ud800", math.nan, {1: 1, "1": 2}], ids=ascii)
def test_an_input_that_is_not_json(driver: Driver, tmp_path: Path, input: Any) -> None:
    """It is refused before the journal says that it may have been sent."""
    jobs, journal = Jobs(), tmp_path / "run.sqlite"
    with pytest.raises((ValueError, TypeError), match="JSON"):
        driver.endpoint(jobs).journaled(journal).submit([input])
    assert jobs.submitted == []
    with Journal(journal) as kept:
        assert kept.counts == {}


@pytest.mark.parametrize("driver", ["sync"], indirect=True)
def test_many_inputs_in_one_commit(driver: Driver, tmp_path: Path) -> None:
    """More than one statement can write, all of them or none."""
    number = 70
    endpoint = driver.endpoint(Jobs(**{str(n): "FAILED" for n in range(number)}))
    journal = tmp_path / "run.sqlite"
    assert len(driver.take(endpoint.map(range(number), concurrency=100, journal=journal))) == number
    with Journal(journal) as kept:
        failed = kept.failed()
        assert kept.resolve_all(failed, "skip") == number
        assert kept.counts == {JournalStatus.SKIPPED: number}
        entries = list(kept.entries())
    assert [entry.index for entry in entries] == list(range(number))
    assert [entry.digest for entry in entries] == [entry.digest for entry in failed]
    assert len({entry.digest for entry in entries}) == number


def test_another_endpoint(driver: Driver, tmp_path: Path) -> None:
    """Ids of one endpoint mean nothing at another."""
    client = driver.endpoint(Jobs()).client
    path = tmp_path / "run.sqlite"
    driver.take(client.endpoint("one").map([1], journal=path))
    with pytest.raises(JournalError, match="to endpoint one, not two: use another file, or delete"):
        driver.take(client.endpoint("two").map([1], journal=path))
    with Journal(path) as journal:  # which the refused map leaves free
        with pytest.raises(JournalError, match="to endpoint one"):
            driver.take(client.endpoint("two").map([1], journal=journal))
        driver.take(client.endpoint("one").map([1], journal=journal))


def test_one_at_a_time(driver: Driver, tmp_path: Path) -> None:
    """A journal that is in use is refused at once: in this process, and in another."""
    endpoint = driver.endpoint(Jobs())
    path = tmp_path / "run.sqlite"
    results = endpoint.map([1, 2, 3], journal=path, concurrency=1)
    driver.next(results)
    with pytest.raises(JournalError, match="in use"):
        driver.take(endpoint.map([1, 2, 3], journal=path))
    code = f"from runpod_sdk import Journal; Journal({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "is in use by another map" in done.stderr
    driver.take(results)
    with Journal(path) as journal:
        results = endpoint.map([1, 2, 3, 4], journal=journal)
        driver.next(results)
        with pytest.raises(JournalError, match="another map"):
            driver.take(endpoint.map([1], journal=journal))
        for decide in (partial(journal.resolve, 3), partial(journal.resolve_all, ())):
            with pytest.raises(JournalError, match="after the map has ended") as caught:
                decide("skip")
            assert caught.value.in_use
        driver.take(results)
        assert journal.counts == {JournalStatus.SUCCEEDED: 4}


def test_one_of_two_at_once(tmp_path: Path) -> None:
    """Of two threads that begin at the same time with one journal, one gets it."""
    meeting = threading.Barrier(2)

    def take(endpoint: Endpoint, journal: Journal) -> str:
        meeting.wait(60)
        with endpoint.map([1, 2], journal=journal) as results:
            try:
                next(results)
                return "has it"
            except JournalError as error:
                return str(error)
            finally:
                meeting.wait(60)

    with (
        LocalEndpoint(lambda job: job["input"]) as local,
        local.client() as client,
        ThreadPoolExecutor(2) as threads,
    ):
        endpoint = client.endpoint(local.endpoint_id)
        for attempt in range(5):
            path = str(tmp_path / str(attempt))
            with Journal(path) as journal:
                ends = threads.map(take, [endpoint] * 2, [journal] * 2)
                assert set(ends) == {"has it", f"{path} is in use by another map"}


def test_cancelled_on_leaving(driver: Driver, tmp_path: Path) -> None:
    """An input whose job was cancelled on leaving is submitted in the next run."""
    jobs = Jobs(b="IN_PROGRESS")
    endpoint = driver.endpoint(jobs)
    path = tmp_path / "run.sqlite"
    results = endpoint.map(["a", "b"], journal=path, on_leave="cancel")
    driver.next(results)
    jobs.becomes["b"] = "CANCELLED"
    driver.call(lambda: driver.close(results))
    assert results.in_flight == {}
    with Journal(path) as kept:
        assert kept.counts == {JournalStatus.SUCCEEDED: 1, JournalStatus.OPEN: 1}
    jobs.becomes.clear()
    assert outcomes(driver.take(endpoint.map(["a", "b"], journal=path))) == ["a", "b"]


def test_nothing_secret_is_written(driver: Driver, tmp_path: Path) -> None:
    """Neither the key, nor an S3 secret, nor an input is in the file."""
    config = S3Config(
        access_id="id", access_secret=SECRET, bucket_name="b", endpoint_url="https://s3.test"
    )
    endpoint = driver.endpoint(Jobs(x=500), max_retries=0)
    path = tmp_path / "run.sqlite"
    results = endpoint.map(["x", "CANARY-input"], journal=path, s3_config=config)
    written = b""
    for _ in range(2):
        driver.next(results)
        written += b"".join(file.read_bytes() for file in tmp_path.iterdir())
    driver.take(results)
    written += path.read_bytes()
    assert len(list(tmp_path.iterdir())) == 1
    for secret in (KEY, SECRET):
        assert secret.encode() not in written


def test_what_is_no_journal(tmp_path: Path) -> None:
    """Another file is not touched."""
    text = tmp_path / "text"
    text.write_text("some text that is long enough to be a header of a database" * 100)
    before = text.read_bytes()
    with pytest.raises(JournalError, match="not a journal"):
        Journal(text)
    assert text.read_bytes() == before
    other = tmp_path / "other"
    with sqlite3.connect(other) as file:
        file.execute("CREATE TABLE mine (x)")
    file.close()
    before = other.read_bytes()
    with pytest.raises(JournalError, match="not a journal"):
        Journal(other)
    assert other.read_bytes() == before
    with pytest.raises(JournalError, match="cannot be read or written"):
        Journal(tmp_path / "no" / "such" / "folder")
    journal = Journal(tmp_path / "run.sqlite")
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        _ = journal.counts


def test_every_commit_waits_for_the_disk(tmp_path: Path) -> None:
    """A commit in WAL mode that does not is lost with the power, and with it what was bought."""
    with Journal(tmp_path / "run.sqlite") as journal:
        assert journal._store._rows("PRAGMA journal_mode") == [("wal",)]
        assert journal._store._rows("PRAGMA synchronous") == [(2,)]


class Lives:
    """
    A batch that is left many times, and resumes.

    In real time: a clock that jumps does not wait for the thread that writes the journal.
    """

    def __init__(self, stories: list[Story], leaves: list[tuple[int, str]], path: Path) -> None:
        self.service = Service(stories)
        self.stories = stories
        self.path = path
        self.seen: dict[int, Any] = {}
        for taken, how in [*leaves, (len(stories) + 1, "detach")]:
            anyio.run(self._life, taken, how)

    async def _life(self, taken: int, on_leave: str) -> None:
        endpoint = self.service.endpoint(max_retries=0)
        assert isinstance(endpoint.client, AsyncRunpod)
        options: dict[str, Any] = {"on_leave": on_leave, "journal": self.path}
        inputs = iter(range(len(self.stories)))
        async with endpoint.map(inputs, concurrency=3, **options) as results:
            async for result in results:
                self._note(result)
                taken -= 1
                if taken < 0:
                    break

    def _note(self, result: Any) -> None:
        error = None if result.error is None else type(result.error)
        outcome = (error, result.job_id, None if result.state is None else result.state.output)
        story = self.stories[result.index]
        if story.fate in UNCERTAIN:
            assert result.error is not None
            assert isinstance(result.error, SubmissionUncertainError)
        else:
            assert self.seen.setdefault(result.index, outcome) == outcome


lives = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["detach", "cancel"])), max_size=4)
fates = st.builds(
    Story,
    fate=st.sampled_from([*[Fate.TAKEN] * 6, *Fate]),
    latency=st.sampled_from([0.0, 0.003]),
    lasts=st.sampled_from([0.0, 0.003, 0.02]),
    status=st.sampled_from(["COMPLETED", "COMPLETED", "FAILED"]),
)


@at_most(40)
@given(st.lists(fates, max_size=12), lives)
def test_left_again_and_again(
    tmp_path_factory: pytest.TempPathFactory, stories: list[Story], leaves: list[tuple[int, str]]
) -> None:
    """However often it is left: each input at most once, but those cancelled on leaving."""
    path = tmp_path_factory.mktemp("lives") / "run.sqlite"
    batch = Lives(stories, leaves, path)
    again = Counter(batch.service.cancelled.keys())
    for index, story in enumerate(stories):
        most = 1 + (len(leaves) if again[index] else 0)
        assert batch.service.taken[index] <= most
        if story.fate is Fate.TAKEN:
            assert batch.service.taken[index] >= 1
            assert index in batch.seen
    with Journal(path) as kept:
        uncertain = {entry.index for entry in kept.uncertain()}
        assert uncertain == {n for n, story in enumerate(stories) if story.fate in UNCERTAIN}
        assert JournalStatus.RUNNING not in kept.counts
