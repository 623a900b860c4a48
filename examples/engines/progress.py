"""How far a batch is: the sum of what all workers report, with its rate, time left and cost."""

import os
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from runpod_sdk import MapResult

PRICE = float(os.environ.get("PRICE_PER_SECOND", "0.00031"))
"""Dollars that a second of a worker costs: see your endpoint's page."""


@dataclass
class Progress:
    """How far a partition is; workers send it to the program."""

    partition: str
    rows: int
    resumed: int = 0
    """Rows that were done before this run."""
    done: int = 0
    failed: int = 0
    left: int = 0
    """Rows that are uncertain or were not submitted."""
    seconds: float = 0.0
    """Execution time of all jobs."""
    reported: float = 0.0
    """When it was last sent, by the worker's clock."""

    def add(self, result: MapResult[Any, Any]) -> bool:
        """Count a result; return whether a second has passed since it last returned True."""
        self.done += 1
        self.failed += result.error is not None
        if result.state is not None and result.state.execution_time is not None:
            self.seconds += result.state.execution_time.total_seconds()
        now = time.monotonic()
        if now < self.reported + 1.0:
            return False
        self.reported = now
        return True


class Totals:
    """The sum of all partitions."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.partitions: dict[str, Progress] = {}
        self.recent = deque([(time.monotonic(), 0)], maxlen=300)

    def update(self, progress: Progress) -> str:
        """Record how far a partition is; return a line about the batch."""
        self.partitions[progress.partition] = progress
        parts = self.partitions.values()
        done = sum(part.done for part in parts)
        now = time.monotonic()
        self.recent.append((now, sum(max(0, part.done - part.resumed) for part in parts)))
        (since, before), (_, ended) = self.recent[0], self.recent[-1]
        rate = (ended - before) / max(now - since, 0.001)
        left = f"{(self.rows - done) / rate / 60:.0f} min left" if rate > 0 else "waiting"
        cost = PRICE * sum(part.seconds for part in parts)
        failed = sum(part.failed for part in parts)
        return (
            f"{done:,} of {self.rows:,} rows, {rate:.0f}/s, {left}, {failed:,} failed, ${cost:,.2f}"
        )
