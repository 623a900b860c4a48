"""
The jobs of a local endpoint, at the start and when it keeps many that have ended.

    python -m benchmarks.clients.local KEPT

The endpoint is a process of its own, on one core. The load comes from this process, on another:
it takes less of it than the endpoint does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

from benchmarks.local_server import Server, started, two_cores

AT_ONCE = 100
MEASURED = 2_000
"""The jobs of each measurement, and those before the first one."""


async def submit_and_wait(server: Server, jobs: int) -> dict[str, float]:
    """Submit and wait for so many jobs; tell the time of each, and of the server's core."""
    left = iter(range(jobs))

    async def work() -> None:
        connection = await server.connect()
        for number in left:
            job = await connection.ask(server.request("POST", "run", {"input": number}))
            ended = await connection.ask(server.request("GET", f"status-sync/{job['id']}"))
            assert (ended["status"], ended["output"]) == ("COMPLETED", number)
        connection.close()

    began, busy = time.perf_counter(), server.busy
    await asyncio.gather(*[work() for _ in range(AT_ONCE)])
    wall, busy = time.perf_counter() - began, server.busy - busy
    return {"wall": wall / jobs, "cpu": busy / jobs}


async def measure(server: Server, kept: int) -> dict[str, Any]:
    """Measure jobs when few are kept and when *kept* are, and the bytes that each takes."""
    await submit_and_wait(server, MEASURED)
    few = await submit_and_wait(server, MEASURED)
    before = server.rss
    await submit_and_wait(server, kept - 2 * MEASURED)
    memory = (server.rss - before) / (kept - 2 * MEASURED)
    return {"few": few, "many": await submit_and_wait(server, MEASURED), "memory": memory}


def main() -> None:
    """Do as the command line says."""
    core, other = two_cores()
    os.sched_setaffinity(0, {other})
    with started(core) as server:
        print(json.dumps(asyncio.run(measure(server, int(sys.argv[1])))))


if __name__ == "__main__":
    main()
