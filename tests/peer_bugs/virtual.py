"""The async client under a clock that jumps, so that what takes minutes can be timed exactly."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx
import trio.testing

from runpod_sdk import AsyncRunpod
from tests.facade.clients import BASE_URL, JOB, KEY


class Service:
    """
    An endpoint with one job, that holds its answers as long as it is asked to.

    Args:
        runs: How long the job takes from its submission, in seconds.
        instant: Whether it answers at once instead, whatever it is asked.
        chunks: Seconds from the submission to each chunk, of the number of its turn.
        output: What the job returns.
    """

    def __init__(
        self,
        runs: float = math.inf,
        *,
        instant: bool = False,
        chunks: list[float] | None = None,
        output: Any = None,
    ) -> None:
        self._runs = runs
        self._instant = instant
        self._chunks = list(enumerate(chunks or []))
        self._output = output
        self._began: float | None = None
        self.asked: list[tuple[float, str]] = []
        """When each request came, in seconds from the first, and what it asked."""
        self.waits: list[int] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if self._began is None:
            self._began = anyio.current_time()
        operation = request.url.path.split("/")[3]
        if operation == "cancel":  # which must be waited for, by one who was cancelled himself
            await anyio.sleep(0.01)
        assert len(self.asked) < 2_000, "asked without end"
        self.asked.append((self._age(), operation))
        wait = request.url.params.get("wait")
        if wait is not None:
            self.waits.append(int(wait))
            await self._hold(int(wait) / 1_000, operation)
        return httpx.Response(200, json=self._answer(operation))

    async def _hold(self, wait: float, operation: str) -> None:
        if self._instant:
            return
        ready = self._runs
        if operation == "stream" and self._chunks:
            ready = min(ready, self._chunks[0][1])
        await anyio.sleep(max(0.0, min(wait, ready - self._age())))

    def _answer(self, operation: str) -> dict[str, Any]:
        done = self._age() >= self._runs
        body: dict[str, Any] = {"id": JOB, "status": "COMPLETED" if done else "IN_PROGRESS"}
        if operation == "stream":
            due = [chunk for chunk in self._chunks if chunk[1] <= self._age()]
            self._chunks = self._chunks[len(due) :]
            body["stream"] = [{"output": number} for number, _ in due]
        elif operation == "cancel":
            body["status"] = "CANCELLED"
        elif done:
            body["output"] = self._output
        return body

    def _age(self) -> float:
        return 0.0 if self._began is None else anyio.current_time() - self._began


def timed(
    handler: Callable[[httpx.Request], Any],
    body: Callable[[Any], Awaitable[Any]],
    **options: Any,
) -> tuple[Any, float]:
    """
    Await *body* with an endpoint that asks *handler*.

    Returns:
        What it returned, or the exception that it raised, and the virtual seconds it took.
    """

    async def main() -> tuple[Any, float]:
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
        async with AsyncRunpod(
            KEY, base_url=BASE_URL, http_client=http_client, **options
        ) as client:
            began = anyio.current_time()
            try:
                result = await body(client.endpoint("ep"))
            except Exception as error:
                result = error
            return result, anyio.current_time() - began

    clock = trio.testing.MockClock(autojump_threshold=0)
    return anyio.run(main, backend="trio", backend_options={"clock": clock})


async def silent(_: httpx.Request) -> httpx.Response:
    """Answer after a year, so that a caller without a deadline fails instead of hanging."""
    await anyio.sleep(365 * 86_400)
    return httpx.Response(200, json={"id": JOB, "status": "COMPLETED"})
