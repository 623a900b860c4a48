"""Stream, with asyncio: two jobs at a time, each chunk as it comes."""

import asyncio
import os

from runpod_sdk import AsyncEndpoint, AsyncRunpod


async def show(endpoint: AsyncEndpoint, prompt: str) -> None:
    job = await endpoint.run({"input": {"prompt": prompt}})
    async for chunk in job.stream():
        print(prompt, "→", chunk.output, flush=True)


async def main() -> None:
    async with AsyncRunpod(os.environ["RUNPOD_API_KEY"]) as client:
        endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
        await asyncio.gather(show(endpoint, "Hello"), show(endpoint, "World"))
    print("done streaming")


asyncio.run(main())
