"""A journal that is damaged, or at a path that can't be: an error that says what to do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runpod_sdk import Journal, JournalError
from tests.hypothesis_profiles import at_most
from tests.map import damage
from tests.map.damage import COUNT, Damage, Page, Statement, Truncate, Value, fresh


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Good ones, by whether they were closed."""
    folder = tmp_path_factory.mktemp("good")
    made = {True: folder / "closed", False: folder / "crashed"}
    for closed, path in made.items():
        assert damage.good(path, closed=closed) == set(range(COUNT))
    return made


@at_most(25, deadline=None)
@given(damage.damaged, st.booleans())
@example([(Truncate(0.0), False)], False)
@example([(Page(0.3, b"", False), False)], True)
def test_damaged_content(
    tmp_path_factory: pytest.TempPathFactory,
    journals: dict[bool, Path],
    done: list[tuple[Damage, bool]],
    closed: bool,
) -> None:
    """Any content of the file is used, or refused with a `JournalError` that names it."""
    path = fresh(tmp_path_factory.getbasetemp(), journals[closed])
    damage.apply(path, done)
    damage.use(path)


COLUMNS_OF = {
    "a succeeded input without a result": Value("result", 0, None),
    "a result that is no JSON": Value("result", 0, "{"),
    "a result nested too deep": Value("result", 0, damage.nested(200_000)),
    "a result of a job that goes on": Value("result", 0, '{"id": "job-0", "status": "IN_QUEUE"}'),
    "another job's result": Value("result", 0, '{"id": "job-1", "status": "COMPLETED"}'),
    "a failure's result on a success": Value("result", 0, '{"id": "job-0", "status": "FAILED"}'),
    "a status that is none": Value("status", 0, "finished"),
    "a status that is no text": Value("status", 9, b"\xff"),
    "a running input without a job": Value("job_id", COUNT - 2, None),
    "a job's id that no URL can hold": Value("job_id", COUNT - 2, ".."),
    "a time that is none": Value("since", COUNT - 2, 1e300),
    "a digest that is too short": Value("digest", 0, b"short"),
    "text that is no UTF-8": Statement("UPDATE inputs SET job_id = CAST(x'c328' AS TEXT)"),
    "another schema": Statement("ALTER TABLE inputs RENAME COLUMN result TO results"),
    "an index below zero": Statement("UPDATE inputs SET id = -1 WHERE id = 9"),
}


@pytest.mark.parametrize("harm", COLUMNS_OF.values(), ids=COLUMNS_OF)
def test_what_no_journal_has_written(
    tmp_path: Path, journals: dict[bool, Path], harm: Damage
) -> None:
    """It is refused, and nothing is sent."""
    path = fresh(tmp_path, journals[True])
    harm(path)
    jobs = damage.Jobs(all_end=True)
    with pytest.raises(JournalError, match=r"run.sqlite is damaged .*: restore a copy") as caught:
        damage.run(path, jobs)
    assert str(path) in str(caught.value)
    assert jobs.submitted == []


def test_a_running_job_that_the_index_has_lost(tmp_path: Path, journals: dict[bool, Path]) -> None:
    """An index that misses its row would have the input submitted a second time."""
    path = fresh(tmp_path, journals[True])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, '''succeeded''', '''running''')"
            " WHERE name = 'unfinished'"
        )
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("REINDEX")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, '''running''', '''succeeded''')"
            " WHERE name = 'unfinished'"
        )
    jobs = damage.Jobs(all_end=True)
    with pytest.raises(JournalError, match="damaged"):
        damage.run(path, jobs)
    assert jobs.submitted == []


class Place:
    """A path that is no string."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return self._path


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home directory is expanded, and every kind of path taken, by map and by Journal."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    kinds: list[Any] = ["~/a", Path("~/b"), Place("c"), str(tmp_path / "d"), ":memory:", "file:e"]
    for path in kinds:
        jobs = damage.Jobs(all_end=True)
        assert set(damage.run(path, jobs)) == set(range(COUNT))
        with Journal(path) as journal:
            assert sum(journal.counts.values()) == COUNT
    names = sorted(["a", "b", "c", "d", ":memory:", "file:e"])
    assert sorted(os.listdir(tmp_path)) == names


def test_it_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is one of the directory in which the journal was opened."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    damage.good(Path("run.sqlite"))
    with Journal("run.sqlite") as journal:
        monkeypatch.chdir(tmp_path / "elsewhere")
        journal.resolve(COUNT - 1, "skip")
        assert journal.uncertain() == []


URLS = ["s3://bucket/jobs.journal", "file:///tmp/jobs", Path("gs://bucket/jobs")]


@pytest.mark.parametrize("path", ["", "  ", Place(""), "a\0b", b"bytes", Place(b"x"), 7, *URLS])  # type: ignore[arg-type]
def test_what_is_no_path(path: Any) -> None:
    """It is refused at once, and never taken for no journal."""
    jobs = damage.Jobs(all_end=True)
    with pytest.raises((ValueError, TypeError), match="journal must be"):
        Journal(path)
    with pytest.raises((ValueError, TypeError), match="journal must be"):
        damage.run(path, jobs)
    assert jobs.submitted == []


def fifo(path: Path) -> None:
    os.mkfifo(path)


def text(path: Path) -> None:
    path.write_text("notes of mine\n" * 400)


def pictures(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE pictures (name)")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Path.mkdir, "it is a directory; use the path of a file"),
        (text, "is not a journal: use another file"),
        (pictures, "is not a journal, or is of another version: use another file"),
        pytest.param(
            fifo,
            "it is not a regular file",
            marks=pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there is no mkfifo"),
        ),
    ],
)
def test_what_is_something_else(tmp_path: Path, make: Callable[[Path], object], says: str) -> None:
    """It is named, stays as it is, and nothing is sent."""
    path = tmp_path / "other"
    make(path)
    before = path.read_bytes() if path.is_file() else os.stat(path)
    jobs = damage.Jobs(all_end=True)
    with pytest.raises(JournalError, match=says) as caught:
        damage.run(path, jobs)
    assert str(path) in str(caught.value)
    assert jobs.submitted == []
    assert (path.read_bytes() if path.is_file() else os.stat(path)) == before
    assert os.listdir(tmp_path) == ["other"]


def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "such"
    with pytest.raises(JournalError, match=f"there is no directory {missing}; create it"):
        Journal(missing / "run.sqlite")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    """Also if the file exists: its `-wal` must be created beside it."""
    Journal(tmp_path / "run.sqlite").close()
    tmp_path.chmod(0o500)
    try:
        for name in ("run.sqlite", "new.sqlite"):
            with pytest.raises(JournalError, match="cannot be read or written"):
                Journal(tmp_path / name)
    finally:
        tmp_path.chmod(0o700)
