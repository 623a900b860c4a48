"""
Journal of a `map`: a file with which a batch resumes after a crash.

For each input, the file contains a digest before the input is submitted, then the job's id, then
the result. It contains no API key, no secret and no input. It is an SQLite database in WAL mode:

- Each change is committed before the next step depends on it: the intent before the job is
  submitted, the result before it is yielded. Each commit waits for the disk (`synchronous=FULL`).
  Committed changes survive a crash of the process, and a power failure if the disk is reliable.
- The job's id is committed without waiting. If the process crashes between the start of a
  submission and the commit of its id, the input is *uncertain*.
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
from runpod_sdk._signals import raised_by_signal_handler
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
    """Status of an input in a journal."""

    UNCERTAIN = "uncertain"
    """Submission started, but no job id was recorded: a job may exist."""
    RUNNING = "running"
    """The job's id is recorded, but not its end."""
    EXPIRED = "expired"
    """The server no longer knew the job when its result was requested."""
    SUCCEEDED = "succeeded"
    """The job succeeded; its result is stored."""
    FAILED = "failed"
    """The job failed; its state is stored, and it is not run again unless you decide so."""
    OPEN = "open"
    """No job exists (refused, or cancelled by `on_leave`): the next `map` submits the input."""
    SKIPPED = "skipped"
    """The input is skipped by your decision."""


@frozen
class JournalEntry:
    """One input in a journal."""

    index: int
    status: JournalStatus
    job_id: str | None
    since: datetime
    """Time of the last change."""
    digest: bytes = field(default=b"", repr=False)
    result: Mapping[str, JSONValue] | None = field(default=None, repr=False)
    """The final state as JSON."""


@frozen
class Change:
    """A change of one input, to write to the file."""

    index: int
    status: JournalStatus
    job_id: str | None = None
    result: Mapping[str, JSONValue] | None = None
    digest: bytes | None = None
    """The input's digest, in its first change."""

    def statement(self, now: float) -> Statement:
        """Return the SQL statement of this change, and its values."""
        result = None if self.result is None else write(self.result)
        values = self.status, self.job_id, now, result, self.index
        return (_UPDATE, values) if self.digest is None else (_INTEND, (*values, self.digest))


_WITH_A_JOB = {JournalStatus.RUNNING, JournalStatus.EXPIRED}
_WITH_A_RESULT = {JournalStatus.SUCCEEDED, JournalStatus.FAILED}
_LONGEST_ID = 4_096
_DIGEST_SIZE = 32


class Journal:
    """
    A journal of one `map`: the submitted jobs and their results.

    Pass the path or a `Journal` to `map(…, journal=…)`. While no `map` uses the journal, you can
    read it and decide about its inputs. Close it, or use it as a context manager.

    Args:
        path: The file, on a local disk; it is created if it does not exist. While it is open,
            and after a crash, a second file with the suffix `-wal` belongs to it.

    Raises:
        JournalError: The file is in use, or is not a journal.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = checked_path(path)
        """The path of the file."""
        self._taken = threading.Lock()
        self._file = JournalFile(self.path)

    @property
    def counts(self) -> dict[JournalStatus, int]:
        """Number of inputs by status; statuses without inputs are omitted."""
        query = "SELECT status, count(*) FROM inputs GROUP BY status ORDER BY status"
        return {self._status(status): count for status, count in self._ask(query)}

    def uncertain(self) -> list[JournalEntry]:
        """Return the inputs that may be jobs with unknown ids."""
        return self._entries("status = 'uncertain'")

    def failed(self) -> list[JournalEntry]:
        """Return the inputs whose jobs failed (with their states) or expired."""
        return self._entries("status IN ('failed', 'expired')")

    def resolve(self, index: int, decision: Literal["resubmit", "skip"] | str) -> None:
        """
        Decide what the next `map` does with an uncertain, failed or expired input.

        Args:
            index: The input's index, counted from 0.
            decision: "resubmit" submits the input again, although a job may exist. "skip"
                makes its result an error. Any other text is the job's id, and `map` waits
                for that job.

        Raises:
            ValueError: The input does not exist, or its job is running or has succeeded.
        """
        entry = self._entry(index)
        if entry is None:
            raise ValueError(f"input {index} is not in {self.path}")
        if entry.status in (JournalStatus.RUNNING, JournalStatus.SUCCEEDED):
            raise ValueError(
                f"input {index} needs no decision: job {entry.job_id} is {entry.status}"
            )
        words = {"resubmit": JournalStatus.OPEN, "skip": JournalStatus.SKIPPED}
        job_id = None if decision in words else _job_id(decision)
        self._write([Change(index, words.get(decision, JournalStatus.RUNNING), job_id)])

    def close(self) -> None:
        """Close the file. In a forked process, this has no effect."""
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
            if raised_by_signal_handler(error):
                raise
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
