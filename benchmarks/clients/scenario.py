"""
The scenarios that every client runs, whichever package it is of.

A client is a class with the methods that it has: `run` submits a job of so many seconds
and gives its id, `status`, `result`, `chunks` ask after one. Those of an async client are
awaited. What is measured is printed as JSON: seconds by the clock, and of the process.

Stands alone, as some of the clients live in an environment without this package.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import resource
import sys
import time
import tracemalloc
from typing import Any

KEY = "key-of-the-benchmarks-000000"
SHORT = 0.02
"""Seconds that the jobs of a crowd take."""


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


class Course:
    """What can be asked of a client, each a coroutine that gives what was measured."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def status(self, calls: int) -> dict[str, Any]:
        """Ask for the status of one job so often, one call after another."""
        id = await settled(self._client.run(0))
        ask, is_async = self._client.status, inspect.iscoroutinefunction(self._client.status)
        await settled(ask(id))
        began, worked = time.perf_counter(), cpu()
        for _ in range(calls):
            if is_async:
                await ask(id)
            else:
                ask(id)
        return {
            "wall": (time.perf_counter() - began) / max(calls, 1),
            "cpu": (cpu() - worked) / max(calls, 1),
        }

    async def latency(self, jobs: int) -> dict[str, Any]:
        """Wait for jobs, and tell how long after their end each result was in hand."""
        late = []
        for number in range(jobs):
            id = await settled(self._client.run(0.1 + number % 7 / 50))
            output = await settled(self._client.result(id))
            late.append(time.monotonic() - output["at"])
        return {"late": late}

    async def stream(self, chunks: int) -> dict[str, Any]:
        """Take a stream, and tell how long after it was there each chunk was in hand."""
        id = await settled(self._client.run(chunks * 0.02, chunks=chunks))
        late, numbers = [], []
        async for output in self._client.chunks(id):
            late.append(time.monotonic() - output["at"])
            numbers.append(output["n"])
        return {"late": late, "whole": numbers == list(range(chunks))}

    async def crowd(self, jobs: int, at_once: int) -> dict[str, Any]:
        """Submit and wait for so many jobs, so many at a time."""
        left = iter(range(20))

        async def work() -> None:
            for _ in left:
                id = await self._client.run(SHORT)
                await self._client.result(id)

        await asyncio.gather(*[work() for _ in range(min(4, at_once))])
        left = iter(range(jobs))
        gc.collect()
        began, worked = time.perf_counter(), cpu()
        await asyncio.gather(*[work() for _ in range(at_once)])
        wall, worked = time.perf_counter() - began, cpu() - worked
        return {"wall": wall / jobs, "cpu": worked / jobs}

    async def large(self, rounds: int) -> dict[str, Any]:
        """Fetch 20 MB, and compare with reading the same bytes as JSON."""
        id = await settled(self._client.run(0, large=True))
        text = json.dumps(await settled(self._client.result(id))).encode()
        took, reading = [], []
        for _ in range(rounds):
            gc.collect()
            began, worked = time.perf_counter(), cpu()
            await settled(self._client.result(id))
            took.append((time.perf_counter() - began, cpu() - worked))
            gc.collect()
            began, worked = time.perf_counter(), cpu()
            json.loads(text)
            reading.append((time.perf_counter() - began, cpu() - worked))
        wall, cpu_, wall_of_json, cpu_of_json = (
            sorted(values)[rounds // 2]
            for values in (*zip(*took, strict=True), *zip(*reading, strict=True))
        )
        return {
            "memory": await self._peak(id, text),
            "wall": wall,
            "cpu": cpu_,
            "wall over json.loads": wall / wall_of_json,
            "cpu over json.loads": cpu_ / cpu_of_json,
        }

    async def _peak(self, id: str, text: bytes) -> float:
        """Return the peak memory of a result over that of its text and its value."""
        tracemalloc.start()
        value = json.loads(text)
        least = tracemalloc.get_traced_memory()[0] + len(text)
        del value
        gc.collect()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        await settled(self._client.result(id))
        return (tracemalloc.get_traced_memory()[1] - before) / least


def run(clients: dict[str, Any]) -> None:
    """Run `CLIENT SCENARIO BASE_URL NUMBER...` of the command line."""
    name, scenario, base_url, *numbers = sys.argv[1:]

    async def main() -> dict[str, Any]:
        client = clients[name](base_url)
        await settled(client.open())
        try:
            measured: dict[str, Any] = await getattr(Course(client), scenario)(*map(int, numbers))
            return measured
        finally:
            await settled(client.close())

    print(json.dumps(asyncio.run(main())))
