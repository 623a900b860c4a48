"""How often a job is asked for, over how many connections: numbers, whatever the machine."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from runpod_sdk import AsyncRunpod
from tests.transport.conftest import Way
from tests.transport.server import Server, Visit

QUEUED = b'{"id": "j1", "status": "IN_QUEUE"}'


def operations(server: Server) -> list[str]:
    """Name what was asked, in order."""
    return [
        visit.text.split(b" ")[1].decode().split("?")[0].split("/")[3] for visit in server.visits
    ]


def long_poll(visit: Visit) -> bool:
    """Answer a submission at once, and a long poll with the job's end."""
    first = b"/run HTTP" in visit.text or b"/runsync" in visit.text
    return visit.say(QUEUED) if first else visit.say()


def test_a_job_is_two_requests(way: Way) -> None:
    """`run` and `wait` ask once each; so does `run_sync` of a job longer than a second."""
    with Server(long_poll) as server:
        endpoint = way.client(base_url=server.base_url).endpoint("ep")
        job = way.call(lambda: endpoint.run(input=1))
        way.call(lambda: job.wait())
        way.call(lambda: endpoint.run_sync(input=1))
    assert operations(server) == ["run", "status-sync", "runsync", "status-sync"]


def test_a_short_job_is_one_request(way: Way) -> None:
    """`run_sync` of a job that ends within the second has its result with the first answer."""
    with Server(lambda visit: visit.say()) as server:
        endpoint = way.client(base_url=server.base_url).endpoint("ep")
        way.call(lambda: endpoint.run_sync(input=1))
    assert operations(server) == ["runsync"]


@pytest.mark.parametrize("transport", ["anyio", "aiohttp"])
def test_two_hundred_jobs_at_twenty_at_once(transport: str) -> None:
    """They take two requests each, and no more connections than are at work at one time."""
    if transport == "aiohttp":
        pytest.importorskip("aiohttp")

    async def main(base_url: str) -> None:
        client = AsyncRunpod(
            "key-of-a-test",
            base_url=base_url,
            rate_limits=False,
            transport="aiohttp" if transport == "aiohttp" else "anyio",
        )
        async with client:
            endpoint = client.endpoint("ep")
            jobs = iter(range(200))

            async def work() -> None:
                for number in jobs:
                    job = await endpoint.run(input=number)
                    await job.wait()

            await asyncio.gather(*[work() for _ in range(20)])

    with Server(long_poll) as server:
        asyncio.run(main(server.base_url))
    assert Counter(operations(server)) == {"run": 200, "status-sync": 200}
    assert server.connections <= 20
