"""The async client as an application uses it. Checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, assert_type

import httpx

from runpod_sdk import (
    AsyncEndpoint,
    AsyncJob,
    AsyncResults,
    AsyncRunpod,
    AsyncStream,
    EndpointHealth,
    ExecutionPolicy,
    InputValue,
    JobResult,
    JobState,
    MapResult,
    PurgeResult,
    StreamChunk,
)


async def main() -> None:
    async with AsyncRunpod() as client:
        assert_type(client, AsyncRunpod)
        endpoint = client.endpoint("ENDPOINT_ID")
        assert_type(endpoint, AsyncEndpoint[InputValue, Any])
        assert_type(endpoint.id, str)
        assert_type(endpoint.client, AsyncRunpod)
    AsyncRunpod("key", timeout=None, max_retries=3, http_client=httpx.AsyncClient())
    assert_type(await client.aclose(), None)

    job = await endpoint.run(input={"prompt": "Hello, World!"}, policy=ExecutionPolicy(ttl=60))
    assert_type(job, AsyncJob)
    assert_type(await endpoint.run({"input": [1, 2.5, None]}, timeout=5), AsyncJob)
    assert_type(await endpoint.run_sync({"input": {}}, check=False), JobState)
    assert_type(await endpoint.run_sync(input=1, timeout=None, on_timeout="cancel"), JobState)
    assert_type(await endpoint.status("id", timeout=1), JobState)
    assert_type(await endpoint.wait("id", timeout=60.0, on_timeout="detach"), JobState)
    assert_type(await endpoint.cancel("id"), JobState)
    assert_type(await endpoint.retry("id"), JobState)
    assert_type(await endpoint.health(timeout=None), EndpointHealth)
    assert_type(await endpoint.purge_queue(timeout=timedelta(seconds=1)), PurgeResult)

    job = endpoint.job("id")
    assert_type(job.id, str)
    assert_type(job.endpoint, AsyncEndpoint)
    assert_type(await job.status(), JobState)
    assert_type(await job.wait(timeout=10, on_timeout="cancel"), JobState)
    assert_type(await job.output(timeout=None), Any)
    assert_type(await job.cancel(), JobState)
    assert_type(await job.retry(timeout=3), JobState)

    stream = job.stream(timeout=timedelta(minutes=5))
    assert_type(stream, AsyncStream)
    async for chunk in stream:
        assert_type(chunk, StreamChunk)
    assert_type(await anext(endpoint.stream("id")), StreamChunk)
    assert_type([chunk.output async for chunk in endpoint.stream("id")], list[Any])
    async with job.stream() as opened:
        assert_type(opened, AsyncStream)
        chunks: AsyncIterator[StreamChunk] = opened
    assert_type(await stream.aclose(), None)
    del chunks

    async def inputs() -> AsyncIterator[list[int]]:
        yield [1, 2]

    results = endpoint.map(inputs(), ordered=False, journal="run.sqlite")
    assert_type(results, AsyncResults[MapResult[list[int]]])
    async for result in results:
        assert_type(result.input, list[int])
    async with endpoint.map(["a", "b"], on_leave="cancel") as words:
        assert_type((await anext(words)).input, str)
    assert_type(await results.aclose(), None)
    assert_type(results.in_flight, dict[int, str])
    async for ended in client.as_completed([job]):
        assert_type(ended, JobResult[AsyncJob])
        assert_type(await ended.job.output(), Any)
    assert_type(await client.wait_all([job], timeout=5), list[JobState])
