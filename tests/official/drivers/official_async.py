"""A user of `runpod.AsyncioEndpoint`. It has no `run_sync`, and `run` takes the input alone."""

from __future__ import annotations

import asyncio
from typing import Any

import runpod
from loop import ENDPOINT, KEY, serve_async
from runpod.http_client import AsyncClientSession


class Driver:
    def __init__(self, session: Any) -> None:
        self.session = session
        self.endpoint = runpod.AsyncioEndpoint(ENDPOINT, session, api_key=KEY)
        self.jobs: dict[str, Any] = {}

    async def health(self, endpoint: str = ENDPOINT, key: str = KEY) -> Any:
        return await runpod.AsyncioEndpoint(endpoint, self.session, api_key=key).health()

    async def run(self, job: str, input: Any) -> Any:
        self.jobs[job] = await self.endpoint.run(input)
        return self.jobs[job].job_id

    async def run_request(self, job: str, request: Any) -> Any:
        return await self.run(job, request)

    async def run_sync(self, input: Any) -> Any:
        return await self.endpoint.run_sync({"input": input})

    async def submit_with(self, key: str) -> Any:
        endpoint = runpod.AsyncioEndpoint(ENDPOINT, self.session, api_key=key)
        return (await endpoint.run({"n": 1})).job_id

    async def status(self, job: str) -> Any:
        return await self.jobs[job].status()

    async def output(self, job: str) -> Any:
        return await self.jobs[job].output(timeout=30)

    async def output_at_once(self, job: str) -> Any:
        return await self.jobs[job].output()

    async def stream(self, job: str) -> Any:
        return [value async for value in self.jobs[job].stream()]

    async def cancel(self, job: str) -> Any:
        return await self.jobs[job].cancel()

    async def purge_queue(self) -> Any:
        return await self.endpoint.purge_queue()


async def main() -> None:
    async with AsyncClientSession() as session:
        await serve_async(Driver(session))


asyncio.run(main())
