"""Journals in a real PostgreSQL server."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from runpod_sdk import (
    Endpoint,
    Journal,
    JournalError,
    JournalStatus,
    Runpod,
)
from runpod_sdk.journal_postgres import PostgresStore, postgres_journals
from runpod_sdk.local import LocalEndpoint
from tests.facade.clients import MODES, Driver
from tests.facade.clients import driver as make_driver
from tests.forking import in_child, needs_fork, no_warning
from tests.journals.server import PASSWORD, QUOTED, Server
from tests.map.test_journal import Jobs, outcomes

Stores = Callable[..., PostgresStore]


@pytest.fixture(scope="module", params=MODES)
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with make_driver(request.param) as driver:
        yield driver


def test_a_batch_resumes(driver: Driver, store: Stores) -> None:
    """Results, jobs that run, decisions and keys are what they are in a file."""
    jobs = Jobs(b="FAILED", c=500, d="IN_PROGRESS", e=400)
    endpoint = driver.endpoint(jobs, max_retries=0)
    results = endpoint.map(iter("abcde"), journal=store(), key=str.upper, ordered=False)
    for _ in range(4):
        driver.next(results)
    driver.call(lambda: driver.close(results))
    with Journal(store()) as journal:
        assert [(entry.index, entry.key, entry.status) for entry in journal.entries()] == [
            (0, "A", "succeeded"),
            (1, "B", "failed"),
            (2, "C", "uncertain"),
            (3, "D", "running"),
            (4, "E", "open"),
        ]
        journal.resolve(journal.entry(key="C"), "resubmit")
        assert journal.path.startswith("postgresql:journal ")
    jobs.becomes.clear()
    again = driver.take(endpoint.map(iter("xedcba"), journal=store(), key=str.upper))
    assert outcomes(again) == ["x", "e", "d", "c", "JobFailedError", "a"]
    assert sorted(jobs.submitted) == list("abccdeex")
    with Journal(store()) as journal:
        assert journal.counts == {JournalStatus.SUCCEEDED: 5, JournalStatus.FAILED: 1}
        assert [entry.attempts for entry in journal.entries()] == [1, 1, 2, 1, 2, 1]


def test_by_position(driver: Driver, store: Stores) -> None:
    jobs = Jobs()
    endpoint = driver.endpoint(jobs)
    driver.take(endpoint.map(list("abc"), journal=store(), concurrency=2))
    assert outcomes(driver.take(endpoint.map(list("abcd"), journal=store()))) == list("abcd")
    with pytest.raises(JournalError, match=r"input 1 differs"):
        driver.take(endpoint.map(list("aBc"), journal=store()))
    with pytest.raises(JournalError, match="was begun without key"):
        driver.take(endpoint.map(list("abc"), journal=store(), key=str.upper))
    assert sorted(jobs.submitted) == list("abcd")


def test_one_owner_at_a_time(store: Stores) -> None:
    """Another journal of the same name is refused, or waits until the first is closed."""
    first = Journal(store())
    with pytest.raises(JournalError, match=rf"in use by another map \(.*process {os.getpid()}"):
        Journal(store())
    threading.Timer(0.3, first.close).start()
    with Journal(store(wait=20)) as second:
        assert second.counts == {}
        with pytest.raises(JournalError, match="is closed"):
            _ = first.counts
    other = store("another name")
    with Journal(other), Journal(store()):
        pass
    used = store()
    with Journal(used), pytest.raises(JournalError, match="in use by another map here"):
        Journal(used)


def sessions(server: Server) -> int:
    """End the sessions of all owners on the server; return how many there were."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        return len(connection.execute(query, ("runpod_sdk",)).fetchall())


def test_an_owner_that_lost_its_connection(store: Stores, server: Server) -> None:
    """It connects again, unless another owner took over in the meantime."""
    with Journal(store()) as first:
        assert sessions(server) == 1
        assert first.counts == {}
        with pytest.raises(JournalError):
            Journal(store())
        sessions(server)
        with Journal(store(wait=20)) as second:
            with pytest.raises(JournalError, match="was taken over by another map"):
                _ = first.counts
            assert second.counts == {}
    with Journal(store()) as third:
        assert third.counts == {}


def test_a_server_that_starts_again(driver: Driver, store: Stores, server: Server) -> None:
    """A map goes on when the server is back, and sends nothing twice."""
    jobs = Jobs()
    endpoint = driver.endpoint(jobs)
    results = endpoint.map(list("abcdef"), journal=store(), concurrency=1, ordered=False)
    driver.next(results)
    server.stop()
    threading.Timer(0.2, server.start).start()
    assert sorted(outcomes(driver.take(results))) == list("bcdef")
    assert jobs.submitted == list("abcdef")
    with Journal(store()) as journal:
        assert journal.counts == {JournalStatus.SUCCEEDED: 6}


OWNER = """
import json, sys
from runpod_sdk import Runpod, RunpodError
from runpod_sdk.journal_postgres import PostgresStore
told = json.loads(sys.stdin.readline())
store = PostgresStore("paused", told["dsn"], lease=1)
with Runpod("key", base_url=told["url"]) as client:
    results = client.endpoint(told["endpoint"]).map(range(20), journal=store, concurrency=1)
    try:
        for result in results:
            print(result.index, flush=True)
            if result.index == 1:
                sys.stdin.readline()
    except RunpodError as error:
        print(type(error).__name__, error, flush=True)
"""


COUNT = 20
PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}


def test_a_paused_owner_sends_nothing_after_the_takeover(server: Server) -> None:
    """Its lease expires while it stands still; when it goes on, its intents are refused."""
    runs: list[Any] = []

    def handler(job: dict[str, Any]) -> Any:
        runs.append(job["input"])
        return job["input"]

    with ExitStack() as stack:
        local = stack.enter_context(LocalEndpoint(handler, api_key="key"))
        endpoint = stack.enter_context(local.client()).endpoint(local.endpoint_id)
        old = stack.enter_context(subprocess.Popen([sys.executable, "-c", OWNER], **PIPES))
        stack.callback(old.kill)  # also if it stands still
        assert old.stdin is not None
        assert old.stdout is not None
        told = {"dsn": server.dsn(), "url": local.base_url, "endpoint": local.endpoint_id}
        old.stdin.write(json.dumps(told) + "\n")
        old.stdin.flush()
        assert [old.stdout.readline() for _ in range(2)] == ["0\n", "1\n"]
        os.kill(old.pid, signal.SIGSTOP)
        store = PostgresStore("paused", server.dsn(), lease=1, wait=20)
        results = stack.enter_context(endpoint.map(range(COUNT), journal=store, concurrency=1))
        taken = [next(results) for _ in range(8)]
        old.stdin.write("go on\n")
        old.stdin.flush()
        os.kill(old.pid, signal.SIGCONT)
        said = old.stdout.read().splitlines()
        assert "was taken over by another map" in said[-1]
        assert "nothing more is sent" in said[-1]
        taken += results
    uncertain = [result.index for result in taken if result.error is not None]
    assert len(uncertain) <= 1, "no more than the old owner was just submitting"
    for result in taken:
        if result.index not in uncertain:
            assert result.output == result.index
    assert max(Counter(runs).values()) == 1
    assert set(runs) | set(uncertain) == set(range(COUNT))


@needs_fork
@no_warning
def test_a_fork_cannot_use_it(store: Stores) -> None:
    """It is refused there, and the parent's connection stays as it is."""
    jobs = Jobs()
    http = httpx.Client(transport=httpx.MockTransport(jobs))
    with (
        Runpod("key", base_url="http://127.0.0.1:1/v2", http_client=http) as client,
        Journal(store()) as journal,
    ):
        endpoint: Endpoint = client.endpoint("ep")
        list(endpoint.map(["a"], journal=journal))
        uses: list[Callable[[], object]] = [
            lambda: journal.counts,
            lambda: list(endpoint.map(["a", "b"], journal=journal)),
        ]
        for use in uses:
            assert "was opened by another process, before a fork" in in_child(use)
        assert in_child(journal.close) == "None"
        assert outcomes(list(endpoint.map(["a", "b"], journal=journal))) == ["a", "b"]
    assert jobs.submitted == ["a", "b"]


def everything(error: BaseException) -> str:
    """Return all that an error tracker records of an exception, of its causes and contexts."""
    found, waiting = "", [error]
    seen = set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            shown = traceback.TracebackException.from_exception(one, capture_locals=True)
            found += "".join(shown.format(chain=False)) + repr(one.args)
            waiting += [each for each in (one.__cause__, one.__context__) if each is not None]
    return found


def bad_dsns(server: Server) -> dict[str, tuple[str, str]]:
    at = f"127.0.0.1:{server.port}"
    return {
        "another password": (f"postgresql://runpod:CANARY-other@{at}/postgres", "authentication"),
        "no database": (f"postgresql://runpod:{QUOTED}@{at}/CANARY-none", "does not exist"),
        "no server": (f"postgresql://u:{QUOTED}@127.0.0.1:1/db", "refused"),
        "an at sign": ("postgresql://u:CANARY@CANARY-2@no.such.host.invalid/db", "cannot be used"),
        "a slash": ("postgresql://u:12/CANARY@127.0.0.1/db", "cannot be used"),
        "no URL": ("password CANARY", "is not a connection string"),
        "a bad escape": ("postgresql://u:CANARY%zz@127.0.0.1/db", "is not a connection string"),
    }


CASES = [
    *("another password", "no database", "no server"),
    *("an at sign", "a slash", "no URL", "a bad escape"),
]


@pytest.mark.parametrize("case", CASES)
def test_no_secret_shows(server: Server, case: str) -> None:
    """Neither a message nor a local variable has a part of the password."""
    dsn, words = bad_dsns(server)[case]
    hidden = json.dumps(dsn)
    del dsn
    uses: list[Callable[[str], object]] = [
        lambda given: Journal(PostgresStore("run", json.loads(given))),
        lambda given: postgres_journals(json.loads(given)),
    ]
    for use in uses:
        with pytest.raises((JournalError, ValueError)) as caught:
            use(hidden)
        assert words in str(caught.value) or "cannot be read" in str(caught.value)
        shown = everything(caught.value).replace(hidden, "").replace(repr(hidden), "")
        assert "CANARY" not in shown
        assert "pass%27" not in shown


def test_no_secret_shows_in_a_map(store: Stores, server: Server) -> None:
    used = store()
    assert PASSWORD not in repr(used) + used.name
    assert "postgresql://" not in repr(used)
    with pytest.raises(TypeError, match="cannot be pickled"):
        __import__("pickle").dumps(used)
    with Journal(used) as journal:
        assert "CANARY" not in repr(journal) + repr(vars(journal))


def test_a_copy_has_the_same_database(store: Stores) -> None:
    """And not that of libpq's variables, where its inputs would be submitted again."""
    with Journal(store()):
        other = copy.copy(store())
        with pytest.raises(JournalError, match="is in use by another map"):
            Journal(other)
    with pytest.raises(TypeError, match="cannot be pickled"):
        copy.deepcopy(other)


def test_a_store_without_a_dsn(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says how to connect, and the store can go to another process."""
    import pickle

    names = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "runpod"}
    for name, value in {**names, "PGPASSWORD": PASSWORD, "PGDATABASE": "postgres"}.items():
        monkeypatch.setenv(name, value)
    store = pickle.loads(pickle.dumps(PostgresStore("from the environment", wait=0)))
    with Journal(store) as journal:
        assert journal.counts == {}
        assert "from the environment" in postgres_journals()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": ""}, "name must be"),
        ({"name": "a\0b"}, "name must be"),
        ({"name": "a\ud800"}, "name must be"),
        ({"name": "x" * 201}, "at most 200"),
        ({"lease": 0.5}, "at least one second"),
        ({"lease": None}, "at least one second"),
        ({"wait": -1}, "wait must be"),
    ],
)
def test_arguments_that_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PostgresStore(**{"name": "run", **given})


DAMAGE = {
    "digest": "UPDATE runpod_sdk_inputs SET digest = 'short'",
    "result": "UPDATE runpod_sdk_inputs SET result = '{'",
    "status": "UPDATE runpod_sdk_inputs SET status = 'finished'",
    "key": "UPDATE runpod_sdk_inputs SET key = 'no JSON'",
    "attempts": "UPDATE runpod_sdk_inputs SET attempts = -1",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
def test_what_no_journal_has_written(server: Server, store: Stores, statement: str) -> None:
    jobs = Jobs()
    http = httpx.Client(transport=httpx.MockTransport(jobs))
    with Runpod("key", base_url="http://127.0.0.1:1/v2", http_client=http) as client:
        endpoint = client.endpoint("ep")
        list(endpoint.map(["a"], journal=store(), key=str))
        where = " WHERE journal = (SELECT max(id) FROM runpod_sdk_journals)"
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute(statement + where)
        with Journal(store()) as journal:
            words = r"postgresql:journal \w+ is damaged"
            with pytest.raises(JournalError, match=words):
                assert journal.counts == list(journal.entries())
    assert jobs.submitted == ["a"]


def test_an_overview(store: Stores, server: Server) -> None:
    """It can be read while the journals are in use."""
    jobs = Jobs(b="FAILED")
    http = httpx.Client(transport=httpx.MockTransport(jobs))
    with Runpod("key", base_url="http://127.0.0.1:1/v2", http_client=http) as client:
        results = client.endpoint("ep").map(["a", "b"], journal=store("overview"))
        next(results)
        next(results)
        with Journal(store("empty")):
            found = postgres_journals(server.dsn())
        assert found["overview"] == {"succeeded": 1, "failed": 1}
        assert found["empty"] == {}
        list(results)


def test_many_begin_at_the_same_time(server: Server, tmp_path: Path) -> None:
    """The tables are made once, and one of several owners gets the journal."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh")
    begin = threading.Barrier(6)
    got: list[str] = []

    def take() -> None:
        store = PostgresStore("one", server.dsn("fresh"), wait=0)
        begin.wait(20)
        try:
            with Journal(store):
                got.append("has it")
                until = time.monotonic() + 20
                while len(got) < 6 and time.monotonic() < until:
                    time.sleep(0.01)
        except JournalError:
            got.append("refused")

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(got) == ["has it", *["refused"] * 5]


def test_the_command(store: Stores, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Journals have names; a name that was mistyped makes none, and no output has the password."""
    from tests.cli.in_process import run

    monkeypatch.setenv("RUNPOD_SDK_JOURNAL_DSN", server.dsn())
    jobs = Jobs(b="FAILED")
    http = httpx.Client(transport=httpx.MockTransport(jobs))
    with Runpod("key", base_url="http://127.0.0.1:1/v2", http_client=http) as client:
        list(client.endpoint("ep").map(["a", "b"], journal=store("by command"), key=str))

    def journal(*words: str) -> tuple[int, str]:
        ended = run("journal", *words, "--postgres")
        output = ended.out + ended.err
        assert "CANARY" not in output
        return ended.status, output

    with Journal(store("by command")):
        status, output = journal("list")
        assert {"journal": "by command", "counts": {"failed": 1, "succeeded": 1}} in json.loads(
            output
        )
        status, output = journal("show", "by command")
        assert (status, "in use by another map" in output) == (3, True)
    assert json.loads(journal("resubmit", "by command")[1])["resubmitted"] == 1
    assert json.loads(journal("resolve", "by command", "b", "skip")[1])["status"] == "skipped"
    assert json.loads(journal("export", "by command", "--only", "succeeded")[1])["key"] == "a"
    for words in (["list", "typo"], ["show", "typo"]):
        status, output = journal(*words)
        assert (status, "there is no journal typo" in output) == (2, True)
    assert "typo" not in postgres_journals(server.dsn())
    monkeypatch.setenv("RUNPOD_SDK_JOURNAL_DSN", f"postgresql://u:CANARY%zz@{server.port}")
    assert journal("list")[0] == 2
