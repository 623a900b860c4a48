"""A partition of a batch: a Parquet file of rows goes in, a Parquet file with results comes out."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from operator import itemgetter
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from progress import Progress

from runpod_sdk import (
    Endpoint,
    Journal,
    JournalError,
    JournalStatus,
    MapResult,
    RateBudget,
    Runpod,
)
from runpod_sdk.journal_postgres import PostgresStore

GROUP = 500  # rows that are written at a time
COLUMNS = ("output", "error", "status")


def new_client() -> Runpod:
    """Return a client that shares the rate limits, if RUNPOD_RATE_BUDGET says where."""
    shared = "RUNPOD_RATE_BUDGET" in os.environ
    return Runpod(rate_limits=RateBudget() if shared else True)


def journal_of(target: str) -> Journal:
    """Return the journal of a partition: in PostgreSQL, else in a file beside *target*."""
    if "JOURNAL_DSN" in os.environ:
        return Journal(PostgresStore(target, os.environ["JOURNAL_DSN"], lease=10))
    return Journal(f"{target}.journal")


def run_partition(
    endpoint: Endpoint[Any, Any],
    source: str,
    target: str,
    concurrency: int,
    *,
    key: str | None = None,
    columns: tuple[str, str, str] = COLUMNS,
    report: Callable[[Progress], object] = lambda progress: None,
) -> list[str]:
    """
    Run a job for each row of *source*, and write *target* when no job runs any more.

    Both are paths or URLs of fsspec. Called again, for example after a crash, it resumes by the
    journal of *target*. It holds some hundreds of rows in memory at a time.

    Args:
        key: The name of the column that identifies a row; without it, rows keep their order.
        columns: The names of the columns that are added.
        report: Is called about each second.

    Returns:
        A line for each row that is uncertain or was not submitted: then *target* says so in its
        column "status", and the next run tries to complete it.

    Raises:
        ValueError: The source has a column of such a name; no job was submitted.
        JournalError: Another process runs this partition.
    """
    files, path = fsspec.url_to_fs(target)
    if (complete := read_progress(files, path)) and not complete.left:
        complete.resumed = complete.done
        report(complete)
        return []
    with fsspec.open(source) as opened, journal_of(target) as journal:
        table = pq.ParquetFile(opened)
        schema = with_columns(table.schema_arrow, columns)
        counts = journal.counts
        resumed = counts.get(JournalStatus.SUCCEEDED, 0) + counts.get(JournalStatus.FAILED, 0)
        progress = Progress(target, table.metadata.num_rows, resumed)
        rows = (row for batch in table.iter_batches(GROUP) for row in batch.to_pylist())
        key_of = itemgetter(key) if key else None
        left: list[str] = []
        group: list[dict[str, Any]] = []
        unfinished = f"{path}.unfinished"
        with (
            endpoint.map(rows, concurrency=concurrency, journal=journal, key=key_of) as results,
            files.open(unfinished, "wb") as file,
            pq.ParquetWriter(file, schema) as writer,
        ):
            for result in results:
                if result.state is None and not is_skipped(result):
                    left.append(f"{journal.path}: input {result.index}: {result.error}")
                group.append({**result.input, **columns_of(result, columns)})
                if len(group) == GROUP:
                    writer.write_table(pa.Table.from_pylist(group, schema))
                    group.clear()
                if progress.add(result):
                    report(progress)
            writer.write_table(pa.Table.from_pylist(group, schema))
            progress.left = len(left)
            writer.add_key_value_metadata({"progress": json.dumps(asdict(progress))})
        files.mv(unfinished, path)  # at once, on a disk and in object storage
        report(progress)
    return left


def partitions_of(source: str, target: str) -> tuple[list[str], list[str], int]:
    """Return the URLs of the files in the folder *source*, their targets, and their rows."""
    files, folder = fsspec.url_to_fs(source)
    files_of_target, target_folder = fsspec.url_to_fs(target)
    files_of_target.makedirs(target_folder, exist_ok=True)
    sources, targets, rows = [], [], 0
    for path in sorted(files.glob(f"{folder}/*.parquet")):
        with files.open(path, "rb") as file:
            rows += pq.read_metadata(file).num_rows
        sources.append(files.unstrip_protocol(path))
        name = path.rpartition("/")[2]
        targets.append(f"{target_folder}/{name}" if "://" not in target else f"{target}/{name}")
    return sources, targets, rows


def read_progress(files: fsspec.AbstractFileSystem, path: str) -> Progress | None:
    """Return how far a partition was when *path* was written; None if it was not."""
    if not files.exists(path):
        return None
    with files.open(path, "rb") as file:
        metadata: dict[bytes, bytes] = pq.read_metadata(file).metadata or {}
    return Progress(**json.loads(metadata[b"progress"])) if b"progress" in metadata else None


def with_columns(schema: pa.Schema, columns: tuple[str, str, str]) -> pa.Schema:
    doubled = [name for name in columns if name in schema.names]
    if doubled or len(set(columns)) < len(columns):
        raise ValueError(
            f"the source has the columns {schema.names}, and results would add {columns}:"
            " choose other names with columns=…"
        )
    for name in columns:
        schema = schema.append(pa.field(name, pa.string()))
    return schema


def columns_of(result: MapResult[Any, Any], columns: tuple[str, str, str]) -> dict[str, str | None]:
    """Return what is known of a row: its output as JSON, its error, and the job's status."""
    if result.state is not None:
        status = str(result.state.status)
    else:
        status = "SKIPPED" if is_skipped(result) else type(result.error).__name__
    output = None if result.error else json.dumps(result.output)
    error = str(result.error) if result.error else None
    return dict(zip(columns, (output, error, status), strict=True))


def is_skipped(result: MapResult[Any, Any]) -> bool:
    """Tell whether `Journal.resolve` said to leave the row out."""
    return isinstance(result.error, JournalError)
