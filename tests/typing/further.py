"""What stands around the client, as an application uses it. Checked, never run."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type
from uuid import UUID

import aiohttp
import openai

from runpod_sdk import (
    AsyncEndpoint,
    AsyncJob,
    AsyncRunpod,
    Endpoint,
    Explanation,
    InputValue,
    Job,
    JobFailedError,
    JobReason,
    JobState,
    Journal,
    JournalEntry,
    JournalStore,
    MapResult,
    OutputFile,
    Runpod,
    RunpodError,
    S3Config,
    SubmitResult,
    webhooks,
)
from runpod_sdk import compat as runpod
from runpod_sdk.journal_postgres import PostgresStore
from runpod_sdk.media import to_base64, to_data_url
from runpod_sdk.notebook import LiveBox
from runpod_sdk.storage import S3Storage


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


def files(job: Job, result: MapResult[Any, Any], state: JobState) -> None:
    assert_type(job.save_output("directory", timeout=5, overwrite=True), list[Path])
    assert_type(state.files, list[OutputFile])
    assert_type(result.files, list[OutputFile])
    for file in state.files:
        assert_type(file.path, str)
        assert_type(file.name, str)
        assert_type(file.media_type, str | None)
        assert_type(file.size, int | None)
        assert_type(file.url, str | None)
        assert_type(file.data, bytes | None)
        assert_type(file.save(Path("directory")), Path)
    assert_type(to_base64(Path("a.png")), str)
    with open("a.png", "rb") as opened:
        assert_type(to_data_url(opened, "image/png"), str)


async def async_files(job: AsyncJob, file: OutputFile, config: S3Config) -> None:
    assert_type(await job.save_output("directory"), list[Path])
    assert_type(await file.asave("directory"), Path)
    storage = S3Storage(config)
    assert_type(await storage.aupload(b"bytes", progress=lambda sent, total: None), str)
    assert_type(storage.upload(Path("a.mp4"), "name", expires=timedelta(hours=1)), str)


def news(endpoint: Endpoint, job: Job) -> None:
    def told(state: JobState) -> None:
        assert_type(state.request_id, str | None)
        assert_type(state.headers["x"], str)

    endpoint.run_sync(input=1, on_update=told)
    endpoint.wait("id", on_update=told, extra_headers={"x-trace": "1"})
    endpoint.run_sync(input=1, on_update=LiveBox())
    endpoint.client.wait_all([job], extra_headers={"x-trace": "1"})
    job.output(on_update=told)
    endpoint.map([1], on_update=lambda index, state: told(state))
    for state in job.updates(timeout=5):
        assert_type(state, JobState)
    for text in job.stream().text():
        assert_type(text, str)


async def async_news(endpoint: AsyncEndpoint, job: AsyncJob) -> None:
    async def told(state: JobState) -> None: ...

    await endpoint.run_sync(input=1, on_update=told)
    await endpoint.run_sync(input=1, on_update=LiveBox())
    async for state in endpoint.updates("id"):
        assert_type(state, JobState)
    async for text in job.stream().text():
        assert_type(text, str)


def options(client: Runpod, endpoint: Endpoint, error: JobFailedError) -> None:
    assert_type(client.with_options(timeout=None, api_key=lambda: "key"), Runpod)
    Runpod(lambda: "key", default_headers={"x-team": "blue"})
    endpoint.run(
        input={"at": datetime.now(), "on": date.today(), "id": UUID(int=1), "price": Decimal(1)},
        extra_body={"priority": 1},
    )
    assert_type(error.error_type, str | None)
    assert_type(error.error_message, str | None)
    assert_type(error.error_traceback, str | None)


async def async_options(client: AsyncRunpod) -> None:
    async def key() -> str:
        return "key"

    assert_type(client.with_options(api_key=key, default_headers={"x": "1"}), AsyncRunpod)
    AsyncRunpod(key)


def keys_and_halves(endpoint: Endpoint[InputValue, Any], store: JournalStore) -> None:
    """A key is a function of an input, and its result a string or an integer."""
    rows = [{"id": "a", "prompt": "one"}]
    for result in endpoint.map(rows, key=lambda row: row["id"], journal=store):
        assert_type(result.key, str | int | None)
        assert_type(result.input, dict[str, str])
    halves = endpoint.journaled(PostgresStore("run", wait=0))
    given = halves.submit(rows, key=lambda row: row["id"])
    assert_type(given, SubmitResult)
    assert_type(given.errors, tuple[RunpodError, ...])
    for collected in halves.collect():
        assert_type(collected, MapResult[None, Any])
    with Journal(store) as journal:
        assert_type(journal.entry(key="a"), JournalEntry)
        assert_type(journal.resolve_all(journal.failed(), "resubmit"), int)
        assert_type(journal.entry(0).key, str | int | None)


async def async_halves(endpoint: AsyncEndpoint[InputValue, Any]) -> None:
    given = await endpoint.journaled("run.sqlite").submit([1, 2], key=str)
    assert_type(given, SubmitResult)
    async with endpoint.journaled("run.sqlite").collect() as results:
        async for result in results:
            assert_type(result, MapResult[None, Any])
