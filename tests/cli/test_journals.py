"""The commands for journals: what they print, change and refuse."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from runpod_sdk import Journal, Runpod
from tests.cli.in_process import Ended

Command = Callable[..., Ended]


def answer(request: httpx.Request) -> httpx.Response:
    """Be a service at which inputs end as they say."""
    if request.url.path.endswith("/run"):
        word = json.loads(request.content)["input"]["word"]
        status = 500 if word == "uncertain" else 400 if word == "open" else 200
        return httpx.Response(status, json={"id": f"job-{word}", "status": "IN_QUEUE"})
    word = request.url.path.rpartition("-")[2]
    body: dict[str, Any] = {"id": f"job-{word}", "status": "COMPLETED", "output": word}
    if word.startswith("failed"):
        body |= {"status": "FAILED", "error": "no memory"}
    return httpx.Response(200, json=body)


def run(path: Path, *words: str, keys: Any = None) -> None:
    """Run a batch with a journal."""
    http = httpx.Client(transport=httpx.MockTransport(answer))
    options: dict[str, Any] = {"journal": path, "concurrency": 1, "key": keys}
    with Runpod("k", base_url="http://127.0.0.1:1/v2", http_client=http, max_retries=0) as client:
        inputs = [{"word": word} for word in words]
        list(client.endpoint("ep").map(inputs, **options))


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "run.sqlite"
    run(path, "ok", "failed", "uncertain", "open", "failed2", keys=lambda each: each["word"])
    return path


def lines(ended: Ended) -> list[dict[str, Any]]:
    assert (ended.status, ended.err) == (0, "")
    return [json.loads(line) for line in ended.out.splitlines()]


COUNTS = {"failed": 2, "open": 1, "succeeded": 1, "uncertain": 1}


def test_list(command: Command, journal: Path, tmp_path: Path) -> None:
    """Counts of each journal, as JSON in a pipe; as a table with totals on request."""
    other = tmp_path / "other.sqlite"
    run(other, "ok")
    ended = command("journal", "list", str(journal), str(other))
    assert (ended.status, ended.err) == (0, "")
    assert ended.document == [
        {"journal": str(journal), "counts": COUNTS},
        {"journal": str(other), "counts": {"succeeded": 1}},
    ]
    table = command("journal", "list", str(journal), str(other), "-o", "text").out.splitlines()
    assert table[0].split() == ["JOURNAL", "UNCERTAIN", "SUCCEEDED", "FAILED", "OPEN"]
    assert table[1].split() == [str(journal), "1", "1", "2", "1"]
    assert table[-1].split() == ["total", "1", "2", "2", "1"]


def test_a_journal_in_use(command: Command, journal: Path, tmp_path: Path) -> None:
    """It is named, and the others are listed."""
    other = tmp_path / "other.sqlite"
    run(other, "ok")
    with Journal(other):
        ended = command("journal", "list", str(journal), str(other))
        assert (ended.status, len(ended.document)) == (3, 1)
        assert f"{other} is in use" in ended.err
        for words in (["show"], ["export"], ["resubmit"]):
            ended = command("journal", *words, str(other))
            assert (ended.status, ended.out) == (3, "")
            assert "is in use" in ended.err


def test_what_is_no_journal(command: Command, tmp_path: Path) -> None:
    """No file is made for a name that was mistyped, and another file stays as it is."""
    for words in (["list"], ["show"], ["export"], ["resubmit"]):
        ended = command("journal", *words, str(tmp_path / "typo.sqlite"))
        assert (ended.status, ended.out) == (2, "")
        assert "there is no file" in ended.err
    assert command("journal", "list").status == 2
    text = tmp_path / "notes.txt"
    text.write_text("my notes\n" * 100)
    ended = command("journal", "show", str(text))
    assert (ended.status, ended.out) == (3, "")
    assert "is not a journal" in ended.err
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_show(command: Command, journal: Path) -> None:
    shown = lines(command("journal", "show", str(journal)))
    assert [(each["index"], each["key"], each["status"]) for each in shown] == [
        (0, "ok", "succeeded"),
        (1, "failed", "failed"),
        (2, "uncertain", "uncertain"),
        (3, "open", "open"),
        (4, "failed2", "failed"),
    ]
    assert shown[1]["error"] == "no memory"
    assert {each["attempts"] for each in shown} == {1}
    some = lines(command("journal", "show", str(journal), "--only", "FAILED", "-n", "1"))
    assert [each["key"] for each in some] == ["failed"]
    assert "not one of" in command("journal", "show", str(journal), "--only", "done").err


def test_export(command: Command, journal: Path, tmp_path: Path) -> None:
    """Each input of each journal is a line, with the state of its job."""
    other = tmp_path / "other.sqlite"
    run(other, "ok", "failed")
    exported = lines(command("journal", "export", str(journal), str(other)))
    assert [each["journal"] for each in exported] == [str(journal)] * 5 + [str(other)] * 2
    assert exported[0]["state"]["output"] == "ok"
    assert exported[2]["state"] is None
    assert "key" not in exported[5]
    only = ("--only", "succeeded")
    assert len(lines(command("journal", "export", str(journal), str(other), *only))) == 2


def test_resolve(command: Command, journal: Path, tmp_path: Path) -> None:
    """By key, or by index where there are no keys."""
    (line,) = lines(command("journal", "resolve", str(journal), "uncertain", "job-found"))
    assert (line["status"], line["job_id"]) == ("running", "job-found")
    (line,) = lines(command("journal", "resolve", str(journal), "failed", "skip"))
    assert line["status"] == "skipped"
    for wrong, words in (("nobody", "is not in"), ("ok", "needs no decision")):
        ended = command("journal", "resolve", str(journal), wrong, "skip")
        assert (ended.status, ended.out) == (2, "")
        assert words in ended.err
    other = tmp_path / "other.sqlite"
    run(other, "ok", "failed")
    (line,) = lines(command("journal", "resolve", str(other), "1", "resubmit"))
    assert (line["index"], line["status"]) == (1, "open")
    assert command("journal", "resolve", str(other), "x", "skip").status == 2
    numbers = tmp_path / "numbers.sqlite"
    keys: dict[str, Any] = {"failed": 7, "failed2": "7", "failed3": "8"}
    run(numbers, *keys, keys=lambda each: keys[each["word"]])
    for text, index in {"7": 0, '"7"': 1, "8": 2}.items():
        (line,) = lines(command("journal", "resolve", str(numbers), text, "resubmit"))
        assert line["index"] == index


def test_resubmit(command: Command, journal: Path) -> None:
    """Failed inputs, and others only if they are named; the next map submits them."""
    ended = command("journal", "resubmit", str(journal))
    assert ended.document == {"journal": str(journal), "resubmitted": 2, "left_out": 0}
    with Journal(journal) as kept:
        assert kept.counts == {"open": 3, "succeeded": 1, "uncertain": 1}
    ended = command("journal", "resubmit", str(journal), "--only", "uncertain")
    assert ended.document["resubmitted"] == 1
    assert "not one of" in command("journal", "resubmit", str(journal), "--only", "running").err
    run(journal, "failed", "failed2", keys=lambda each: each["word"])
    with Journal(journal) as kept:
        assert [kept.entry(key=key).attempts for key in ("failed", "ok")] == [2, 1]


def test_attempts_and_dead_letters(command: Command, journal: Path, tmp_path: Path) -> None:
    """Inputs that failed often enough go to a file, and the next map skips them."""
    dead = tmp_path / "dead.jsonl"
    given = ("--max-attempts", "2", "--dead-letter", str(dead))
    ended = command("journal", "resubmit", str(journal), *given)
    assert (ended.document["resubmitted"], dead.exists()) == (2, False)
    run(journal, "failed", keys=lambda each: each["word"])
    ended = command("journal", "resubmit", str(journal), "--max-attempts", "2")
    assert (ended.document["resubmitted"], ended.document["left_out"]) == (0, 1)
    ended = command("journal", "resubmit", str(journal), *given)
    assert ended.document["left_out"] == 1
    (letter,) = map(json.loads, dead.read_text().splitlines())
    assert (letter["key"], letter["attempts"], letter["error"]) == ("failed", 2, "no memory")
    assert letter["state"]["id"] == "job-failed"
    with Journal(journal) as kept:
        assert kept.entry(key="failed").status == "skipped"
    assert command("journal", "resubmit", str(journal), "--dead-letter", "x").status == 2


def test_a_dead_letter_file_that_cannot_be_written(command: Command, journal: Path) -> None:
    """The inputs stay as they are."""
    given = ("--max-attempts", "1", "--dead-letter", str(journal.parent / "no" / "file"))
    ended = command("journal", "resubmit", str(journal), *given)
    assert (ended.status, ended.out) == (5, "")
    assert "can't write" in ended.err
    with Journal(journal) as kept:
        assert kept.counts["failed"] == 2
