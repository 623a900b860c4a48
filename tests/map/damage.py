"""
Damaged journals: what disks, tools and other programs make of a good one.

`damages` draws what is done to a file; `apply` does it. `use` opens a journal as users do,
reads all of it and maps with it, and fails for any exception but a `JournalError` that names
the file. Others can draw from here for as long as they like:

    python -m tests.map.damage --examples 10000
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import attrs
import httpx
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from runpod_sdk import Journal, JournalError, Runpod

PAGE = 4096
COUNT = 12
RUNNING = 2
COLUMNS = ("id", "key", "digest", "status", "job_id", "since", "attempts", "result")

Damage = Callable[[Path], None]


@attrs.frozen
class Flip:
    """Bytes that are others."""

    places: list[tuple[float, int]]
    """How far in the file each is, from 0 up to 1, and the bits that change."""

    def __call__(self, path: Path) -> None:
        content = bytearray(path.read_bytes())
        for place, bits in self.places:
            content[int(place * len(content))] ^= bits
        path.write_bytes(content)


@attrs.frozen
class Truncate:
    """A file that ends too early, or, in `-wal`, a write that was cut short."""

    place: float

    def __call__(self, path: Path) -> None:
        os.truncate(path, int(self.place * path.stat().st_size))


@attrs.frozen
class Page:
    """A page that is another: zeros, noise, or a copy of a second one; put in, or in its place."""

    place: float
    content: float | bytes
    insert: bool

    def __call__(self, path: Path) -> None:
        whole = path.read_bytes()
        pages = [whole[at : at + PAGE] for at in range(0, len(whole), PAGE)]
        if isinstance(self.content, bytes):
            page = self.content.ljust(PAGE, b"\0")
        else:
            page = pages[int(self.content * len(pages))]
        at = int(self.place * len(pages))
        pages[at : at + (not self.insert)] = [page]
        path.write_bytes(b"".join(pages))


@attrs.frozen
class Value:
    """A value of a row that no journal has written."""

    column: str
    row: int
    value: Any

    def __call__(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as database, database:
            change = f"UPDATE OR REPLACE inputs SET {self.column} = ? WHERE id = ?"
            try:
                database.execute(change, (self.value, self.row))
            except (sqlite3.Error, OverflowError):  # not even SQLite takes it
                return


@attrs.frozen
class Statement:
    """SQL that another program has carried out."""

    text: str

    def __call__(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(self.text)


def nested(depth: int) -> str:
    return '{"id": "job-1", "status": "COMPLETED", "output": ' + "[" * depth + "]" * depth + "}"


_places = st.floats(0, 1, exclude_max=True)
_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_states = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("job-1") | _json,
        "status": st.sampled_from(["COMPLETED", "FAILED", "IN_QUEUE", ""]) | _json,
        "output": _json,
        "error": _json,
        "delayTime": st.integers() | st.floats() | _json,
        "executionTime": st.integers() | st.floats() | _json,
        "retries": st.integers() | _json,
        "workerId": _json,
    },
)
_texts = st.sampled_from(
    [
        *" /{",
        "",
        "..",
        "a/b",
        "\0",
        "job-1",
        "succeeded",
        "open",
        "{}",
        "[]",
        "null",
        "NaN",
        "1" * 5_000,
        nested(200_000),
        '{"id": NaN}',
        '"' * 3,
    ]
)
_numbers = st.sampled_from(
    [-1, 0, 2**62, 2**63 - 1, -(2**63), math.inf, -math.inf, math.nan, 1e300]
)
odd_values = (
    st.none()
    | _numbers
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.binary(max_size=40)
    | _texts
    | st.text(max_size=20)
    | (_states | _json).map(json.dumps)
)
_statements = st.sampled_from(
    [
        "UPDATE inputs SET status = CAST(x'ff00fe' AS TEXT)",
        "UPDATE inputs SET job_id = CAST(x'c328' AS TEXT)",
        "UPDATE inputs SET result = CAST(x'7bff7d' AS TEXT) WHERE result IS NOT NULL",
        "UPDATE meta SET value = x'00'",
        "DELETE FROM meta",
        "DROP TABLE meta",
        "DROP TABLE inputs",
        "DROP INDEX unfinished",
        "ALTER TABLE inputs RENAME COLUMN result TO results",
        "CREATE TRIGGER t BEFORE UPDATE ON inputs BEGIN SELECT RAISE(ABORT, 'no'); END",
        "INSERT INTO inputs VALUES (9223372036854775807, x'00', 'open', NULL, 0, NULL)",
        "PRAGMA application_id = 1",
        "PRAGMA user_version = 7",
        "PRAGMA journal_mode = DELETE",
    ]
)

damages: st.SearchStrategy[Damage] = st.one_of(
    st.builds(Flip, st.lists(st.tuples(_places, st.integers(1, 255)), min_size=1, max_size=8)),
    st.builds(Truncate, _places),
    st.builds(Page, _places, st.just(b"") | st.binary(max_size=200) | _places, st.booleans()),
    st.builds(Value, st.sampled_from(COLUMNS), st.integers(0, COUNT - 1), odd_values),
    st.builds(Value, st.sampled_from(COLUMNS), st.integers(0, COUNT - 1), odd_values),
    st.builds(Statement, _statements),
)
"""The damages of a file."""

damaged = st.lists(st.tuples(damages, st.booleans()), min_size=1, max_size=3)
"""The damages of a journal; for each, whether it is done to the `-wal`."""


class Jobs:
    """A service on which the jobs of the odd inputs fail, and the last ones keep running."""

    def __init__(self, *, all_end: bool) -> None:
        self.all_end = all_end
        self.submitted: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/run"):
            number = json.loads(request.content)["input"]
            self.submitted.append(number)
            if number == COUNT - 1 and not self.all_end:
                return httpx.Response(500, json={"detail": "no"})
            return httpx.Response(200, json={"id": f"job-{number}", "status": "IN_QUEUE"})
        job_id = request.url.path.rpartition("/")[2]
        number = int(job_id.removeprefix("job-")) if job_id.removeprefix("job-").isdigit() else 0
        if number >= COUNT - 1 - RUNNING and not self.all_end:
            return httpx.Response(200, json={"id": job_id, "status": "IN_PROGRESS"})
        body = {"id": job_id, "status": "FAILED" if number % 2 else "COMPLETED", "output": number}
        return httpx.Response(200, json=body)


def run(path: Path, jobs: Jobs, *, timeout: float | None = None) -> dict[int, Any]:
    """Map with the journal; return the errors by input, None where there is a result."""
    http = httpx.Client(transport=httpx.MockTransport(jobs))
    with Runpod("key", base_url="http://127.0.0.1:1/v2", http_client=http, max_retries=0) as client:
        endpoint = client.endpoint("ep")
        with endpoint.map(
            range(COUNT), journal=path, concurrency=COUNT, timeout=timeout
        ) as results:
            return {result.index: result.error for result in results}


def good(path: Path, *, closed: bool = True) -> set[int]:
    """
    Make a journal with entries of each kind; return the inputs that were sent.

    Args:
        path: The new file's path.
        closed: Whether it was closed; else it is as a crash leaves it, with a `-wal`.
    """
    jobs = Jobs(all_end=False)
    http = httpx.Client(transport=httpx.MockTransport(jobs))
    with Runpod("key", base_url="http://127.0.0.1:1/v2", http_client=http, max_retries=0) as client:
        options: dict[str, Any] = {"journal": path, "concurrency": COUNT, "ordered": False}
        with client.endpoint("ep").map(range(COUNT), **options) as results:
            for _ in range(COUNT - RUNNING):
                next(results)
    if not closed:
        crashed = path.with_name(f"{path.name}.crashed")
        with Journal(path) as journal:
            journal.resolve(COUNT - 1, "skip")
            for end in ("", "-wal"):
                shutil.copy(f"{path}{end}", f"{crashed}{end}")
        for end in ("", "-wal"):
            Path(f"{crashed}{end}").replace(f"{path}{end}")
    return set(jobs.submitted)


def apply(path: Path, done: Iterable[tuple[Damage, bool]]) -> None:
    """Damage a journal, or its `-wal` if that is asked for and exists."""
    for damage, wal in done:
        target = Path(f"{path}-wal") if wal else path
        if not target.exists() or not target.stat().st_size:
            continue
        with suppress(sqlite3.Error, UnicodeDecodeError):  # it was damaged too much already
            damage(path if isinstance(damage, Value | Statement) else target)


def use(path: Path) -> str:
    """
    Read the journal and map with it; return the outcome as one word.

    Raises:
        AssertionError: It raised what its users do not expect.
    """
    try:
        with Journal(path) as journal:
            _ = journal.counts
            for entry in [*journal.uncertain(), *journal.failed()]:
                journal.resolve(entry.index, "skip")
        run(path, Jobs(all_end=True), timeout=20)
    except JournalError as error:
        refusal = str(error)
    else:
        return "used"
    assert str(path) in refusal, f"the file is not named: {refusal}"
    assert re.search(r"[:.] \w", refusal), f"it does not say what to do: {refusal}"
    return "refused"


def fresh(folder: Path, good: Path) -> Path:
    """Copy a good journal to where it can be damaged."""
    for old in folder.glob("run.sqlite*"):
        old.unlink()
    for end in ("", "-wal"):
        if Path(f"{good}{end}").exists():
            shutil.copy(f"{good}{end}", folder / f"run.sqlite{end}")
    return folder / "run.sqlite"


def fuzz(folder: Path, examples: int, number: int = 1) -> Counter[str]:
    """
    Damage journals so many times, and count how they were used.

    Raises:
        AssertionError, Exception: What a user of one of them would not expect.
    """
    journals = {closed: folder / f"good-{closed}" for closed in (True, False)}
    for closed, path in journals.items():
        good(path, closed=closed)
    ends = Counter[str]()

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged, st.booleans())
    def once(done: list[tuple[Damage, bool]], closed: bool) -> None:
        path = fresh(folder, journals[closed])
        apply(path, done)
        ends[use(path)] += 1

    once()
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(dict(fuzz(Path(folder), told.examples, told.seed)))


if __name__ == "__main__":
    main()
