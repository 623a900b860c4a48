"""
Two machines run batches whose journals are in PostgreSQL, and their processes are killed.

A machine is a process with a directory of its own, from which lives are forked; the machines share
nothing but the database and the endpoint. Lives of one batch run on both at the same time: one has
the journal, the others wait for it. They are killed (SIGKILL) at any instant, or paused (SIGSTOP)
for longer than their lease, so that another takes over, and then let go on. What holds over all of
their lives is counted where the jobs are run.

    python -m tests.journals.kills --kills 200
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs

from runpod_sdk import Journal
from runpod_sdk.journal_postgres import PostgresStore
from runpod_sdk.local import LocalEndpoint
from tests.journals.server import running
from tests.map.forking_server import IN_USE, TAKEN_OVER
from tests.map.kills import COUNT, Batches, Live, forking_server

LEASE = 1.0
ENDS = {0, IN_USE, TAKEN_OVER, -signal.SIGKILL}


@attrs.define
class Figures:
    """What a soak has counted."""

    inputs: int = 0
    kills: int = 0
    pauses: int = 0
    taken_over: int = 0
    """Lives that went on after their journal had been taken over, and sent nothing more."""
    refused: int = 0
    uncertain: int = 0
    most_uncertain: int = 0
    sent_twice: int = 0
    lost: int = 0

    def __str__(self) -> str:
        return (
            f"{self.inputs} inputs, {self.kills} kills, {self.pauses} pauses,"
            f" {self.taken_over} lives taken over, {self.refused} refused:"
            f" {self.sent_twice} inputs sent twice, {self.lost} results lost,"
            f" {self.uncertain} uncertain"
        )


@contextmanager
def machines(folder: Path, count: int = 2) -> Iterator[list[tuple[Path, Live]]]:
    """Start machines: the directory of each, and what runs lives on it."""
    with ExitStack() as stack:
        made: list[tuple[Path, Live]] = []
        for number in range(count):
            disk = folder / f"machine-{number}"
            disk.mkdir(parents=True)
            environment = {**os.environ, "HOME": str(disk), "TMPDIR": str(disk)}
            environment["PYTHONPATH"] = str(Path(__file__).parents[2])
            made.append((disk, stack.enter_context(forking_server(cwd=disk, env=environment))))
        yield made


class SharedBatch:
    """The lives of one batch, on all machines."""

    def __init__(self, first: int, dsn: str, local: LocalEndpoint) -> None:
        self._first = first
        self._name = f"soak {os.getpid()} {time.time_ns()}"
        self._dsn = dsn
        self._life = {
            "base_url": local.base_url,
            "api_key": local.api_key,
            "endpoint_id": local.endpoint_id,
            "journal": self._name,
            "dsn": dsn,
            "lease": LEASE,
            "copies": "copies",
            "first": first,
            "count": COUNT,
        }
        self._lives = 0
        self._handed_out: dict[int, Any] = {}
        self.done = False

    def live(
        self, where: list[tuple[Path, Live]], draw: random.Random, pauses: bool, figures: Figures
    ) -> None:
        """Let some lives run on each machine, until each has ended or is killed."""
        seconds = draw.choice([0.1, 0.2, 0.6]) * draw.random()
        paused = pauses and draw.random() < 0.15
        if paused:
            seconds = LEASE * 2.5
        given: list[list[tuple[float, dict[str, Any]]]] = [[] for _ in where]
        files: list[Path] = []
        for number in range(draw.randint(2 if paused else 1, 3)):
            at = draw.randrange(len(where))
            self._lives += 1
            files.append(where[at][0] / f"{self._first}-{self._lives}")
            life = {
                "results": str(files[-1]),
                "concurrency": draw.randint(1, 12),
                "ordered": draw.random() < 0.5,
                "way": draw.choice(["sync", "asyncio"]),
                "wait": draw.choice([0, 0.2, 10]),
            }
            if paused and number == 0:
                life["pause"] = [0.05 + draw.random() * 0.3, LEASE * 1.5]
                figures.pauses += 1
            elif paused and number == 1:
                life["wait"] = 10
            figures.most_uncertain += life["concurrency"]
            start = 0.0 if number == 0 else draw.random() * (0.5 if paused else seconds)
            given[at].append((start, {**self._life, **life}))
        with ThreadPoolExecutor(len(where)) as threads:
            servers = [live for _, live in where]
            ends = threads.map(lambda live, lives: live(lives, seconds), servers, given)
        statuses = [status for ended in ends for status in ended]
        assert set(statuses) <= ENDS, statuses
        figures.kills += statuses.count(-signal.SIGKILL)
        figures.refused += statuses.count(IN_USE)
        figures.taken_over += statuses.count(TAKEN_OVER)
        for file in files:
            self._read(file)
        self.done = 0 in statuses

    def _read(self, results: Path) -> None:
        if results.exists():
            for line in results.read_text().splitlines():
                index, *outcome = json.loads(line)
                assert self._handed_out.setdefault(index, outcome) == outcome

    def check(self, batches: Batches, figures: Figures) -> None:
        """Compare what the batch says with what was run."""
        own = range(self._first, self._first + COUNT)
        figures.sent_twice += sum(batches.runs[number] > 1 for number in own)
        with Journal(PostgresStore(self._name, self._dsn)) as kept:
            unknown = {entry.index for entry in kept.uncertain()}
            ended = Counter(entry.status for entry in kept.entries())
        figures.lost += COUNT - ended["succeeded"] - ended["failed"] - len(unknown)
        assert set(self._handed_out) == set(range(COUNT)), "the last life told less than all"
        for index, (error, output) in self._handed_out.items():
            if index in unknown:
                assert error == "SubmissionUncertainError"
            elif index % 10 == 9:
                assert error == "JobFailedError"
            else:
                assert (error, output) == (None, own[index] ** 2)
                assert batches.runs[own[index]] == 1
        figures.uncertain += len(unknown)


def soak(folder: Path, dsn: str, kills: int, seed: int = 2, *, pauses: bool = True) -> Figures:
    """
    Kill batches until there were so many kills.

    Raises:
        AssertionError: An input was sent twice, a result lost or changed, or more inputs are
            uncertain than were being submitted.
    """
    batches, draw, figures = Batches(seed), random.Random(seed), Figures()
    with machines(folder) as where, LocalEndpoint(batches.handler, workers=8) as local:
        while figures.kills < kills:
            batch = SharedBatch(figures.inputs, dsn, local)
            figures.inputs += COUNT
            while not batch.done:
                batch.live(where, draw, pauses, figures)
            batch.check(batches, figures)
            assert figures.sent_twice == 0, "an input was run twice"
            assert figures.lost == 0, "a result was lost"
    assert figures.uncertain <= figures.most_uncertain, "more than were just being submitted"
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running() as server:
        print(soak(Path(folder), server.dsn(), told.kills, told.seed))


if __name__ == "__main__":
    main()
