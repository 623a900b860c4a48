"""
`AsyncEndpoint.map`, by itself.

    python -m benchmarks.clients.mapping memory INPUTS
    python -m benchmarks.clients.mapping jobs BASE_URL INPUTS CONCURRENCY [journal]
    python -m benchmarks.clients.mapping flight MODE BASE_URL INPUTS CONCURRENCY MILLISECONDS

The modes are sync, async, and raw, which is not a map but sockets of asyncio.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from benchmarks.clients import raw
from benchmarks.clients.scenario import KEY, SHORT, cpu
from runpod_sdk import AsyncRunpod, Runpod


class Nothing(httpx.AsyncBaseTransport):
    """Answers at once: each job has ended as soon as it is there."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = b'{"id": "j", "status": "COMPLETED", "output": 1}'
        return httpx.Response(200, content=body)


async def memory(inputs: int) -> dict[str, Any]:
    """Map so many lazy inputs to nothing; tell the most memory that the process had, in KiB."""
    http_client = httpx.AsyncClient(transport=Nothing())
    async with AsyncRunpod(KEY, http_client=http_client, rate_limits=False) as client:
        results = client.endpoint("ep").map((n for n in range(inputs)), concurrency=50)
        taken = 0
        async for _ in results:
            taken += 1
    await http_client.aclose()
    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "whole": taken == inputs}


async def jobs(base_url: str, inputs: int, concurrency: int, journal: bool) -> dict[str, Any]:
    """Map so many inputs to jobs of the reference server."""
    lazy = ({"seconds": SHORT, "n": n} for n in range(inputs))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "run.sqlite") if journal else None
        async with AsyncRunpod(KEY, base_url=base_url, rate_limits=False) as client:
            began, worked, taken = time.perf_counter(), cpu(), 0
            async for _ in client.endpoint("ep").map(lazy, concurrency=concurrency, journal=path):
                taken += 1
    wall, worked = time.perf_counter() - began, cpu() - worked
    return {"wall": wall / inputs, "cpu": worked / inputs, "whole": taken == inputs}


def flight(
    mode: str, base_url: str, inputs: int, concurrency: int, milliseconds: int
) -> dict[str, Any]:
    """Map inputs to jobs of so many milliseconds; tell the memory of a job in flight, in KiB."""

    def lazy(number: int, seconds: float) -> Iterator[dict[str, float]]:
        return ({"seconds": seconds, "n": n} for n in range(number))

    async def take(number: int, seconds: float, at_once: int) -> None:
        async with AsyncRunpod(KEY, base_url=base_url, rate_limits=False) as client:
            async for _ in client.endpoint("ep").map(lazy(number, seconds), concurrency=at_once):
                pass

    def take_sync(number: int, seconds: float, at_once: int) -> None:
        with Runpod(KEY, base_url=base_url, rate_limits=False) as client:
            for _ in client.endpoint("ep").map(lazy(number, seconds), concurrency=at_once):
                pass

    def run(*numbers: Any) -> None:
        if mode == "sync":
            take_sync(*numbers)
        elif mode == "raw":
            asyncio.run(raw.take(base_url, *numbers))
        else:
            asyncio.run(take(*numbers))

    run(100, 0.0, 10)
    before, worked = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, cpu()
    run(inputs, milliseconds / 1_000, concurrency)
    after, worked = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, cpu() - worked
    return {"cpu": worked / inputs, "memory": (after - before) / concurrency}


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "memory":
        measured = asyncio.run(memory(int(rest[0])))
    elif what == "flight":
        measured = flight(rest[0], rest[1], *map(int, rest[2:]))
    else:
        base_url, inputs, concurrency, *more = rest
        measured = asyncio.run(jobs(base_url, int(inputs), int(concurrency), bool(more)))
    print(json.dumps(measured))
