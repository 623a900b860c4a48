"""
A large batch on several processes, of which some are killed: scripts/scale tells how to run it.

The endpoint is in this process. It enforces RunPod's documented limits and counts the jobs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from runpod_sdk import Journal
from runpod_sdk.journal_postgres import PostgresStore
from runpod_sdk.local import LocalEndpoint
from runpod_sdk.local._rules.rates import Meter, RateExceeded
from tests.journals.server import running
from tests.redis_server import RedisServer

PROGRAMS = Path(__file__).parents[2] / "examples" / "engines"
LIMIT = 1000 / 10
SETTLED = 10.0
"""Seconds after the first job that follows a start or a kill, from which the rate is measured."""


class Scale:
    """The batch, its program and its jobs."""

    def __init__(self, options: argparse.Namespace, folder: Path, dsn: str, budget: str) -> None:
        self.options = options
        self.folder = folder
        self.dsn = dsn
        self.budget = budget
        self.local = LocalEndpoint(self.run, workers=options.workers, rate_limits=True)
        self.runs = Counter[int]()
        self.times: list[float] = []
        self.events: list[tuple[float, str]] = []
        self.refused = 0
        """Requests that the endpoint refused with 429."""
        self.began = time.monotonic()
        self.program: psutil.Popen | None = None

    async def run(self, job: dict[str, Any]) -> int:
        number: int = job["input"]["number"]
        self.runs[number] += 1
        self.times.append(time.monotonic())
        await asyncio.sleep(self.options.seconds)
        return number * number

    def count_refusals(self) -> None:
        enter = Meter.enter

        def counted(meter: Meter, *arguments: Any) -> None:
            try:
                enter(meter, *arguments)
            except RateExceeded:
                self.refused += 1
                raise

        Meter.enter = counted  # type: ignore[method-assign]

    def write(self) -> None:
        (self.folder / "source").mkdir()
        size = -(-self.options.inputs // self.options.partitions)
        for first in range(0, self.options.inputs, size):
            numbers = range(first, min(first + size, self.options.inputs))
            table = pa.table({"number": numbers})
            pq.write_table(table, self.folder / "source" / f"{first:08}.parquet")

    def start(self) -> None:
        self.note("the program starts")
        environment = {
            "RUNPOD_ENDPOINT_BASE_URL": self.local.base_url,
            "RUNPOD_API_KEY": self.local.api_key,
            "ENDPOINT_ID": self.local.endpoint_id,
            "RUNPOD_RATE_BUDGET": self.budget,
            "JOURNAL_DSN": self.dsn,
            "WORKERS": str(self.options.processes),
            "IN_FLIGHT": str(self.options.in_flight),
            "HOME": str(self.folder),
            "RAY_TMPDIR": str(self.folder),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        with (self.folder / "log").open("ab") as log:
            program = PROGRAMS / f"on_{self.options.engine}.py"
            self.program = psutil.Popen(
                [sys.executable, program, self.folder / "source", self.folder / "target"],
                env=os.environ | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def note(self, event: str) -> None:
        self.events.append((time.monotonic(), event))
        print(
            f"{time.monotonic() - self.began:7.1f} s: {len(self.runs):,} jobs: {event}", flush=True
        )

    def wait(self, jobs: int) -> None:
        """Wait until so many jobs have run, or the program has ended."""
        assert self.program is not None
        while len(self.runs) < jobs and self.program.poll() is None:
            time.sleep(0.1)

    def workers(self) -> list[psutil.Process]:
        """Return the processes that are connected to the endpoint."""
        assert self.program is not None
        port = int(self.local.base_url.split(":")[2].split("/")[0])
        found = []
        for process in self.program.children(recursive=True):
            with suppress(psutil.Error):
                peers = [one.raddr.port for one in process.net_connections("tcp4") if one.raddr]
                if port in peers:
                    found.append(process)
        return found

    def kill_worker(self) -> None:
        workers = self.workers()
        workers[0].kill()
        self.note(f"one of {len(workers)} workers is killed")

    def kill(self) -> None:
        """Kill the program, and all that it has started."""
        if self.program is None or self.program.poll() is not None:
            return
        processes = [self.program, *self.program.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, 30)
        self.note("the program is killed")

    def resolve(self) -> int:
        """Decide about uncertain rows by what the endpoint has run; return their number."""
        decided = 0
        for path in sorted((self.folder / "source").glob("*.parquet")):
            target = self.folder / "target" / path.name
            with Journal(PostgresStore(str(target), self.dsn, lease=10)) as journal:
                for entry in journal.uncertain():
                    has_run = int(path.stem) + entry.index in self.runs
                    journal.resolve(entry.index, "skip" if has_run else "resubmit")
                    decided += 1
        return decided

    def rates(self) -> list[float]:
        """
        Return the part of the limit that each ten seconds used.

        The time from a start or a kill to `SETTLED` after the next job is left out.
        """
        pauses = [
            (event - 10, min(self.times[-1], *(one for one in self.times if one > event)) + SETTLED)
            for event, _ in self.events
            if event < self.times[-1]
        ]
        found, when = [], self.times[0]
        while when + 10 <= self.times[-1] - 5:
            if not any(begin <= when < end for begin, end in pauses):
                started = sum(when <= one < when + 10 for one in self.times)
                found.append(started / 10 / LIMIT)
            when += 5
        return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=["dask", "ray"], default="dask")
    parser.add_argument("--inputs", type=int, default=5_000)
    parser.add_argument("--partitions", type=int, default=40)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--in-flight", type=int, default=400)
    parser.add_argument("--workers", type=int, default=40, help="of the endpoint")
    parser.add_argument("--seconds", type=float, default=0.1, help="that a job takes")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(running())
        redis = RedisServer()
        stack.callback(redis.stop)
        scale = Scale(options, folder, postgres.dsn(), redis.url)
        scale.write()
        scale.count_refusals()
        stack.enter_context(scale.local)
        stack.callback(scale.kill)
        scale.start()
        for part in (0.3, 0.5):
            scale.wait(int(options.inputs * part))
            scale.kill_worker()
        scale.wait(int(options.inputs * 0.7))
        scale.kill()
        scale.start()
        assert scale.program is not None
        scale.program.wait()
        scale.note("the program has ended")
        decided = scale.resolve()
        if decided:
            scale.start()
            scale.program.wait()
            scale.note(f"{decided} uncertain rows were decided about")
        print((folder / "log").read_text(errors="replace")[-2_000:])
        return report(scale, decided)


def report(scale: Scale, decided: int) -> int:
    """Print what was measured; return 0 if it is as it should be."""
    inputs = range(scale.options.inputs)
    rows = [
        row
        for path in sorted((scale.folder / "target").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    statuses = Counter(row["status"] for row in rows)
    rates = scale.rates()
    seconds = scale.times[-1] - scale.times[0]
    whole = len(scale.runs) / seconds / LIMIT
    print(f"{len(scale.runs):,} distinct jobs, {scale.runs.total():,} runs, {seconds:.0f} s")
    print(f"{len(rows):,} rows: {dict(statuses)}; {decided} were uncertain")
    print(f"{scale.refused:,} requests were refused with 429")
    print(f"limit used: {whole:.1%} with starts and kills")
    if rates:
        mean = sum(rates) / len(rates)
        print(f"without: {mean:.1%} on average, {min(rates):.1%} to {max(rates):.1%} in 10 s")
    ok = scale.runs == dict.fromkeys(inputs, 1)
    ok = ok and sorted(row["number"] for row in rows) == list(inputs)
    ok = ok and all(
        row["output"] == str(row["number"] ** 2) for row in rows if row["status"] == "COMPLETED"
    )
    ok = ok and statuses["COMPLETED"] + statuses["SKIPPED"] == len(rows)
    ok = ok and (not rates or sum(rates) / len(rates) >= 0.85)
    print("as it should be" if ok else "NOT AS IT SHOULD BE")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
