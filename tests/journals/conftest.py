"""A PostgreSQL server for the tests of this directory, started once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runpod_sdk.journal_postgres import PostgresStore
from tests.journals.server import MISSING, Server, running

pytest.importorskip("psycopg", reason="scripts/journals installs psycopg")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    if MISSING:
        pytest.skip("NO POSTGRESQL SERVER HERE: install Debian's package postgresql to test it")
    with running() as server:
        yield server


@pytest.fixture
def store(server: Server) -> Iterator[Callable[..., PostgresStore]]:
    """Return stores of one journal, or of the one that is named."""
    name, made = f"journal {secrets.token_hex(4)}", list[PostgresStore]()

    def make(name: str = name, dsn: str = "", **options: Any) -> PostgresStore:
        made.append(PostgresStore(name, dsn or server.dsn(), **{"wait": 0, **options}))
        return made[-1]

    yield make
    for one in made:
        one.close()
