"""
Processes that run a `map` with a journal are killed, at any instant, and started again.

SIGKILL leaves a process no time for anything. They also copy their journals, and rivals are started
with the same journal. The local endpoint, in this process, counts the jobs of all lives.

    python -m tests.map.kills --kills 200
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs

from runpod_sdk import Journal, JournalStatus
from runpod_sdk.local import LocalEndpoint
from tests.map.forking_server import IN_USE

COUNT = 40
FORKING_SERVER = Path(__file__).with_name("forking_server.py")

Live = Callable[[list[tuple[float, dict[str, Any]]], float], list[int]]


@attrs.define
class Figures:
    """The counts of a soak."""

    inputs: int = 0
    kills: int = 0
    copies: int = 0
    """How often a process copied or read its own journal while it mapped."""
    refused: int = 0
    """Rivals that found the journal in use."""
    uncertain: int = 0
    most_uncertain: int = 0
    """Number of inputs that were being submitted when a process was killed."""
    sent_twice: int = 0

    def suffice(self, kills: int) -> bool:
        return self.kills >= (kills if self.copies and self.refused else 10 * kills)

    def __str__(self) -> str:
        return (
            f"{self.inputs} inputs, {self.kills} kills, {self.copies} copies of journals in use,"
            f" {self.refused} rivals refused: {self.sent_twice} inputs sent twice,"
            f" {self.uncertain} uncertain"
        )


class Batches:
    """Batches of `COUNT` inputs, one after the other, and how often each input was run."""

    def __init__(self, seed: int) -> None:
        self.runs: Counter[int] = Counter()
        self._random = random.Random(seed)

    async def handler(self, job: dict[str, Any]) -> int:
        number = job["input"]["number"]
        self.runs[number] += 1
        await anyio.sleep(self._random.random() * 0.02)
        if number % 10 == 9:
            raise ValueError("as asked")
        return number * number  # type: ignore[no-any-return]


@contextmanager
def forking_server(**options: Any) -> Iterator[Live]:
    """
    Yield a function that starts lives, waits for all of them, and returns their statuses.

    Args:
        options: Options of the server's process.
    """
    command = [sys.executable, str(FORKING_SERVER)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def live(lives: list[tuple[float, dict[str, Any]]], seconds: float) -> list[int]:
            stdin.write(json.dumps({"lives": lives, "seconds": seconds}) + "\n")
            stdin.flush()
            statuses: list[int] = json.loads(stdout.readline())
            return statuses

        yield live
        stdin.close()


def soak(folder: Path, kills: int, seed: int = 2, seconds: float = 1e9) -> Figures:
    """
    Kill batches until there were so many kills, or so many seconds have passed.

    On a busy machine they may be killed before they copied a journal, or before a rival began: then
    there are more kills, up to ten times as many.

    Raises:
        AssertionError: An input was sent twice, a result lost or changed, or more inputs are
            uncertain than were being submitted.
    """
    batches, draw, figures = Batches(seed), random.Random(seed), Figures()
    until = time.monotonic() + seconds
    with forking_server() as live, LocalEndpoint(batches.handler, workers=8) as local:
        while time.monotonic() < until and not figures.suffice(kills):
            batch = Batch(folder / str(figures.inputs), figures.inputs, local)
            figures.inputs += COUNT
            while not batch.done:
                batch.live(live, draw, figures)
            batch.check(batches, figures)
    assert figures.uncertain <= figures.most_uncertain, "more than were just being submitted"
    return figures


class Batch:
    """The lives of one batch."""

    def __init__(self, folder: Path, first: int, local: LocalEndpoint) -> None:
        self._folder = folder
        self._first = first
        self._journal = folder / "journal" / "run.sqlite"
        self._journal.parent.mkdir(parents=True)
        self._life = {
            "base_url": local.base_url,
            "api_key": local.api_key,
            "endpoint_id": local.endpoint_id,
            "journal": str(self._journal),
            "copies": str(folder / "copies"),
            "first": first,
            "count": COUNT,
        }
        self._lives = 0
        self._handed_out: dict[int, Any] = {}
        self.done = False

    def live(self, live: Live, draw: random.Random, figures: Figures) -> None:
        """Let it live once more, with rivals, until it is killed or done."""
        seconds = draw.choice([0.05, 0.15, 0.5]) * draw.random()
        starts = [0.0, *(draw.random() * seconds for _ in range(draw.choice([0, 1, 1, 2])))]
        lives: list[tuple[float, dict[str, Any]]] = []
        for start in starts:
            self._lives += 1
            life = {
                "results": str(self._folder / str(self._lives)),
                "concurrency": draw.randint(1, 12),
                "ordered": draw.random() < 0.5,
                "way": draw.choice(["sync", "asyncio"]),
            }
            lives.append((start, {**self._life, **life}))
        statuses = live(lives, seconds)
        assert set(statuses) <= {0, IN_USE, -signal.SIGKILL}, statuses
        figures.kills += statuses.count(-signal.SIGKILL)
        figures.refused += statuses.count(IN_USE)
        figures.most_uncertain += max(life["concurrency"] for _, life in lives)
        for _, life in lives:
            self._read(Path(life["results"]), figures)
        self.done = 0 in statuses

    def _read(self, results: Path, figures: Figures) -> None:
        if not results.exists():  # it was killed before it began
            return
        for line in results.read_text().splitlines():
            index, *outcome = json.loads(line)
            assert self._handed_out.setdefault(index, outcome) == outcome
        copies = results.with_name(f"{results.name}.copies")
        figures.copies += copies.stat().st_size if copies.exists() else 0

    def check(self, batches: Batches, figures: Figures) -> None:
        """Compare what the batch says with what was run."""
        own = range(self._first, self._first + COUNT)
        figures.sent_twice += sum(batches.runs[number] > 1 for number in own)
        assert figures.sent_twice == 0, "an input was run twice"
        with Journal(self._journal) as kept:
            unknown = {entry.index for entry in kept.uncertain()}
            counts = kept.counts
        done = counts.get(JournalStatus.SUCCEEDED, 0) + counts.get(JournalStatus.FAILED, 0)
        assert done + len(unknown) == COUNT
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(soak(Path(folder), told.kills, told.seed))


if __name__ == "__main__":
    main()
