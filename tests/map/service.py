"""
A service of many jobs: what a client's transport reaches instead of a network.

Time is the event loop's; under trio, the clock can jump. Each input is a number, the index of its
story; the service records the true outcome, so that a test can compare it with the results.
"""

from __future__ import annotations

import json
from collections import Counter
from enum import Enum
from typing import Any

import anyio
import attrs
import httpx
import trio
import trio.testing

from runpod_sdk import AsyncEndpoint, AsyncRunpod


class Fate(Enum):
    """The fault of a submission."""

    TAKEN = "is taken"
    REFUSED = "the connection is never made"
    BAD = "400"
    LOST = "is taken, and the answer lost"
    NEVER_CAME = "is cut short on the way"
    BROKEN = "is taken, and answered with 500"


UNCERTAIN = {Fate.LOST, Fate.NEVER_CAME, Fate.BROKEN}


@attrs.frozen
class Story:
    """The story of one input; times in seconds."""

    fate: Fate = Fate.TAKEN
    latency: float = 0.1
    """How long each answer is under way."""
    lasts: float = 1.0
    """From the submission to the end of the job."""
    status: str = "COMPLETED"
    unknown: float = 0.0
    """How long the service does not know the job."""


class Service(httpx.AsyncBaseTransport):
    """Carries out jobs of the endpoint `ep`."""

    def __init__(self, stories: list[Story]) -> None:
        self.stories = stories
        self.born: dict[int, float] = {}
        """When the job of each input was taken."""
        self.taken: Counter[int] = Counter()
        self.cancelled: dict[int, float] = {}
        self.asked: Counter[str] = Counter()
        self.under_way: set[int] = set()
        """Inputs from their submission until the client has received the end."""
        self.most_under_way = 0
        self.polls = self.most_polls = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        what, *rest = request.url.path.split("/")[3:]
        self.asked[what] += 1
        if what == "run":
            return await self._submit(int(json.loads(await request.aread())["input"]))
        index = self._index(rest[0])
        await anyio.sleep(self.stories[index].latency)
        now = anyio.current_time()
        if now < self.born[index] + self.stories[index].unknown:
            return problem(404)
        if what == "cancel":
            if now < self._end(index):
                self.cancelled[index] = now
        elif what == "status-sync":
            self.polls += 1
            self.most_polls = max(self.most_polls, self.polls)
            try:
                wait = float(request.url.params["wait"]) / 1000
                await anyio.sleep(min(wait, max(self._end(index) - now, 0.0)))
            finally:
                self.polls -= 1
        state = self._state(index)
        if state["status"] not in ("IN_QUEUE", "IN_PROGRESS"):
            self.under_way.discard(index)
        return httpx.Response(200, json=state)

    async def _submit(self, index: int) -> httpx.Response:
        story = self.stories[index]
        self.under_way.add(index)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        try:
            if story.fate is Fate.REFUSED:
                raise httpx.ConnectError("refused")
            await anyio.sleep(story.latency)
            if story.fate is Fate.NEVER_CAME:
                raise httpx.WriteError("reset")
            if story.fate is Fate.BAD:
                return problem(400)
            self.taken[index] += 1
            self.born[index] = anyio.current_time()
            if story.fate is Fate.LOST:
                raise httpx.ReadError("reset")
            if story.fate is Fate.BROKEN:
                return problem(500)
        finally:
            if story.fate is not Fate.TAKEN:
                self.under_way.discard(index)
        return httpx.Response(200, json={"id": job_id(index), "status": "IN_QUEUE"})

    def _index(self, job_id: str) -> int:
        return int(job_id.removeprefix("job-"))

    def _end(self, index: int) -> float:
        end = self.born[index] + self.stories[index].lasts
        return min(end, self.cancelled.get(index, end))

    def _state(self, index: int) -> dict[str, Any]:
        body: dict[str, Any] = {"id": job_id(index), "status": "IN_PROGRESS"}
        if anyio.current_time() >= self._end(index):
            body["status"] = self.stories[index].status
            if index in self.cancelled:
                body["status"] = "CANCELLED"
            elif body["status"] == "COMPLETED":
                body["output"] = index * index
        return body

    def endpoint(self, **options: Any) -> AsyncEndpoint:
        """Return the endpoint of a client that reaches this service, and nothing else."""
        http = httpx.AsyncClient(transport=self)
        client = AsyncRunpod("key", base_url="http://127.0.0.1:1/v2", http_client=http, **options)
        return client.endpoint("ep")


def job_id(index: int) -> str:
    return f"job-{index}"


def problem(status: int) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "title": "T", "detail": "said so"})


def in_virtual_time(main: Any) -> Any:
    """Run *main* under trio, with a clock that jumps to when something happens."""
    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
