"""
What a `map` has sent and what came of it, in a file, so that a batch outlives its process.

Of each input the file holds: a digest before it is submitted, the id of the job after
that, and the result at the end. No key, no secret and no input is in it. It is an SQLite
database in WAL mode:

- Every change is committed before the next step depends on it: the intent before the job
  is sent, the result before it is handed out. Whatever kills the process, what was
  committed stays; and each commit waits for the disk (`synchronous=FULL`), so that it
  outlives a loss of power too, as far as the disk keeps its word.
- Only the id is not waited for. Who dies between the answer to a submission and the next
  commit, a few milliseconds later, leaves an input that is *uncertain*.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from attrs import field, frozen

from runpod_sdk.errors import JournalError
from runpod_sdk.models import JSONValue

__all__ = ["Journal", "JournalEntry", "JournalStatus"]

_MARK = 0x52504A31  # "RPJ1": which application's files these are, and their form
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE inputs (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    status TEXT NOT NULL,
    job_id TEXT,
    since REAL NOT NULL,
    result TEXT
);
CREATE INDEX unfinished ON inputs (status, since) WHERE status <> 'succeeded';
"""
_INTEND = """
INSERT INTO inputs (status, job_id, since, result, id, digest) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    status = excluded.status, job_id = excluded.job_id, since = excluded.since, result = NULL
"""
_UPDATE = "UPDATE inputs SET status = ?, job_id = ?, since = ?, result = ? WHERE id = ?"


class JournalStatus(StrEnum):
    """How far an input has come."""

    UNCERTAIN = "uncertain"
    """It was about to be submitted, or was, and the id of its job was never written."""
    RUNNING = "running"
    """It is a job, whose end has not been seen."""
    EXPIRED = "expired"
    """It was a job, which the server no longer knew when it was asked for the result."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The job ended badly; its state is kept, and it is not run again unless you say so."""
    OPEN = "open"
    """There is surely no job of it: it was refused, or cancelled on leaving. It will be sent."""
    SKIPPED = "skipped"
    """It is not to be sent, by your decision."""


@frozen
class JournalEntry:
    """What a journal knows of one input."""

    index: int
    status: JournalStatus
    job_id: str | None
    since: datetime
    """When this became so."""
    digest: bytes = field(default=b"", repr=False)
    result: Mapping[str, JSONValue] | None = field(default=None, repr=False)
    """The terminal state in its wire form."""


@frozen
class Change:
    """What is to be written of one input."""

    index: int
    status: JournalStatus
    job_id: str | None = None
    result: Mapping[str, JSONValue] | None = None
    digest: bytes | None = None
    """Given with the first change, the intent to submit it."""


class Journal:
    """
    The journal of one `map`: what was sent, and what came of it.

    `map(…, journal=…)` takes the path, or one of these. It can be looked into, and decided
    upon, while no `map` uses it. Close it, or use it as a context manager.

    Args:
        path: The file, on a disk of this machine; it is made if it is not there. While it
            is open, and after a crash, a second one with `-wal` behind its name belongs to it.

    Raises:
        JournalError: It is in use, or is another kind of file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        """The file that was named."""
        self._lock = threading.Lock()
        self._taken = False
        self._database: sqlite3.Connection | None = None
        try:
            database = sqlite3.connect(
                self.path, timeout=0, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(database)
            except BaseException:
                database.close()
                raise
        except sqlite3.Error as error:
            raise JournalError(self._reason(error)) from error
        self._database = database

    @property
    def counts(self) -> dict[JournalStatus, int]:
        """How many inputs there are of each status; a status that none has is left out."""
        rows = self._ask("SELECT status, count(*) FROM inputs GROUP BY status ORDER BY status")
        return {JournalStatus(status): count for status, count in rows}

    def uncertain(self) -> list[JournalEntry]:
        """List the inputs that may have become jobs whose ids are not known."""
        return self._entries("status = 'uncertain'")

    def failed(self) -> list[JournalEntry]:
        """List the inputs whose jobs ended badly, with their states, or expired unseen."""
        return self._entries("status IN ('failed', 'expired')")

    def resolve(self, index: int, decision: Literal["resubmit", "skip"] | str) -> None:
        """
        Decide what the next `map` does with an input that is uncertain, or went wrong.

        Args:
            index: Which of the inputs it is, counted from 0.
            decision: "resubmit" has it sent, though there may be, or was, a job of it;
                "skip" leaves it out, its result is an error; any other text is the id of
                its job, which you found elsewhere, and is waited for.

        Raises:
            ValueError: No such input, or its job runs or has succeeded.
        """
        entry = self._entry(index)
        if entry is None:
            raise ValueError(f"input {index} is not in {self.path}")
        if entry.status in (JournalStatus.RUNNING, JournalStatus.SUCCEEDED):
            raise ValueError(f"input {index} needs no decision: job {entry.job_id} {entry.status}")
        if not isinstance(decision, str) or not decision.strip():
            raise ValueError(f'decision must be "resubmit", "skip" or an id, not {decision!r}')
        words = {"resubmit": JournalStatus.OPEN, "skip": JournalStatus.SKIPPED}
        job_id = None if decision in words else decision
        self._write([Change(index, words.get(decision, JournalStatus.RUNNING), job_id)])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    # What `map` does with it.

    def _take(self, endpoint_id: str) -> int:
        """Begin to use it for an endpoint; return how many inputs it knows, from the first."""
        with self._lock:
            if self._taken:
                raise JournalError(f"{self.path} is in use by another map")
            self._taken = True
        try:
            self._ask(
                "INSERT INTO meta VALUES ('endpoint', ?) ON CONFLICT (name) DO NOTHING", endpoint_id
            )
            ((known,),) = self._ask("SELECT value FROM meta WHERE name = 'endpoint'")
            if known != endpoint_id:
                raise JournalError(
                    f"{self.path} is of endpoint {known}, not {endpoint_id}: name another file,"
                    " or delete this one if its results are not needed"
                )
            ((count,),) = self._ask("SELECT coalesce(max(id) + 1, 0) FROM inputs")
        except BaseException:
            self._give_back()
            raise
        return int(count)

    def _give_back(self) -> None:
        self._taken = False

    def _entry(self, index: int) -> JournalEntry | None:
        entries = self._entries("id = ?", index)
        return entries[0] if entries else None

    def _running(self) -> list[JournalEntry]:
        """List the jobs whose ends were not seen, those that expire first at the beginning."""
        return self._entries("status IN ('running', 'expired')", order="since")

    def _write(self, changes: Iterable[Change]) -> None:
        """Commit all of the changes, or none."""
        now = time.time()
        with self._lock:
            database = self._opened()
            try:
                database.execute("BEGIN")
                for change in changes:
                    result = None if change.result is None else json.dumps(change.result)
                    values = change.status, change.job_id, now, result, change.index
                    if change.digest is None:
                        database.execute(_UPDATE, values)
                    else:
                        database.execute(_INTEND, (*values, change.digest))
                database.execute("COMMIT")
            except BaseException as error:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise JournalError(self._reason(error)) from error
                raise

    def _entries(self, which: str, *values: object, order: str = "id") -> list[JournalEntry]:
        query = f"SELECT id, status, job_id, since, digest, result FROM inputs WHERE {which}"
        return [
            JournalEntry(
                index,
                JournalStatus(status),
                job_id,
                datetime.fromtimestamp(since, UTC),
                digest,
                None if result is None else json.loads(result),
            )
            for index, status, job_id, since, digest, result in self._ask(
                f"{query} ORDER BY {order}", *values
            )
        ]

    def _ask(self, query: str, *values: object) -> list[Any]:
        with self._lock:
            try:
                return self._opened().execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise JournalError(self._reason(error)) from error

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            raise JournalError(f"{self.path} is closed: open it again")
        return self._database

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Make sure that nobody else has it, that it is ours, and how it is written."""
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        ((mark,),) = database.execute("PRAGMA application_id")
        ((tables,),) = database.execute("SELECT count(*) FROM sqlite_schema")
        if mark != _MARK and (mark or tables):
            raise JournalError(f"{self.path} is not a journal, or one of another version")
        database.execute("PRAGMA journal_mode = WAL")  # stays so: not of what is not ours
        database.execute("PRAGMA synchronous = FULL")
        database.execute("BEGIN IMMEDIATE")
        if not tables:
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {_MARK}")
        database.execute("COMMIT")

    def _reason(self, error: sqlite3.Error) -> str:
        code = getattr(error, "sqlite_errorname", "")
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return f"{self.path} is in use: a journal serves one map at a time"
        if code == "SQLITE_NOTADB":
            return f"{self.path} is not a journal"
        return f"the journal {self.path} can't be read or written: {error}"
