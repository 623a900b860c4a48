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

import os
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from attrs import field, frozen

from runpod_sdk._journal_file import JournalFile, Statement, checked_path
from runpod_sdk._types import JSONValue
from runpod_sdk.errors import JournalError
from runpod_sdk.json_text import read, write
from runpod_sdk.settings import checked_id

__all__ = ["Journal", "JournalEntry", "JournalStatus"]

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

    def statement(self, now: float) -> Statement:
        """Return the SQL that makes this change, and its values."""
        result = None if self.result is None else write(self.result)
        values = self.status, self.job_id, now, result, self.index
        return (_UPDATE, values) if self.digest is None else (_INTEND, (*values, self.digest))


_WITH_A_JOB = {JournalStatus.RUNNING, JournalStatus.EXPIRED}
_WITH_A_RESULT = {JournalStatus.SUCCEEDED, JournalStatus.FAILED}
_LONGEST_ID = 4_096
_DIGEST_SIZE = 32


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
        self.path = checked_path(path)
        """The file that was named."""
        self._taken = threading.Lock()
        self._file = JournalFile(self.path)

    @property
    def counts(self) -> dict[JournalStatus, int]:
        """How many inputs there are of each status; a status that none has is left out."""
        query = "SELECT status, count(*) FROM inputs GROUP BY status ORDER BY status"
        return {self._status(status): count for status, count in self._ask(query)}

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
            raise ValueError(f"input {index} needs no decision: job {entry.job_id} is {entry.status}")
        words = {"resubmit": JournalStatus.OPEN, "skip": JournalStatus.SKIPPED}
        job_id = None if decision in words else _job_id(decision)
        self._write([Change(index, words.get(decision, JournalStatus.RUNNING), job_id)])

    def close(self) -> None:
        """Close the file; of no effect in a process that was forked since it was opened."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    # What `map` does with it.

    def _take(self, endpoint_id: str) -> int:
        """Begin to use it for an endpoint; return how many inputs it knows, from the first."""
        self._file.check_process()
        if not self._taken.acquire(blocking=False):
            raise JournalError(f"{self.path} is in use by another map")
        try:
            self._ask(
                "INSERT INTO meta VALUES ('endpoint', ?) ON CONFLICT (name) DO NOTHING", endpoint_id
            )
            ((known,),) = self._ask("SELECT value FROM meta WHERE name = 'endpoint'")
            if known != endpoint_id:
                raise JournalError(
                    f"{self.path} belongs to endpoint {known}, not {endpoint_id}: use another"
                    " file, or delete this one if you do not need its results"
                )
            ((count,),) = self._ask("SELECT coalesce(max(id), -1) FROM inputs")
        except BaseException:
            self._give_back()
            raise
        return int(count) + 1

    def _give_back(self) -> None:
        self._taken.release()

    def _entry(self, index: int) -> JournalEntry | None:
        if not isinstance(index, int) or not 0 <= index < 2**63:
            return None
        entries = self._entries("id = ?", index)
        return entries[0] if entries else None

    def _running(self) -> list[JournalEntry]:
        """List the jobs whose ends were not seen, those that expire first at the beginning."""
        return self._entries("status IN ('running', 'expired')", order="since")

    def _write(self, changes: Iterable[Change]) -> None:
        """Commit all of the changes, or none."""
        now = time.time()
        self._file.commit([change.statement(now) for change in changes])

    def _entries(self, which: str, *values: object, order: str = "id") -> list[JournalEntry]:
        query = f"SELECT id, status, job_id, since, digest, result FROM inputs WHERE {which}"
        return [self._read(*row) for row in self._ask(f"{query} ORDER BY {order}", *values)]

    def _ask(self, query: str, *values: object) -> list[Any]:
        return self._file.rows(query, *values)

    def _read(
        self, index: Any, status: Any, job_id: Any, since: Any, digest: Any, result: Any
    ) -> JournalEntry:
        """
        Make the entry of a row, of which nothing is taken for granted.

        Raises:
            JournalError: No journal has written such a row.
        """
        try:
            _check(isinstance(index, int) and index >= 0, "index")
            _check(isinstance(digest, bytes) and len(digest) == _DIGEST_SIZE, "digest")
            _check(isinstance(since, float), "time")
            known = self._status(status)
            if known in _WITH_A_JOB or job_id is not None:
                _check(0 < len(checked_id(job_id, "job_id").encode()) <= _LONGEST_ID, "job_id")
            state = None if result is None else read(result)
            if known in _WITH_A_RESULT or state is not None:
                _check(isinstance(state, dict), "result")
            at = datetime.fromtimestamp(since, UTC)
            return JournalEntry(index, known, job_id, at, digest, state)
        except (ValueError, TypeError, OverflowError, OSError, RecursionError) as error:
            raise self._damaged(index, error) from error

    def _damaged(self, index: object, what: object) -> JournalError:
        return self._file.damaged(f"input {index}: {what}")

    def _status(self, text: Any) -> JournalStatus:
        try:
            return JournalStatus(text)
        except ValueError as error:
            raise self._file.damaged(error) from error


def _job_id(decision: str) -> str:
    try:
        return checked_id(decision, "decision")
    except (TypeError, ValueError):
        raise ValueError(
            f'decision must be "resubmit", "skip" or a job id, not {decision!r}'
        ) from None


def _check(good: bool, what: str) -> None:
    if not good:
        raise ValueError(f"its {what} is invalid")
