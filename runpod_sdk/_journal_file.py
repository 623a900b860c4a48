"""
The file of a journal: an SQLite database in WAL mode that one process uses at a time.

Commits go to a second file, `-wal`, until SQLite copies them into the first one. The first file
alone would be an older journal, and a `map` would submit inputs again. The file is therefore marked
as `behind` while `-wal` contains commits that it lacks, and is refused without `-wal`. The mark is
set and copied into the file, and the next commit, which only `-wal` contains, deletes it. Copying
that commit into the file removes the mark.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from runpod_sdk import _forks
from runpod_sdk._file_lock import FileLock, FileLostError, FileTakenError
from runpod_sdk._signals import ignored, raised_by_signal_handler
from runpod_sdk.errors import JournalError
from runpod_sdk.journal_store import damaged

_URL: Final = re.compile("([A-Za-z][A-Za-z0-9+.-]+):/")  # a drive has one letter
_OLDER_APPLICATION: Final = 0x52504A31
_APPLICATION: Final = 0x52504A32  # "RPJ2": a journal, and its schema version
_SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE inputs (
    id INTEGER PRIMARY KEY,
    key TEXT,
    digest BLOB NOT NULL,
    status TEXT NOT NULL,
    job_id TEXT,
    since REAL NOT NULL,
    attempts INTEGER NOT NULL,
    result TEXT
);
CREATE INDEX unfinished ON inputs (status, since) WHERE status <> 'succeeded';
CREATE UNIQUE INDEX keys ON inputs (key) WHERE key IS NOT NULL;
"""
_UPGRADE: Final = """
ALTER TABLE inputs ADD COLUMN key TEXT;
ALTER TABLE inputs ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;
CREATE UNIQUE INDEX keys ON inputs (key) WHERE key IS NOT NULL;
INSERT INTO meta SELECT 'identity', 'position' WHERE EXISTS (SELECT 1 FROM inputs);
"""
"""Changes a journal of version RPJ1, which had neither keys nor attempts, to the schema above."""
_BEHIND: Final = "INSERT OR REPLACE INTO meta VALUES ('behind', '1')", ()
_NOT_BEHIND: Final = "DELETE FROM meta WHERE name = 'behind'", ()
_CHECKPOINT_SIZE: Final = 4 * 2**20
"""The size of `-wal` in bytes from which it is copied into the file."""

Statement = tuple[str, Sequence[Any]]


def checked_path(given: str | os.PathLike[str]) -> str:
    """
    Return the path of a journal, with `~` as the user's home.

    Raises:
        ValueError: *given* is empty, a URL, or not a valid path.
        TypeError: *given* is not a path.
    """
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(path, str):
        raise TypeError(
            "journal must be a path (str or os.PathLike), a Journal or a JournalStore, not"
            f" {given!r:.60}"
        )
    if not path.strip() or "\0" in path:
        raise ValueError(f"journal must be the path of a file, not {path!r}; None is no journal")
    scheme = _URL.match(path)
    if scheme and not os.path.isdir(f"{scheme[1]}:"):
        raise ValueError(
            f"journal must be a file on this machine, not a URL ({scheme[1]}:): pass its path, on a"
            " disk that outlives this process, or a PostgresStore"
        )
    return os.path.expanduser(path)


class JournalFile:
    """
    The file of a journal, locked until it is closed.

    Raises:
        JournalError: The file is in use, damaged, not a journal, or cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        # SQLite derives the names of its other files from the real path.
        self._file = os.path.realpath(path)
        self._wal = f"{self._file}-wal"
        self._process = os.getpid()
        self._mutex = threading.Lock()
        self._marked = False
        """Whether the file itself, without `-wal`, is marked as `behind`."""
        self._database: sqlite3.Connection | None = None
        with self._journal_errors():
            self._lock = FileLock(os.path.abspath(path))
            try:
                self._database = self._connected()
            except BaseException:
                self._lock.release()
                raise
        _forks.watch(self)

    def rows(self, query: str, *values: object) -> list[Any]:
        """Return the rows that *query* selects; commit its changes."""
        with self._using() as database:
            return database.execute(query, values).fetchall()

    def commit(self, statements: Iterable[Statement]) -> None:
        """
        Commit all statements or none, and wait for the disk.

        Raises:
            JournalError: The commit failed, or another program uses the file.
        """
        with self._using() as database:
            self._lock.check()
            if not self._marked or os.stat(self._wal).st_size >= _CHECKPOINT_SIZE:
                _commit(database, [_BEHIND])
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                self._marked = True
            _commit(database, [_NOT_BEHIND, *statements])

    def check(self) -> None:
        """
        Check that this process still has exclusive access to the file.

        Raises:
            JournalError: It does not.
        """
        with self._using():
            self._lock.check()

    def damaged(self, what: object) -> JournalError:
        """Return the error for invalid content."""
        return damaged(self.path, what)

    def close(self) -> None:
        """Close the file; without effect in a process that was forked after it was opened."""
        if self._process != os.getpid():
            return
        with self._mutex:
            database, self._database = self._database, None
            if database is None:
                return
            try:
                if self._marked and _is_behind(database):  # no commit since the mark was set
                    _commit(database, [_NOT_BEHIND])
                database.close()
            except sqlite3.Error:  # closed in this state, the file would always be refused
                _never_close(database)
            finally:
                self._lock.release()

    def __del__(self) -> None:
        with suppress(AttributeError):  # the file was not opened
            self.close()

    def after_fork(self) -> None:
        """Stop using the file, which belongs to the parent process."""
        if self._database is not None:
            self._lock.after_fork()
            _never_close(self._database)

    def check_process(self) -> None:
        """
        Check that this process has opened the file.

        Raises:
            JournalError: The parent process opened it before the fork.
        """
        if self._process != os.getpid():
            raise JournalError(
                f"{self.path} was opened by another process, before a fork: open it in the process"
                " that uses it"
            )

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        self.check_process()
        with self._mutex, self._journal_errors():
            if self._database is None:
                raise JournalError(f"{self.path} is closed: open a new Journal")
            yield self._database

    def _connected(self) -> sqlite3.Connection:
        has_wal = os.path.exists(self._wal)
        if has_wal and os.stat(self._wal).st_size and not os.stat(self._file).st_size:
            raise self.damaged("it is empty, but its -wal is not")
        database = sqlite3.connect(
            self._file, timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(database, has_wal)
            self._lock.watch(self._wal)
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection, has_wal: bool) -> None:
        """Check that the file is a complete journal, and configure how it is written."""
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        ((application,),) = database.execute("PRAGMA application_id")
        ((tables,),) = database.execute("SELECT count(*) FROM sqlite_schema")
        known = application in (_APPLICATION, _OLDER_APPLICATION)
        if not known and (application or tables):
            raise JournalError(
                f"{self.path} is not a journal, or is of another version: use another file"
            )
        if tables:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise self.damaged(found)
            if _is_behind(database) and not has_wal:
                raise JournalError(
                    f"{self.path} is incomplete without {self.path}-wal, which contains the last"
                    " jobs of a map that was not closed: restore that file, or use another journal"
                    " if you do not need its jobs"
                )
        database.execute("PRAGMA journal_mode = WAL")  # persistent, so only for journals
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        if not tables or application == _OLDER_APPLICATION:
            schema: str = _UPGRADE if tables else _SCHEMA
            statements = [(statement, ()) for statement in schema.split(";")]
            _commit(database, [*statements, (f"PRAGMA application_id = {_APPLICATION}", ())])

    @contextmanager
    def _journal_errors(self) -> Iterator[None]:
        """Convert errors of the file to a `JournalError` that names it."""
        try:
            yield
        except FileTakenError:
            raise self._in_use() from None
        except FileLostError as lost:
            name = str(lost) if str(lost) == self._wal else self.path
            raise JournalError(
                f"{name} was deleted, moved or replaced while the journal was in use; nothing"
                " more is sent. Restore the file and start again"
            ) from None
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorname", "")
            if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise self._in_use() from error
            if code == "SQLITE_NOTADB":
                raise JournalError(f"{self.path} is not a journal: use another file") from error
            if code.startswith(_SYSTEM_ERRORS):
                raise self._unusable(str(error)) from error
            raise self.damaged(error) from error
        except (OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
            if raised_by_signal_handler(error):
                raise
            if isinstance(error, OSError):
                raise self._unusable(error.strerror or str(error)) from error
            raise self.damaged(error) from error

    def _in_use(self) -> JournalError:
        return JournalError(
            f"{self.path} is in use by another map: wait until that map has ended, or use"
            " another file",
            in_use=True,
        )

    def _unusable(self, reason: str) -> JournalError:
        directory = os.path.dirname(self._file)
        if not os.path.isdir(directory):
            reason, advice = f"there is no directory {directory}", "create it"
        elif os.path.isdir(self._file):
            reason, advice = "it is a directory", "use the path of a file"
        else:
            advice = "use a file on a disk with free space where files can be written and locked"
        return JournalError(
            f"the journal {self.path} cannot be read or written: {reason}; {advice}"
        )


_SYSTEM_ERRORS: Final = tuple(
    f"SQLITE_{name}" for name in ("CANTOPEN", "FULL", "IOERR", "NOMEM", "PERM", "READONLY")
)
"""SQLite errors that are not caused by the content."""

_never_closed: Final[list[sqlite3.Connection]] = []


def _commit(database: sqlite3.Connection, statements: Iterable[Statement]) -> None:
    database.execute("BEGIN IMMEDIATE")
    try:
        for statement, values in statements:
            database.execute(statement, values)
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _is_behind(database: sqlite3.Connection) -> bool:
    return bool(database.execute("SELECT 1 FROM meta WHERE name = 'behind'").fetchall())


def _never_close(database: sqlite3.Connection) -> None:
    """Never close a connection: SQLite would change and delete the parent's files."""
    _never_closed.append(database)
    with ignored(Exception):  # on failure, it is kept until the interpreter ends
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(database))
