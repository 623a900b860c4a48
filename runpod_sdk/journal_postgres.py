"""
Journals in PostgreSQL, which survive the machine that runs a `map`.

The tables `runpod_sdk_journals` and `runpod_sdk_inputs` of one database contain any number of
journals. A journal has one owner at a time:

- The owner has a *lease*, which it renews while it lives. If its connection to the server ends, or
  the lease expires because its machine vanished or its process stands still, another owner may
  take over.
- Each takeover increments the journal's *fence*. Each write compares the fence in the statement
  that stores the rows. An owner that was taken over, even if it notices nothing, therefore writes
  no intent any more, and a `map` submits nothing without an intent.

Needs psycopg 3, of the extra `postgres`.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, Literal, TypeVar

from runpod_sdk import _forks
from runpod_sdk import _postgres_sql as sql
from runpod_sdk._importing import whole_imports
from runpod_sdk._secret import Secret, clear_frames
from runpod_sdk._signals import ignored
from runpod_sdk.errors import ConfigurationError, JournalError
from runpod_sdk.journal_store import JournalRow
from runpod_sdk.settings import Timeout, length_of_time

__all__ = ["PostgresStore", "postgres_journals"]

T = TypeVar("T")

_LONGEST_NAME: Final = 200
_PAUSE: Final = 0.25
"""Seconds between two attempts to connect again."""


class PostgresStore:
    """
    A `JournalStore` in PostgreSQL.

    Pass it to `map(…, journal=…)`, to `submit`, or to `Journal`. No connection is made before. It
    can be pickled only if *dsn* is empty, because a connection string may contain a password.

    Examples:
        ```py
        store = PostgresStore("2026-05/part-17", os.environ["JOURNAL_DSN"])
        for result in endpoint.map(rows, key=lambda row: row["id"], journal=store):
            print(result.key, result.output)
        ```

    Args:
        name: The journal's name. The database contains a journal for each name.
        dsn: Connection string, such as `postgresql://user:password@host/database`. If it is
            empty, the variables `PGHOST`, `PGUSER`, `PGPASSWORD` and others say how to connect.
        lease: Seconds after which another owner may take over, if this owner does not renew its
            lease. It renews three times in that time.
        wait: Seconds to wait for a journal that has another owner; 0 does not wait, None waits
            without limit. An owner that lost its machine is waited for as long as its lease.

    Raises:
        ConfigurationError: psycopg, of the extra `postgres`, is not installed.
        ValueError: The name is empty or too long, *dsn* is not a connection string, or *lease*
            is shorter than a second.
    """

    def __init__(
        self, name: str, dsn: str = "", *, lease: Timeout = 30.0, wait: Timeout = 60.0
    ) -> None:
        self._dsn = Secret(dsn) if dsn else None
        del dsn
        _psycopg()
        _check_dsn(self._dsn)
        if not isinstance(name, str) or not name.strip() or sql.UNSTORABLE.search(name):
            raise ValueError(f"name must be the name of a journal, not {name!r:.60}")
        if len(name) > _LONGEST_NAME:
            raise ValueError(f"name must have at most {_LONGEST_NAME} characters")
        length = length_of_time(lease, "lease")
        if length is None or length < 1:
            raise ValueError(f"lease must be at least one second, not {lease!r}")
        self._journal, self._lease = name, length
        self._wait = 0.0 if wait == 0 else length_of_time(wait, "wait")
        self._process = os.getpid()
        self._mutex = threading.Lock()
        self._connection: Any = None
        self._id: int | None = None
        """The journal's number in the database, while this object is its owner."""
        self._fence = 0
        self._stopped = threading.Event()

    @property
    def name(self) -> str:
        return f"postgresql:{self._journal}"

    @property
    def wait(self) -> float | None:
        return self._wait

    def open(self) -> None:
        self._process = os.getpid()
        with self._mutex:
            if self._id is not None:
                raise JournalError(f"{self.name} is in use by another map here", in_use=True)
            try:
                self._id, self._fence = self._call(self._acquire)
            except BaseException:
                self._disconnect()
                raise
        _forks.watch(self)
        self._stopped = threading.Event()
        beat = weakref.ref(self), self._stopped, self._lease / 3
        threading.Thread(target=_renew, args=beat, name="runpod_sdk journal", daemon=True).start()

    def close(self) -> None:
        if self._process != os.getpid():
            return
        self._stopped.set()
        with self._mutex:
            if self._id is not None and self._connection is not None:
                with suppress(_psycopg().Error):  # the lease expires by itself
                    self._connection.execute(sql.GIVE_BACK, self._owned)
            self._id = None
            self._disconnect()

    def setting(self, name: str, value: str) -> str:
        values = {"setting": name, "value": value}
        ((known,),) = self._query(sql.SET, values) or (self._lost(),)
        return str(known)

    def size(self) -> int:
        ((size,),) = self._query(sql.SIZE)
        return int(size)

    def counts(self) -> Mapping[str, int]:
        return dict(self._query(sql.COUNTS))

    def find(
        self, column: Literal["number", "key", "status"], values: Sequence[int | str]
    ) -> list[JournalRow]:
        return self._rows(sql.FIND[column], {"values": list(values)})

    def page(self, start: int, limit: int) -> list[JournalRow]:
        return self._rows(sql.PAGE, {"start": start, "limit": limit})

    def write(self, rows: Sequence[JournalRow]) -> None:
        columns = zip(*rows, strict=True) if rows else ((),) * len(JournalRow._fields)
        values = dict(zip(JournalRow._fields, map(list, columns), strict=True))
        ((owned,),) = self._query(sql.WRITE, values)
        if not owned:
            self._lost()

    def __repr__(self) -> str:
        name = getattr(self, "_journal", None)  # a traceback may show one that was refused
        return f"{type(self).__name__}({name!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _remade, (self._journal, self._dsn, self._lease, self._wait)

    def __del__(self) -> None:
        with suppress(AttributeError):  # the arguments were refused
            self.close()

    def after_fork(self) -> None:
        """Close the copy of the connection, which belongs to the parent process."""
        self._stopped = threading.Event()
        self._mutex = threading.Lock()
        if self._connection is not None:
            with suppress(Exception):  # without a word to the server
                os.close(self._connection.fileno())
            _never_closed.append(self._connection)
            self._connection = None

    def _rows(self, query: str, values: Mapping[str, object]) -> list[JournalRow]:
        return [JournalRow(*row) for row in self._query(query, values)]

    def _query(self, query: str, values: Mapping[str, object] | None = None) -> list[Any]:
        """Carry out a statement as the journal's owner."""
        self._check_process()
        with self._mutex:
            if self._id is None:
                raise JournalError(f"{self.name} is closed: open a new Journal")
            given = {**(values or {}), **self._owned}
            return self._call(lambda connection: connection.execute(query, given).fetchall())

    @property
    def _owned(self) -> dict[str, object]:
        return {"id": self._id, "fence": self._fence, "lease": self._lease}

    def _check_process(self) -> None:
        if self._process != os.getpid():
            raise JournalError(
                f"{self.name} was opened by another process, before a fork: open it in the process"
                " that uses it"
            )

    def _call(self, work: Callable[[Any], T]) -> T:
        """
        Call *work* with a connection; as the owner, connect again if it is lost.

        What *work* does may be done twice, if the server's answer is lost.
        """
        errors, before = _psycopg(), sys.exception()
        until = time.monotonic() + self._lease
        while True:
            try:
                return work(self._connected())
            except errors.Error as error:
                lost = _is_lost(error, self._connection)
                failure = self._unusable(error)
                clear_frames(error, before)
            except BaseException as reason:  # also Ctrl-C while it connects
                clear_frames(reason, before, only_ours=False)
                raise
            if not lost or self._id is None or time.monotonic() >= until:
                raise failure  # here, as psycopg's error has frames with the password
            self._disconnect()
            time.sleep(_PAUSE)

    def _connected(self) -> Any:
        if self._connection is None:
            connection = _connect(self._dsn, self._lease)
            try:
                if self._id is not None and not connection.execute(sql.RENEW, self._owned).rowcount:
                    self._lost()
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with ignored(Exception):
                connection.close()

    def _acquire(self, connection: Any) -> tuple[int, int]:
        """Take the lease, if it is free; return the journal's number and the new fence."""
        _create_tables(connection)
        connection.execute(sql.CREATE, {"name": self._journal})
        (found,) = connection.execute(sql.LOOK, {"name": self._journal}).fetchall()
        number, fence, version, owner, expires, free = found
        if version != sql.VERSION:
            raise JournalError(f"{self.name} is of another version: use another name")
        if free:
            holder = f"{socket.gethostname()}, process {os.getpid()}"
            given = {"id": number, "fence": fence, "expires": expires, "lease": self._lease}
            taken = connection.execute(sql.TAKE, {**given, "owner": holder}).fetchall()
            if taken:
                return number, taken[0][0]
        raise JournalError(
            f"{self.name} is in use by another map ({owner}): wait until that map has ended, or"
            " use another journal",
            in_use=True,
        )

    def _lost(self) -> Any:
        raise JournalError(
            f"{self.name} was taken over by another map, because this one did not renew its lease"
            f" of {self._lease:g} s or lost its connection; nothing more is sent"
        )

    def _unusable(self, error: Exception) -> JournalError:
        reason = _reason(error, self._dsn)
        return JournalError(
            f"the journal {self.name} cannot be used: {reason}; check the connection string and"
            " the database"
        )


def postgres_journals(dsn: str = "") -> dict[str, dict[str, int]]:
    """
    Return the names of a database's journals, with the number of inputs by status.

    It can be called while a `map` uses the journals, for example to sum up the progress of all.

    Args:
        dsn: Connection string, as for `PostgresStore`.

    Raises:
        JournalError: The database cannot be used.
    """
    secret = Secret(dsn) if dsn else None
    del dsn
    _check_dsn(secret)
    errors, before = _psycopg(), sys.exception()
    try:
        with _connect(secret, 30.0) as connection:
            found: dict[str, dict[str, int]] = {}
            ((exists,),) = connection.execute(sql.EXISTS).fetchall()
            rows = connection.execute(sql.LIST).fetchall() if exists else ()
            for name, status, count in rows:
                counts = found.setdefault(name, {})
                if status is not None:
                    counts[status] = count
            return found
    except errors.Error as error:
        failure = JournalError(f"the journals cannot be read: {_reason(error, secret)}")
        clear_frames(error, before)
    raise failure


_never_closed: Final[list[Any]] = []


def _renew(store: weakref.ref[PostgresStore], stopped: threading.Event, seconds: float) -> None:
    """Renew a store's lease until it is closed or forgotten."""
    while not stopped.wait(seconds):
        owner = store()
        if owner is None:
            return
        with suppress(JournalError):  # the next write of the map raises it
            owner.write(())
        del owner


def _psycopg() -> Any:
    try:
        with whole_imports():
            return import_module("psycopg")
    except ImportError as error:
        raise ConfigurationError(
            "journals in PostgreSQL need psycopg 3 and libpq:"
            " pip install 'runpod_sdk[postgres]' 'psycopg[binary]'"
        ) from error


def _check_dsn(dsn: Secret[str] | None) -> None:
    errors, before = _psycopg(), sys.exception()
    if dsn is None:
        return
    try:
        import_module("psycopg.conninfo").conninfo_to_dict(dsn.reveal())
        return
    except (errors.Error, TypeError, ValueError) as error:
        clear_frames(error, before)
    raise ValueError(
        "dsn is not a connection string: use postgresql://user:password@host/database, with"
        " special characters of the password percent-encoded"
    )


def _connect(dsn: Secret[str] | None, patience: float) -> Any:
    """Connect, so that no call waits much longer than *patience* seconds for a dead server."""
    limits: dict[str, object] = {
        "connect_timeout": 10,
        "tcp_user_timeout": int(patience * 1000),
        "keepalives_idle": max(int(patience / 3), 1),
        "keepalives_interval": max(int(patience / 6), 1),
        "keepalives_count": 3,
    }
    given = _settings_of(dsn)
    connection = _psycopg().connect(
        "" if dsn is None else dsn.reveal(),
        autocommit=True,
        prepare_threshold=None,
        fallback_application_name="runpod_sdk",
        **{name: value for name, value in limits.items() if name not in given},
    )
    try:
        connection.execute(sql.WAIT_FOR_THE_DISK)
    except BaseException:
        connection.close()
        raise
    return connection


def _settings_of(dsn: Secret[str] | None) -> set[str]:
    if dsn is None:
        return set()
    return set(import_module("psycopg.conninfo").conninfo_to_dict(dsn.reveal()))


def _create_tables(connection: Any) -> None:
    """Create the tables if they do not exist; several processes may do so at the same time."""
    ((exists,),) = connection.execute(sql.EXISTS).fetchall()
    if not exists:
        with connection.transaction():
            connection.execute(sql.LOCK_SCHEMA)
            connection.execute(sql.SCHEMA)


def _is_lost(error: Any, connection: Any) -> bool:
    """Whether the statement may succeed with a new connection."""
    gone = connection is None or connection.closed
    return gone or (error.sqlstate or "").startswith(("08", "40", "57P", "25006"))


def _reason(error: Any, dsn: Secret[str] | None) -> str:
    """Return the reason of an error, which contains no part of the connection string."""
    stated: str | None = error.diag.message_primary
    if stated:
        return stated
    reason = sql.QUOTED.sub("…", str(error).partition("\n")[0].rpartition(": ")[2]).strip()
    secrets = () if dsn is None else sql.WORDS.findall(dsn.reveal())
    if not reason or any(word in reason for word in secrets):
        return "the connection failed"
    return reason


def _remade(name: str, dsn: Secret[str] | None, lease: float, wait: float | None) -> PostgresStore:
    """Return a copy of a store that is not open; a `Secret` can be copied, but not pickled."""
    return PostgresStore(name, "" if dsn is None else dsn.reveal(), lease=lease, wait=wait)
