"""A partition of a batch: a Parquet file of inputs goes in, and one of results comes out."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from runpod_sdk import Endpoint, Journal, JournalError, MapResult


def run_partition(endpoint: Endpoint, source: Path, target: Path, concurrency: int) -> list[str]:
    """
    Run a job for each row of *source*, and write *target* once all of them have ended.

    Called again, after whatever, it goes on where it was: by the journal beside *target*.

    Returns:
        What keeps it from ending, a line for each row: none, if *target* is there.
    """
    if target.exists():
        return []
    table = pq.read_table(source)
    with Journal(target.with_suffix(".journal")) as journal:
        rows = endpoint.map(table.to_pylist(), concurrency=concurrency, journal=journal)
        results = list(rows)
        left = [result for result in results if not has_ended(result)]
        if not left:
            write(table, results, target)
    return [f"{journal.path}: input {result.index}: {result.error}" for result in left]


def has_ended(result: MapResult[object]) -> bool:
    """Tell whether a job ended, well or badly, or `Journal.resolve` said to leave it out."""
    return result.state is not None or isinstance(result.error, JournalError)


def write(table: pa.Table, results: list[MapResult[object]], target: Path) -> None:
    """Write what came of the rows beside them, all of it or nothing."""
    outputs = [None if result.error else json.dumps(result.output) for result in results]
    errors = [str(result.error) if result.error else None for result in results]
    table = table.append_column("output", pa.array(outputs, pa.string()))
    table = table.append_column("error", pa.array(errors, pa.string()))
    unfinished = target.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        pq.write_table(table, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(target)
