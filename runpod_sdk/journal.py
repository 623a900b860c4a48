"""
Journal of a `map`: a file or database with which a batch resumes after a crash.

For each input, the journal contains a digest before the input is submitted, then the job's id,
then the result. It contains no API key, no secret and no input. By default it is an SQLite
database in WAL mode:

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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from runpod_sdk._keys import Key, checked_key, key_from_text, key_to_text
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk._types import JSONValue
from runpod_sdk.errors import JournalError
from runpod_sdk.journal_store import JournalRow, JournalStore, damaged, open_store
from runpod_sdk.json_text import read
from runpod_sdk.settings import checked_choice, checked_id

__all__ = ["AnyJournal", "Journal", "JournalEntry", "JournalStatus"]


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
    """The input's index; in a journal with keys, the input's number in this journal."""
    status: JournalStatus
    job_id: str | None
    since: datetime
    """Time of the last change."""
    digest: bytes = field(default=b"", repr=False)
    result: Mapping[str, JSONValue] | None = field(default=None, repr=False)
    """The final state as JSON."""
    key: Key | None = None
    """The input's key, if the `map` had `key`."""
    attempts: int = 1
    """Number of submissions that were started."""


_WITH_A_JOB = {JournalStatus.RUNNING, JournalStatus.EXPIRED}
_WITH_A_RESULT = {JournalStatus.SUCCEEDED, JournalStatus.FAILED}
_DECISIONS = {"resubmit": JournalStatus.OPEN, "skip": JournalStatus.SKIPPED}
_LONGEST_ID = 4_096
_DIGEST_SIZE = 32
_PAGE = 50
"""Number of entries that are read at a time."""


class Journal:
    """
    A journal of one `map`: the submitted jobs and their results.

    Pass the path or a `Journal` to `map(…, journal=…)`. While no `map` uses the journal, you can
    read it and decide about its inputs. Close it, or use it as a context manager.

    Args:
        path: The file, on a local disk; it is created if it does not exist. While it is open,
            and after a crash, a second file with the suffix `-wal` belongs to it. Or a
            `JournalStore`, such as a `PostgresStore`.

    Raises:
        JournalError: The journal is in use, is damaged, or is not a journal.
    """

    path: str
    """The path of the file, or the name of the store."""

    def __init__(self, path: str | os.PathLike[str] | JournalStore) -> None:
        self._use(store_of(path))
        open_store(self._store)

    @classmethod
    def _of(cls, store: JournalStore) -> Journal:
        """Return the journal of a store that is open."""
        journal = cls.__new__(cls)
        journal._use(store)
        return journal

    def _use(self, store: JournalStore) -> None:
        self.path = store.name
        self._store = store
        self._taken = threading.Lock()

    @property
    def counts(self) -> dict[JournalStatus, int]:
        """Number of inputs by status; statuses without inputs are omitted."""
        return {self._status(status): count for status, count in self._store.counts().items()}

    def uncertain(self) -> list[JournalEntry]:
        """Return the inputs that may be jobs with unknown ids."""
        return self._having(JournalStatus.UNCERTAIN)

    def failed(self) -> list[JournalEntry]:
        """Return the inputs whose jobs failed (with their states) or expired."""
        return self._having(JournalStatus.FAILED, JournalStatus.EXPIRED)

    def entries(self) -> Iterator[JournalEntry]:
        """Iterate over all inputs, by index. Some entries are in memory at a time, not all."""
        start = 0
        while entries := self._page(start):
            yield from entries
            start = entries[-1].index + 1

    def entry(self, index: int | None = None, *, key: Key | None = None) -> JournalEntry:
        """
        Return one input.

        Args:
            index: The input's index, counted from 0.
            key: The input's key, instead of its index.

        Raises:
            ValueError: The journal contains no such input.
            TypeError: Neither or both arguments were given.
        """
        if (index is None) == (key is None):
            raise TypeError("give either the index or the key of an input")
        identity = index if key is None else checked_key(key)
        known = key is not None or _is_index(index)
        found = self._find([identity], by_key=key is not None) if known else {}
        if not found:
            name = f"input {index}" if key is None else f"the key {key!r}"
            raise ValueError(f"{name} is not in {self.path}")
        return found[identity]

    def resolve(
        self, index: int | JournalEntry, decision: Literal["resubmit", "skip"] | str
    ) -> None:
        """
        Decide what the next `map` does with an uncertain, failed or expired input.

        Args:
            index: The input's index, counted from 0, or its entry.
            decision: "resubmit" submits the input again, although a job may exist. "skip"
                makes its result an error. Any other text is the job's id, and `map` waits
                for that job.

        Raises:
            ValueError: The input does not exist, or its job is running or has succeeded.
            JournalError: A `map` uses this object.
        """
        self._check_idle()
        entry = self.entry(index.index if isinstance(index, JournalEntry) else index)
        self._write([_decided(entry, decision)])

    def resolve_all(
        self, entries: Iterable[JournalEntry], decision: Literal["resubmit", "skip"]
    ) -> int:
        """
        Decide what the next `map` does with several inputs, as `resolve` does with one.

        Args:
            entries: Entries of this journal, as `failed()` or `entries()` returns them.
            decision: "resubmit" or "skip".

        Returns:
            The number of the inputs.

        Raises:
            ValueError: An input does not exist, or its job is running or has succeeded; nothing
                was changed.
            JournalError: A `map` uses this object.
        """
        self._check_idle()
        checked_choice(decision, "decision", *_DECISIONS)
        numbers = [entry.index for entry in entries]
        found = self._find(numbers, by_key=False)  # an entry may be older than a later run
        if missing := set(numbers) - set(found):
            raise ValueError(f"input {min(missing)} is not in {self.path}")
        rows = [_decided(found[number], decision) for number in numbers]
        self._write(rows)
        return len(rows)

    def close(self) -> None:
        """Close the journal. In a forked process, this has no effect."""
        self._store.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        path = getattr(self, "path", None)  # a traceback may show one whose path was refused
        return f"{type(self).__name__}({path!r})"

    # What `map` does with it.

    def _take(self, endpoint_id: str, by_key: bool | None = False) -> int:
        """
        Begin to use it for an endpoint, with inputs that are known by keys or by position.

        Args:
            by_key: None accepts both.

        Returns:
            The number of the next input that is added.
        """
        self._store.write(())  # fails in a forked process
        if not self._taken.acquire(blocking=False):
            raise JournalError(f"{self.path} is in use by another map", in_use=True)
        try:
            known = self._store.setting("endpoint", endpoint_id)
            if known != endpoint_id:
                raise JournalError(
                    f"{self.path} belongs to endpoint {known}, not {endpoint_id}: use another"
                    " file, or delete this one if you do not need its results"
                )
            wanted = "key" if by_key else "position"
            if by_key is not None and self._store.setting("identity", wanted) != wanted:
                wrong, advice = ("a key", "without") if by_key else ("no key", "with")
                raise JournalError(
                    f"{self.path} was begun {advice} key, and this map has {wrong}: call map"
                    f" {advice} key, or use another journal"
                )
            return self._store.size()
        except BaseException:
            self._give_back()
            raise

    def _check_idle(self) -> None:
        """Refuse a decision about an input whose submission may be in progress."""
        if self._taken.locked():
            raise JournalError(
                f"{self.path} is in use by a map: decide about its inputs after the map has ended",
                in_use=True,
            )

    def _give_back(self) -> None:
        self._taken.release()

    def _find(self, identities: Sequence[Any], *, by_key: bool) -> dict[Any, JournalEntry]:
        """Return the entries of inputs that are known by indexes or by keys."""
        if by_key:
            rows = self._store.find("key", [key_to_text(key) for key in identities])
        else:
            rows = self._store.find("number", identities)
        entries = map(self._read, rows)
        return {entry.key if by_key else entry.index: entry for entry in entries}

    def _page(self, start: int) -> list[JournalEntry]:
        """Return some entries whose indexes are *start* or larger."""
        return [self._read(row) for row in self._store.page(start, _PAGE)]

    def _running(self) -> list[JournalEntry]:
        """List the jobs whose ends were not seen, those that expire first at the beginning."""
        running = self._having(JournalStatus.RUNNING, JournalStatus.EXPIRED)
        return sorted(running, key=lambda entry: entry.since)

    def _write(self, rows: Iterable[JournalRow]) -> None:
        """Write the last of several rows of each input; commit all of them, or none."""
        self._store.write(list({row.number: row for row in rows}.values()))

    def _having(self, *statuses: JournalStatus) -> list[JournalEntry]:
        return [self._read(row) for row in self._store.find("status", statuses)]

    def _read(self, row: JournalRow) -> JournalEntry:
        """
        Make the entry of a row, of which nothing is taken for granted.

        Raises:
            JournalError: No journal has written such a row.
        """
        index, key, digest, status, job_id, since, attempts, result = row
        try:
            _check(isinstance(index, int) and index >= 0, "index")
            _check(isinstance(digest, bytes) and len(digest) == _DIGEST_SIZE, "digest")
            _check(isinstance(since, float), "time")
            _check(isinstance(attempts, int) and attempts >= 0, "number of attempts")
            known = self._status(status)
            if known in _WITH_A_JOB or job_id is not None:
                size = len(checked_id(job_id or "", "job_id").encode())
                _check(0 < size <= _LONGEST_ID, "job_id")
            state = None if result is None else read(result)
            if known in _WITH_A_RESULT or state is not None:
                _check(isinstance(state, dict), "result")
            at = datetime.fromtimestamp(since, UTC)
            name = None if key is None else key_from_text(key)
            return JournalEntry(index, known, job_id, at, digest, state, name, attempts)
        except (ValueError, TypeError, OverflowError, OSError, RecursionError) as error:
            if raised_by_signal_handler(error):
                raise
            raise self._damaged(index, error) from error

    def _damaged(self, index: object, what: object) -> JournalError:
        return damaged(self.path, f"input {index}: {what}")

    def _status(self, text: Any) -> JournalStatus:
        try:
            return JournalStatus(text)
        except ValueError as error:
            raise damaged(self.path, error) from error


AnyJournal: TypeAlias = Journal | JournalStore | str | os.PathLike[str]
"""A journal, or where it is stored."""


def store_of(journal: str | os.PathLike[str] | JournalStore) -> JournalStore:
    """
    Return the store of a journal: an SQLite file for a path.

    Raises:
        ValueError, TypeError: *journal* is neither a path nor a store.
    """
    if isinstance(journal, JournalStore):
        return journal
    from runpod_sdk._journal_sqlite import SQLiteStore

    return SQLiteStore(journal)


def _decided(entry: JournalEntry, decision: str) -> JournalRow:
    """
    Return the row of an entry after a decision.

    Raises:
        ValueError: The entry needs no decision, or *decision* is not one.
    """
    if entry.status in (JournalStatus.RUNNING, JournalStatus.SUCCEEDED):
        raise ValueError(
            f"{name_of(entry.index, entry.key)} needs no decision: job {entry.job_id} is"
            f" {entry.status}"
        )
    status = _DECISIONS.get(decision, JournalStatus.RUNNING)
    job_id = None if decision in _DECISIONS else _job_id(decision)
    key = None if entry.key is None else key_to_text(entry.key)
    since, attempts = time.time(), entry.attempts
    return JournalRow(entry.index, key, entry.digest, status.value, job_id, since, attempts, None)


def name_of(index: int, key: Key | None) -> str:
    """Return what messages call an input."""
    return f"input {index}" if key is None else f"the input with key {key!r}"


def _is_index(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**63


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
