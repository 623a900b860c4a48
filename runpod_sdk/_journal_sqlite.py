"""The store of a journal in an SQLite file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Literal, TypeVar

from runpod_sdk._journal_file import JournalFile, Statement, checked_path
from runpod_sdk.errors import JournalError
from runpod_sdk.journal_store import JournalRow

T = TypeVar("T")

_COLUMNS: Final = "id, key, digest, status, job_id, since, attempts, result"
_ROW: Final = "(?, ?, ?, ?, ?, ?, ?, ?)"
_WRITE: Final = f"""
INSERT INTO inputs ({_COLUMNS}) VALUES {{}}
ON CONFLICT (id) DO UPDATE SET
    key = excluded.key, digest = excluded.digest, status = excluded.status,
    job_id = excluded.job_id, since = excluded.since, attempts = excluded.attempts,
    result = excluded.result
"""
_MOST_VALUES: Final = 500
"""Values of one query, of which SQLite limits the number."""
_MOST_ROWS: Final = _MOST_VALUES // len(JournalRow._fields)


class SQLiteStore:
    """
    A `JournalStore` in an SQLite file that one process uses at a time.

    Raises:
        ValueError, TypeError: *path* is not the path of a file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name: Final = checked_path(path)
        self.wait: Final = 0.0
        self._file: JournalFile | None = None

    def open(self) -> None:
        self._file = JournalFile(self.name)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def setting(self, name: str, value: str) -> str:
        self._rows("INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO NOTHING", name, value)
        ((known,),) = self._rows("SELECT value FROM meta WHERE name = ?", name)
        return str(known)

    def size(self) -> int:
        ((last,),) = self._rows("SELECT coalesce(max(id), -1) FROM inputs")
        return int(last) + 1

    def counts(self) -> Mapping[str, int]:
        query = "SELECT status, count(*) FROM inputs GROUP BY status ORDER BY status"
        return dict(self._rows(query))

    def find(
        self, column: Literal["number", "key", "status"], values: Sequence[int | str]
    ) -> list[JournalRow]:
        named = "id" if column == "number" else column
        found = [row for some in _parts(values, _MOST_VALUES) for row in self._where(named, some)]
        return sorted(found) if len(values) > _MOST_VALUES else found

    def page(self, start: int, limit: int) -> list[JournalRow]:
        query = f"SELECT {_COLUMNS} FROM inputs WHERE id >= ? ORDER BY id LIMIT ?"
        return [JournalRow(*row) for row in self._rows(query, start, limit)]

    def write(self, rows: Sequence[JournalRow]) -> None:
        # Many rows at a time: after each statement, a thread waits for the interpreter's lock.
        if rows:
            self._opened.commit([_written(some) for some in _parts(rows, _MOST_ROWS)])
        else:
            self._opened.check()

    def _where(self, column: str, values: Sequence[int | str]) -> list[JournalRow]:
        marks = ", ".join("?" * len(values))
        query = f"SELECT {_COLUMNS} FROM inputs WHERE {column} IN ({marks}) ORDER BY id"
        return [JournalRow(*row) for row in self._rows(query, *values)]

    def _rows(self, query: str, *values: object) -> list[Any]:
        return self._opened.rows(query, *values)

    @property
    def _opened(self) -> JournalFile:
        if self._file is None:
            raise JournalError(f"{self.name} is not open: use it in a Journal")
        return self._file


def _written(rows: Sequence[JournalRow]) -> Statement:
    return _WRITE.format(", ".join([_ROW] * len(rows))), [*chain.from_iterable(rows)]


def _parts(values: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    return (values[at : at + most] for at in range(0, len(values), most))
