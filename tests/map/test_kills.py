"""
A process that runs a `map` with a journal is killed, at any instant, and started again.

SIGKILL leaves a process no time for anything. What holds over all of its lives is
counted where the jobs are run: in this process, by the local endpoint.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import settings

from runpod_sdk import Journal, JournalStatus
from runpod_sdk.local import LocalEndpoint

COUNT = 40
ZYGOTE = Path(__file__).with_name("zygote.py")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


class Batches:
    """Batches of `COUNT` inputs, one after the other, and how often each input was run."""

    def __init__(self) -> None:
        self.runs: Counter[int] = Counter()
        self._random = random.Random(1)

    async def handler(self, job: dict[str, Any]) -> int:
        number = job["input"]["number"]
        self.runs[number] += 1
        await anyio.sleep(self._random.random() * 0.02)
        if number % 10 == 9:
            raise ValueError("as asked")
        return number * number  # type: ignore[no-any-return]


@pytest.fixture
def zygote() -> Iterator[Any]:
    """Give what runs a life: its description goes in, its exit status comes out."""
    command = [sys.executable, str(ZYGOTE)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def live(**life: Any) -> int:
            stdin.write(json.dumps(life) + "\n")
            stdin.flush()
            return int(stdout.readline())

        yield live
        stdin.close()


def test_killed_at_any_instant(zygote: Any, tmp_path: Path) -> None:
    """Each input is run at most once, no result is lost, and all but the uncertain end."""
    kills_wanted = 200 if settings.get_current_profile_name() == "full" else 25
    batches, kills, uncertain, most_uncertain, inputs = Batches(), 0, 0, 0, 0
    draw = random.Random(2)
    with LocalEndpoint(batches.handler, workers=8) as local:
        reached = {"base_url": local.base_url, "api_key": local.api_key}
        while kills < kills_wanted:
            first, inputs = inputs, inputs + COUNT
            journal = tmp_path / f"{first}.sqlite"
            handed_out: dict[int, Any] = {}
            for life in range(1_000):
                results = journal.with_suffix(f".{life}")
                results.touch()
                at_once = draw.randint(1, 12)
                status = zygote(
                    **reached,
                    endpoint_id=local.endpoint_id,
                    journal=str(journal),
                    results=str(results),
                    first=first,
                    count=COUNT,
                    concurrency=at_once,
                    ordered=draw.random() < 0.5,
                    way=draw.choice(["sync", "asyncio"]),
                    seconds=draw.choice([0.05, 0.15, 0.5]) * draw.random(),
                )
                assert status in (0, -signal.SIGKILL)
                if status != 0:
                    kills += 1
                    most_uncertain += at_once
                told = [json.loads(line) for line in results.read_text().splitlines()]
                for index, *outcome in told:
                    assert handed_out.setdefault(index, outcome) == outcome
                if status == 0:
                    break
            assert len(told) == COUNT, "the last life told less than all"
            uncertain += check(batches, first, journal, handed_out)
    print(f"{kills} kills of {inputs} inputs left {uncertain} uncertain")
    assert uncertain <= most_uncertain, "more than were just being submitted"


def check(batches: Batches, first: int, journal: Path, handed_out: dict[int, Any]) -> int:
    """Compare what a batch says with what was run; return how many inputs are uncertain."""
    assert set(batches.runs.values()) <= {1}, "an input was run twice"
    with Journal(journal) as kept:
        unknown = {entry.index for entry in kept.uncertain()}
        counts = kept.counts
    done = counts.get(JournalStatus.SUCCEEDED, 0) + counts.get(JournalStatus.FAILED, 0)
    assert done + len(unknown) == COUNT
    for index in range(COUNT):
        error, output = handed_out[index]
        if index in unknown:
            assert error == "SubmissionUncertainError"
        elif index % 10 == 9:
            assert error == "JobFailedError"
        else:
            assert (error, output) == (None, (first + index) ** 2)
            assert batches.runs[first + index] == 1
    return len(unknown)
