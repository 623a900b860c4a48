"""A batch in partitions, the program that runs it on an engine, and how often each row was run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from runpod_sdk import Journal
from runpod_sdk.local import LocalEndpoint

PROGRAMS = Path(__file__).parents[2] / "examples" / "engines"
ENGINES = [name for name in ("dask", "prefect", "ray") if find_spec(name)]
PARTITIONS = 3
ROWS = 100
NUMBERS = range(PARTITIONS * ROWS)
PATIENCE = 120
"""Seconds after which something that should come is taken not to come."""


class Batch:
    """Rows of numbers, to be squared; each tenth fails."""

    def __init__(self, folder: Path, engine: str) -> None:
        self._folder = folder
        self.engine = engine
        self._program = PROGRAMS / f"on_{engine}.py"
        self.source, self.target = folder / "source", folder / "target"
        self.source.mkdir()
        for first in NUMBERS[::ROWS]:
            numbers = pa.table({"number": range(first, first + ROWS)})
            pq.write_table(numbers, self.source / f"from-{first}.parquet")
        self.local = LocalEndpoint(self._square, workers=8)
        self.runs = Counter[int]()
        self._changed = threading.Condition()
        self._let = len(NUMBERS)
        self._held = False
        self._program_runs: psutil.Popen | None = None

    def _square(self, job: dict[str, Any]) -> int:
        number: int = job["input"]["number"]
        with self._changed:
            self.runs[number] += 1
            place = self.runs.total()
            self._held = place > self._let
            self._changed.notify_all()
            self._changed.wait_for(lambda: place <= self._let, PATIENCE)
        if number % 10 == 9:
            raise ValueError("as asked")
        return number * number

    def let(self, count: int) -> None:
        """Let so many jobs end, of all that there are; those after them run on."""
        with self._changed:
            self._let, self._held = count, False
            self._changed.notify_all()

    def comes_to_hold(self) -> bool:
        """Wait until a job runs that is not let end; False if the program ends before."""
        assert self._program_runs is not None
        end = time.monotonic() + PATIENCE
        with self._changed:
            while not self._held and self._program_runs.poll() is None:
                assert time.monotonic() < end, self.said()
                self._changed.wait(0.1)
            return self._held

    def start(self, **environment: str) -> None:
        """Start the program, with more variables."""
        environment = {
            "RUNPOD_ENDPOINT_BASE_URL": self.local.base_url,
            "RUNPOD_API_KEY": self.local.api_key,
            "ENDPOINT_ID": self.local.endpoint_id,
            **environment,
        }
        with self._log.open("wb") as log:
            self._program_runs = psutil.Popen(
                [sys.executable, self._program, self.source, self.target],
                env=os.environ | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def end(self) -> int:
        """Wait until the program has ended; return its exit status."""
        assert self._program_runs is not None
        status: int = self._program_runs.wait(PATIENCE)
        return status

    def kill(self) -> None:
        """Kill the program, if it runs, and all that it has started."""
        if self._program_runs is None or self._program_runs.poll() is not None:
            return
        processes = [self._program_runs, *self._program_runs.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, PATIENCE)

    def at_work(self) -> list[psutil.Process]:
        """Return the processes in the middle of a partition: those that have a journal open."""
        assert self._program_runs is not None
        return [
            process
            for process in [self._program_runs, *self._program_runs.children(recursive=True)]
            if _has_journal(process)
        ]

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def said(self) -> str:
        """Return what the program has printed."""
        return self._log.read_text(errors="replace")

    def journals(self) -> list[Path]:
        return sorted(self.target.glob("*.journal"))

    def uncertain(self) -> dict[int, tuple[Path, int]]:
        """Give the rows that may have been sent: number to journal and index."""
        found: dict[int, tuple[Path, int]] = {}
        for path in self.journals():
            first = int(path.name.removeprefix("from-").removesuffix(".parquet.journal"))
            with Journal(path) as journal:
                found |= {first + entry.index: (path, entry.index) for entry in journal.uncertain()}
        return found

    def results(self) -> dict[int, tuple[str | None, str | None, str]]:
        """Read the output, error and status of each row, from all partitions that are there."""
        rows = [
            row
            for path in sorted(self.target.glob("*.parquet"))
            for row in pq.read_table(path).to_pylist()
        ]
        found = {row["number"]: (row["output"], row["error"], row["status"]) for row in rows}
        assert len(found) == len(rows), "a row was written twice"
        return found


def _has_journal(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):  # it may have ended meanwhile
        return any(file.path.endswith(".journal") for file in process.open_files())
    return False
