"""A second, simpler account of a job, that the queue is compared with."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from runpod_sdk.local._rules.jobs import Run
from runpod_serverless_api.types import UNSET

from . import support


@define
class Expected:
    """A job in the model."""

    ttl: float
    execution_timeout: float
    retention: float
    submitted: float
    expires: float
    status: str = "IN_QUEUE"
    run: Run | None = None
    started: float | None = None
    ended: float | None = None
    output: Any = UNSET
    error: Any = UNSET
    chunks: list[int] = field(factory=list)
    order: int = 0
    retries: int = 0
    urgent: bool = True

    @property
    def terminal(self) -> bool:
        return self.status in {"COMPLETED", "FAILED", "CANCELLED"}

    def end(self, status: str, now: float, output: Any = UNSET, error: Any = UNSET) -> None:
        self.status, self.output, self.error, self.run = status, output, error, None
        self.ended, self.expires = now, now + self.retention

    def queue_again(self, order: int) -> None:
        self.status, self.run, self.started, self.ended = "IN_QUEUE", None, None, None
        self.output = self.error = UNSET
        self.chunks, self.order = [], order

    def wire(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"status": self.status}
        if self.started is not None:
            answer["delayTime"] = round((self.started - self.submitted) * 1000)
            if self.ended is not None:
                answer["executionTime"] = round((self.ended - self.started) * 1000)
        answer |= {"output": self.output} if self.output is not UNSET else {}
        answer |= {"error": self.error} if self.error is not UNSET else {}
        answer |= {"retries": self.retries} if self.retries else {}
        return answer

    def keys(self) -> set[str]:
        """Name the keys that a job in this state was recorded with."""
        retries = {"retries"} if self.retries else set[str]()
        if self.status == "CANCELLED" and self.started is None:
            return support.CANCELLED_QUEUED | retries
        keys = {
            "IN_QUEUE": support.IN_QUEUE,
            "IN_PROGRESS": support.IN_PROGRESS,
            "COMPLETED": support.COMPLETED - {"output"},
            "FAILED": support.FAILED,
            "CANCELLED": support.CANCELLED_RUNNING,
        }[self.status]
        return keys | retries | ({"output"} if self.output is not UNSET else set())
