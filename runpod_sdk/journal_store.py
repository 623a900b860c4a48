"""
Where a journal is stored.

A `Journal` stores its inputs in a `JournalStore`: by default in an SQLite file, or in PostgreSQL
by `runpod_sdk.journal_postgres.PostgresStore`. To store journals elsewhere, write a class with
the same methods and pass an object of it to `Journal` or `map(…, journal=…)`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from runpod_sdk.errors import JournalError

__all__ = ["JournalRow", "JournalStore"]

RETRY_OPEN = 0.25
"""Seconds between two attempts to open a store that is in use."""


class JournalRow(NamedTuple):
    """One input, as a store keeps it."""

    number: int
    """The input's number in this journal, from 0: its identity in the store."""
    key: str | None
    """The key as JSON text, unique in the journal; None if inputs are known by position."""
    digest: bytes
    status: str
    job_id: str | None
    since: float
    """Time of the last change, in seconds since 1970."""
    attempts: int
    """Number of submissions that were started."""
    result: str | None
    """The final state as JSON text."""


@runtime_checkable
class JournalStore(Protocol):
    """
    Stores one journal, for one owner at a time.

    Several threads may call the methods at the same time. Methods raise `JournalError` if the
    store cannot be used, with a message that contains no password.
    """

    @property
    def name(self) -> str:
        """The journal's name in messages; it contains no password."""
        ...

    @property
    def wait(self) -> float | None:
        """Seconds to wait for a journal that is in use; None is no limit."""
        ...

    def open(self) -> None:
        """
        Become the owner of the journal, and create it if it does not exist.

        Raises:
            JournalError: Another owner uses the journal. Do not wait for it, but raise the error
                with `in_use=True`, so that the caller waits.
        """
        ...

    def close(self) -> None:
        """Stop being the owner. In a forked process, and a second time, this has no effect."""
        ...

    def setting(self, name: str, value: str) -> str:
        """Store *value* as a setting unless it has a value, and return its value."""
        ...

    def size(self) -> int:
        """Return the next free number: one more than the largest number of a row, or 0."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Return the number of rows by status."""
        ...

    def find(
        self, column: Literal["number", "key", "status"], values: Sequence[int | str]
    ) -> list[JournalRow]:
        """Return the rows that have one of *values* in *column*, by their numbers."""
        ...

    def page(self, start: int, limit: int) -> list[JournalRow]:
        """Return up to *limit* rows whose numbers are *start* or larger, by their numbers."""
        ...

    def write(self, rows: Sequence[JournalRow]) -> None:
        """
        Store all rows or none, in place of rows with the same numbers, and wait for the disk.

        Without rows, check only that this object is still the owner.

        Raises:
            JournalError: This object is no longer the owner. Nothing was written, even if it
                was the owner until a moment ago: otherwise two owners could submit one input.
        """
        ...


def open_store(store: JournalStore) -> None:
    """
    Open a store, and wait while it is in use, for as long as it says.

    Raises:
        JournalError: It is still in use, or cannot be used.
    """
    until = None if store.wait is None else time.monotonic() + store.wait
    while True:
        try:
            return store.open()
        except JournalError as error:
            if not error.in_use or (until is not None and time.monotonic() >= until):
                raise
        time.sleep(RETRY_OPEN)


def damaged(name: str, what: object) -> JournalError:
    """Return the error of a journal with invalid content."""
    return JournalError(
        f"the journal {name} is damaged ({what}): restore a copy, or use another journal if you do"
        " not need its jobs"
    )
