"""A user of `runpod_sdk.AsyncRunpod`."""

from __future__ import annotations

import asyncio
from typing import Any

from loop import ENDPOINT, Broken, serve_async

from runpod_sdk import AsyncJob, AsyncRunpod, RunpodError


class Driver:
    def __init__(self, client: AsyncRunpod) -> None:
        self.client = client
        self.endpoint = client.endpoint(ENDPOINT)
        self.jobs: dict[str, AsyncJob] = {}

    async def health(self, endpoint: str = ENDPOINT, key: str | None = None) -> Any:
        async with AsyncRunpod(key) as client:
            return (await client.endpoint(endpoint).health()).to_dict()

    async def key_of_the_environment(self) -> Any:
        return await self.health()

    async def run(self, job: str, input: Any) -> Any:
        self.jobs[job] = await self.endpoint.run(input=input)
        return self.jobs[job].id

    async def run_request(self, job: str, request: Any) -> Any:
        self.jobs[job] = await self.endpoint.run(request)
        return self.jobs[job].id

    async def run_sync(self, input: Any) -> Any:
        return (await self.endpoint.run_sync(input=input)).output

    async def submit_with(self, key: str) -> Any:
        async with AsyncRunpod(key) as client:
            return (await client.endpoint(ENDPOINT).run(input={"n": 1})).id

    async def status(self, job: str) -> Any:
        return (await self.jobs[job].status()).status

    async def output(self, job: str) -> Any:
        return await self.jobs[job].output(timeout=30)

    async def output_at_once(self, job: str) -> Any:
        return (await self.jobs[job].status()).output

    async def stream(self, job: str) -> Any:
        values: list[Any] = []
        try:
            async for chunk in self.jobs[job].stream():
                values.append(chunk.output)
        except RunpodError as error:
            raise Broken(values, error) from None
        return values

    async def cancel(self, job: str) -> Any:
        return (await self.jobs[job].cancel()).to_dict()

    async def purge_queue(self) -> Any:
        purged = await self.endpoint.purge_queue()
        return {"removed": purged.removed, "status": purged.status}


async def main() -> None:
    async with AsyncRunpod() as client:
        await serve_async(Driver(client))


asyncio.run(main())
