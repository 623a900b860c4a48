"""A partition of a batch: a Parquet file of inputs goes in, and one of results comes out."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from runpod_sdk import Endpoint, Journal, JournalError, MapResult


def run_partition(
    endpoint: Endpoint,
    source: Path,
    target: Path,
    concurrency: int,
    columns: tuple[str, str] = ("output", "error"),
) -> list[str]:
    """
    Run a job for each row of *source*, and write *target* when all of them have ended.

    Called again, for example after a crash, it resumes by the journal beside *target*.

    Args:
        columns: The names of the columns that are added, for outputs and for errors.

    Returns:
        What keeps it from ending, a line for each row: none, if *target* exists.

    Raises:
        ValueError: The source has a column of such a name; no job was submitted.
    """
    if target.exists():
        return []
    table = pq.read_table(source)
    doubled = [name for name in columns if name in table.column_names]
    if doubled or len(set(columns)) < len(columns):
        raise ValueError(
            f"{source} has the columns {table.column_names}, and results would add {columns}:"
            " choose other names with columns=…"
        )
    with Journal(target.with_suffix(".journal")) as journal:
        rows = endpoint.map(table.to_pylist(), concurrency=concurrency, journal=journal)
        results = list(rows)
        left = [result for result in results if not has_ended(result)]
        if not left:
            write(table, results, target, columns)
    return [f"{journal.path}: input {result.index}: {result.error}" for result in left]


def has_ended(result: MapResult[object]) -> bool:
    """Tell whether a job ended, well or badly, or `Journal.resolve` said to leave it out."""
    return result.state is not None or isinstance(result.error, JournalError)


def write(
    table: pa.Table, results: list[MapResult[object]], target: Path, columns: tuple[str, str]
) -> None:
    """Write what came of the rows beside them, all of it or nothing."""
    outputs = [None if result.error else json.dumps(result.output) for result in results]
    errors = [str(result.error) if result.error else None for result in results]
    for name, values in zip(columns, (outputs, errors), strict=True):
        table = table.append_column(name, pa.array(values, pa.string()))
    unfinished = target.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        pq.write_table(table, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(target)
