"""What stands around the client, as an application uses it. Checked, never run."""

from __future__ import annotations

import asyncio
from typing import Any, assert_type

import aiohttp
import openai

from runpod_sdk import (
    AsyncEndpoint,
    AsyncJob,
    Endpoint,
    Explanation,
    Job,
    JobReason,
    JobState,
    webhooks,
)
from runpod_sdk import compat as runpod


def explained(endpoint: Endpoint, job: Job) -> None:
    assert_type(job.explain(timeout=1), Explanation)
    assert_type(endpoint.explain("id").reason, JobReason)
    assert_type(endpoint.explain("id").text, str)


def openai_(endpoint: Endpoint, async_endpoint: AsyncEndpoint) -> None:
    assert_type(endpoint.openai(timeout=5), openai.OpenAI)
    assert_type(async_endpoint.openai(), openai.AsyncOpenAI)
    assert_type(endpoint.openai_base_url, str)


class Store:
    def add(self, key: str) -> bool:
        return True

    def discard(self, key: str) -> None: ...


async def webhooks_(job: Job, async_job: AsyncJob) -> None:
    receiver = webhooks.Receiver("https://me.test/", ["new", b"old"], seen=Store())
    assert_type(receiver.url_for("order-17"), str)
    assert_type(receiver.wait(job, timeout=5), JobState)
    assert_type(await receiver.wait_async(async_job), JobState)
    delivery = receiver.receive(b"?a=1", "{}")
    assert_type(delivery, webhooks.Delivery | None)
    if delivery is not None:
        assert_type(delivery.state, JobState)
        assert_type(delivery.reference, str | None)

    async def handle(delivery: webhooks.Delivery) -> None: ...

    receiver.asgi(handle)
    receiver.wsgi(print)
    webhooks.sign_url("https://me.test/", 5)  # type: ignore[arg-type]


async def compat() -> None:
    runpod.api_key = "key"
    endpoint = runpod.Endpoint("ep")
    assert_type(endpoint.run({"prompt": "x"}), runpod.Job)
    assert_type(endpoint.run({"prompt": "x"}).status(), str)
    assert_type(endpoint.run_sync({"prompt": "x"}, timeout=5), Any)
    assert_type(endpoint.health(), dict[str, Any])
    async with aiohttp.ClientSession() as session:
        job = await runpod.AsyncioEndpoint("ep", session).run({"prompt": "x"})
        assert_type(job, runpod.AsyncioJob)
        async for output in job.stream():
            assert_type(output, Any)


asyncio.run(compat())
