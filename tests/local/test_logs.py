"""The lines that handlers write: whose they are, and how many are kept."""

from __future__ import annotations

import copy
import logging
import sys
from pathlib import Path

import pytest

from runpod_sdk.local import LocalEndpoint, WorkerCommand
from runpod_sdk.local._logbook import LogBook

from .conftest import Serve
from .processes import until
from .support import Api, Gate
from .test_page import JsonObject, page_of

WORKER = Path(__file__).with_name("simple_worker.py")


def talking(job: JsonObject) -> str:
    given = job["input"]
    print(f"{given} one\n{given} two")
    sys.stderr.write(f"{given} three")
    logging.getLogger("model").warning("%s four", given)
    sys.stdout.write("10 %\r20 %\r")
    print("30 %")
    return "done"


def lines(state: JsonObject) -> list[tuple[str, str]]:
    return [(line["source"], line["text"]) for line in state["log"]["lines"]]


def test_what_a_handler_writes_belongs_to_its_job(capsys: pytest.CaptureFixture[str]) -> None:
    """And to its worker; it still goes where it went, and `sys` has its own streams again."""
    streams, factory = (sys.stdout, sys.stderr), logging.getLogRecordFactory()
    with LocalEndpoint(talking) as local:
        api = Api(local)
        page = page_of(api)
        first, second = (api.run_sync(name)["id"] for name in "ab")
        state = page.state(job=first)
        assert lines(state) == [
            ("stdout", "a one"),
            ("stdout", "a two"),
            ("WARNING", "model: a four"),
            ("stdout", "30 %"),
            ("stderr", "a three"),
        ]
        worker = state["job"]["workerId"]
        log = page.state(worker=worker)["log"]
        assert [line["job_id"] for line in log["lines"]] == [first] * 5 + [second] * 5
        assert len(page.state(worker=worker, after=7)["log"]["lines"]) == 3
        assert page.state(worker=worker, after=99)["log"] == {"after": 10, "lines": []}
        print("not of a job")
        assert len(page.state(worker=worker)["log"]["lines"]) == 10
        page.http.close()
        api.http.close()
    assert (sys.stdout, sys.stderr) == streams
    assert logging.getLogRecordFactory() is factory
    out, err = capsys.readouterr()
    assert "a one\na two\n10 %\r20 %\r30 %\n" in out
    assert "not of a job" in out
    assert "a three" in err


class Silent:
    """A stream as some programs put it in place: it has a `write` that returns nothing."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        self.texts.append(text)


def test_any_stream_may_stand_in_for_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """One without most of a file's methods works, and so does one that comes after the start."""
    first, second = Silent(), Silent()
    monkeypatch.setattr("sys.stdout", first)
    with LocalEndpoint(lambda job: print(job["input"], end="")) as local:
        api = Api(local)
        page = page_of(api)
        job = api.run_sync("one")["id"]
        assert lines(page.state(job=job)) == [("stdout", "one")]
        assert copy.copy(sys.stdout).write("of a copy") is None
        monkeypatch.setattr("sys.stdout", second)
        api.run_sync("two")
        page.http.close()
        api.http.close()
    assert sys.stdout is second
    assert ("".join(first.texts), "".join(second.texts)) == ("oneof a copy", "two")


def test_a_text_that_prints(serve: Serve) -> None:
    """As finalizers and signal handlers do, at any time: it does not wait for itself."""

    class Text(str):
        def __radd__(self, before: str) -> str:
            print("inner")
            return before + str(self)

    api = serve(lambda job: sys.stdout.write(Text("outer\n")))
    page = page_of(api)
    job = api.run()
    until(lambda: api.status(job)["status"] == "COMPLETED")
    assert lines(page.state(job=job)) == [("stdout", "inner"), ("stdout", "outer")]
    page.http.close()


def test_lines_are_news(serve: Serve) -> None:
    """The page is told at once, while the job runs and does nothing else."""
    begin, end = Gate(), Gate()

    def handler(job: JsonObject) -> None:
        begin.wait()
        logging.getLogger("model").error("begun")
        end.wait()

    api = serve(handler)
    page = page_of(api)
    job = api.run()
    begin.reached()
    api.settled()
    version = page.state(job=job)["version"]
    begin.open()
    end.reached()
    state = page.state(job=job, since=version, wait=60_000)
    assert lines(state) == [("ERROR", "model: begun")]
    assert state["job"]["status"] == "IN_PROGRESS"
    end.open()
    page.http.close()


def test_a_log_record_is_one_line() -> None:
    """Also if a handler of the program's own writes it to a stream that is noted too."""
    logger = logging.getLogger("model.alone")
    with LocalEndpoint(lambda job: logger.warning("%s", job["input"])) as local:
        api = Api(local)
        page = page_of(api)
        own = logging.StreamHandler(sys.stderr)
        logger.addHandler(own)
        try:
            job = api.run_sync("once")["id"]
        finally:
            logger.removeHandler(own)
        assert lines(page.state(job=job)) == [("WARNING", "model.alone: once")]
        page.http.close()
        api.http.close()


def test_lines_of_worker_processes_belong_to_the_job_that_they_run(tmp_path: Path) -> None:
    """Those between jobs belong to the worker alone; no line has a key."""
    with LocalEndpoint(WorkerCommand([sys.executable, str(WORKER)])) as local:
        api = Api(local)
        page = page_of(api)
        worker = next(iter(page.state()["workers"]))["id"]
        until(lambda: page.state(worker=worker)["log"]["lines"])
        go_on = tmp_path / "go on"  # once its lines have come
        job = api.run({"print": ["hello", "the key is KEY"], "until": str(go_on)})
        until(lambda: len(lines(page.state(job=job))) == 2)
        go_on.touch()
        until(lambda: api.status(job)["status"] == "COMPLETED")
        state = page.state(job=job)
        assert lines(state) == [("output", "hello"), ("output", "the key is …")]
        log = page.state(worker=state["job"]["workerId"])["log"]["lines"]
        assert [line["job_id"] for line in log] == [None, job, job]
        page.http.close()
        api.http.close()


def test_logs_are_bounded() -> None:
    """In lines of each, in the size of all; the silent ones are forgotten first."""
    book = LogBook(clock=lambda: 0.0, job_of=lambda _: None, announce=lambda: None)
    for number in range(1_500):
        book.write("worker", "job", "stdout", f"{number}")
    book.file()
    log = book.read("job", after=100)
    assert (log.after, len(log.lines), log.lines[0].text) == (500, 1_000, "500")
    assert book.read("job", after=1_498).lines[0].text == "1498"
    for number in range(30):
        for _ in range(100):
            book.write(f"worker {number}", f"job {number}", "stdout", "x" * 10_000)
        book.file()
    assert book.read("job").lines == ()
    assert len(book.read("job 29").lines) == 100
    kept = sum(len(line.text) for n in range(30) for line in book.read(f"job {n}").lines)
    assert kept <= 8 * 2**20
    for number in range(120):
        for _ in range(1_000):
            book.write("worker", f"empty {number}", "stdout", "")
        book.file()
    assert sum(len(book.read(f"empty {number}").lines) for number in range(120)) < 90_000
