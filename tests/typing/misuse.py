"""
Mistakes that a type checker must find. Checked by mypy and pyright, never run.

Each line names mypy's error, and is one for pyright too; what is no longer an error to
either fails the check, as an ignore that is not used.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import httpx

import runpod_sdk
from runpod_sdk import (
    AsyncRunpod,
    ExecutionPolicy,
    JobState,
    JobStatus,
    Runpod,
    S3Config,
)

client = Runpod()
endpoint = client.endpoint("ENDPOINT_ID")

_ = runpod_sdk.nothing_of_that_name  # type: ignore[attr-defined]

# Clients.
Runpod("key", "https://a.test/v2")  # type: ignore[call-arg]
Runpod(api_key=b"key")  # type: ignore[arg-type]
Runpod(timeout="10")  # type: ignore[arg-type]
Runpod(http_client=httpx.AsyncClient())  # type: ignore[arg-type]
AsyncRunpod(http_client=httpx.Client())  # type: ignore[arg-type]
client.endpoint(7)  # type: ignore[call-overload]
client.aclose()  # type: ignore[attr-defined]

# Requests.
endpoint.run({"input": 1}, "https://a.test/")  # type: ignore[call-arg]
endpoint.run("prompt")  # type: ignore[arg-type]
endpoint.run(input={1, 2})  # type: ignore[arg-type]
endpoint.run(prompt="x")  # type: ignore[call-arg]
endpoint.run(input=1, policy={"ttl": 5})  # type: ignore[arg-type]
endpoint.run(input=1, on_timeout="cancel")  # type: ignore[call-arg]
endpoint.run_sync(input=1, on_timeout="stop")  # type: ignore[call-overload]
endpoint.run_sync(input=1, check=None)  # type: ignore[call-overload]
ExecutionPolicy(5)  # type: ignore[call-arg]
ExecutionPolicy(executionTimeout=5)  # type: ignore[call-arg]
S3Config(access_id="i")  # type: ignore[call-arg]

# Many jobs.
endpoint.map(7)  # type: ignore[call-overload]
endpoint.map([{1, 2}])  # type: ignore[type-var]
endpoint.map([1], 8)  # type: ignore[call-overload]
endpoint.map([1], on_leave="stop")  # type: ignore[call-overload]
endpoint.map([1], on_error="ignore")  # type: ignore[call-overload]
endpoint.map([1], key="id")  # type: ignore[call-overload]
endpoint.journaled(7)  # type: ignore[arg-type]
client.as_completed(["id"])  # type: ignore[arg-type]

# Times are named.
endpoint.status("id", 5)  # type: ignore[call-arg]
endpoint.wait("id", 5)  # type: ignore[call-arg]
endpoint.wait("id", on_timeout=None)  # type: ignore[arg-type]
endpoint.job("id").output(5)  # type: ignore[call-overload]
endpoint.health(5)  # type: ignore[call-arg]
endpoint.status(7)  # type: ignore[arg-type]

# Values do not change.
job = endpoint.job("id")
state = job.status()
job.id = "other"  # type: ignore[misc]
state.output = 1  # type: ignore[misc]
state.extra["x"] = 1  # type: ignore[index]
state.delay_time.total_seconds()  # type: ignore[union-attr]
endpoint.health().jobs.in_queue + 1  # type: ignore[operator]
job.stream()[0]  # type: ignore[index]
status: JobStatus = state.status  # type: ignore[assignment]


async def main(rp: AsyncRunpod) -> None:
    # Sync is not awaited, async is.
    await endpoint.status("id")  # type: ignore[misc]
    async with client:  # type: ignore[attr-defined]
        pass
    with rp:  # type: ignore[attr-defined]
        pass
    theirs = rp.endpoint("ENDPOINT_ID")
    answer: JobState = theirs.status("id")  # type: ignore[assignment]
    _ = theirs.run(input=1).id  # type: ignore[attr-defined]
    await theirs.stream("id")  # type: ignore[misc]
    for _ in theirs.stream("id"):  # type: ignore[attr-defined]
        pass
    async for _ in endpoint.stream("id"):  # type: ignore[attr-defined]
        pass
    del answer
