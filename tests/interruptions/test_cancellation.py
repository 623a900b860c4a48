"""A task that is cancelled at each of its steps, under asyncio and trio."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Generator
from itertools import count
from typing import Any

import anyio
import pytest

from runpod_sdk import AsyncRunpod, StreamInterruptedError
from tests.transport.server import Server, Visit

CHUNKS = [0, 1, 2]
UNCERTAIN = "the job may have been enqueued"


class Steps:
    """An awaitable that cancels a scope at the n-th step of another one."""

    def __init__(self, inner: Awaitable[Any], n: int, scope: anyio.CancelScope) -> None:
        self._inner, self._n, self._scope = inner, n, scope
        self.taken = 0
        self.error: BaseException | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            return (yield from self._counted())
        except BaseException as error:
            self.error = error
            raise

    def _counted(self) -> Generator[Any, Any, Any]:
        inner: Any = self._inner.__await__()
        resume: Callable[[], Any] = lambda: inner.send(None)  # noqa: E731
        while True:
            try:
                step = resume()
            except StopIteration as end:
                return end.value
            self.taken += 1
            if self.taken == self._n:
                self._scope.cancel()
            try:
                sent = yield step
                resume = lambda sent=sent: inner.send(sent)  # type: ignore[misc]  # noqa: E731
            except BaseException as error:
                resume = lambda error=error: inner.throw(error)  # type: ignore[misc]  # noqa: E731


class Service:
    """Runs jobs that take two polls, and yield `CHUNKS`."""

    def __init__(self) -> None:
        self.jobs: list[str] = []
        self.cancelled: list[str] = []
        self._asked: dict[str, int] = {}

    def say(self, visit: Visit) -> bool:
        endpoint, what, job = re.findall(rb"/v2/([\w-]+)/([\w-]+)/?([\w-]*)", visit.text)[0]
        answer: dict[str, Any] = {"id": job.decode(), "status": "COMPLETED", "output": CHUNKS}
        turn = self._asked[job] = self._asked.get(job, 0) + 1
        if what.startswith(b"run"):
            self.jobs.append(f"{endpoint.decode()}-{len(self.jobs)}")
            answer = {"id": self.jobs[-1], "status": "IN_QUEUE"}
        elif what == b"cancel":
            self.cancelled.append(answer["id"])
            answer["status"] = "CANCELLED"
        elif what == b"stream":
            answer = {"status": "COMPLETED", "stream": []}
            if turn <= len(CHUNKS):
                answer = {"status": "IN_PROGRESS", "stream": [{"output": CHUNKS[turn - 1]}]}
        elif turn == 1:
            answer["status"] = "IN_PROGRESS"
        return visit.say(json.dumps(answer).encode())


async def submit(endpoint: Any, _: list[Any]) -> None:
    await endpoint.run(input=1)


async def run(endpoint: Any, _: list[Any]) -> None:
    await endpoint.run_sync(input=1, on_timeout="cancel")


async def stream(endpoint: Any, taken: list[Any]) -> None:
    async for chunk in taken[0].stream():
        taken.append(chunk.output)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("operation", [submit, run, stream])
def test_at_each_step(operation: Callable[..., Awaitable[None]], backend: str) -> None:
    """It ends at once, and neither a job nor a chunk is lost; the client can be used after it."""
    service = Service()

    async def cancelled_at(step: int, attempt: int, client: AsyncRunpod) -> bool:
        """Return whether there was such a step."""
        endpoint = client.endpoint(f"step{step}-{attempt}")
        job = endpoint.job(f"streamed-{step}-{attempt}")
        taken: list[Any] = [job]
        scope = anyio.CancelScope()
        steps = Steps(operation(endpoint, taken), step, scope)
        with scope:
            await steps
        if scope.cancelled_caught:
            notes = "".join(getattr(steps.error, "__notes__", ()))
            for submitted in (one for one in service.jobs if one.startswith(f"{endpoint.id}-")):
                assert submitted in notes or UNCERTAIN in notes
                if operation is run and UNCERTAIN not in notes:
                    assert submitted in service.cancelled
        if operation is stream:
            try:
                async for chunk in job.stream():
                    taken.append(chunk.output)
                assert taken[1:] == CHUNKS
            except StreamInterruptedError:
                assert taken[1:] == CHUNKS[: len(taken) - 1]
                raise
        return steps.taken >= step

    async def main() -> None:
        for step in count(1):
            for attempt in range(20):
                async with AsyncRunpod(
                    "key", base_url=server.base_url, rate_limits=False
                ) as client:
                    try:
                        found = await cancelled_at(step, attempt, client)
                    except StreamInterruptedError:
                        continue  # the server read the cancelled request after the next one
                if not found:
                    assert step > 3
                    return
                break
            else:
                pytest.fail(f"step {step}: the server has read each cancelled request last")

    with Server(service.say) as server:
        anyio.run(main, backend=backend)
