"""The sync client as an application uses it. Checked by mypy and pyright, never run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, assert_type

import httpx

from runpod_sdk import (
    Endpoint,
    EndpointHealth,
    ExecutionPolicy,
    InputValue,
    Job,
    JobResult,
    JobState,
    Journal,
    JournalEntry,
    JournalStatus,
    JSONValue,
    MapProgress,
    MapResult,
    PurgeResult,
    Results,
    Runpod,
    RunpodError,
    S3Config,
    Stream,
    StreamChunk,
)

with Runpod() as client:
    assert_type(client, Runpod)
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    assert_type(endpoint, Endpoint[InputValue, Any])
    assert_type(endpoint.id, str)
    assert_type(endpoint.client, Runpod)

Runpod("key")
Runpod(None, base_url=None, timeout=None, max_retries=0, http_client=None)
Runpod(api_key="key", base_url="http://127.0.0.1:8000/v2", timeout=timedelta(seconds=3))
Runpod(timeout=1, http_client=httpx.Client(proxy="http://127.0.0.1:3128"))
assert_type(client.close(), None)

# A request, in either way.
assert_type(endpoint.run({"input": {"prompt": "Hello, World!"}}), Job)
endpoint.run({"input": None, "webhook": "https://a.test/", "policy": {"executionTimeout": 5000}})
endpoint.run(input="any JSON")
endpoint.run(input=None)
endpoint.run(input=["a", 1, 1.5, True, None, {"nested": ("tuple", "too")}])
endpoint.run(
    input={"prompt": "Hello"},
    webhook="https://a.test/hook",
    policy=ExecutionPolicy(execution_timeout=5, ttl=timedelta(hours=1), low_priority=True),
    s3_config=S3Config(
        access_id="id",
        access_secret="secret",
        bucket_name="bucket",
        endpoint_url="https://s3.test",
        object_path=None,
    ),
    timeout=timedelta(seconds=5),
)


def submit(
    prompt: dict[str, str], numbers: list[int], body: JSONValue, request: dict[str, Any]
) -> None:
    """What is typed elsewhere, narrower or as Any, is taken as it is."""
    endpoint.run(input=prompt)
    endpoint.run(input=numbers)
    endpoint.run(input=body)
    endpoint.run(request)
    endpoint.run({"input": prompt})


state = endpoint.run_sync({"input": {}})
assert_type(state, JobState)
assert_type(endpoint.run_sync(input=1, timeout=None, check=False, on_timeout="cancel"), JobState)
assert_type(endpoint.status("id"), JobState)
assert_type(endpoint.status("id", timeout=3), JobState)
assert_type(endpoint.status("id", timeout=None), JobState)
assert_type(endpoint.wait("id", timeout=60.0, on_timeout="detach"), JobState)
assert_type(endpoint.cancel("id"), JobState)
assert_type(endpoint.retry("id", timeout=2), JobState)
assert_type(endpoint.health(), EndpointHealth)
assert_type(endpoint.purge_queue(timeout=timedelta(seconds=1)), PurgeResult)

job = endpoint.job("id")
assert_type(job, Job)
assert_type(job.id, str)
assert_type(job.endpoint, Endpoint)
assert_type(job.status(), JobState)
assert_type(job.wait(timeout=10, on_timeout="cancel"), JobState)
assert_type(job.output(timeout=None), Any)
assert_type(job.cancel(), JobState)
assert_type(job.retry(), JobState)

stream = job.stream(timeout=timedelta(minutes=5))
assert_type(stream, Stream)
for chunk in stream:
    assert_type(chunk, StreamChunk)
assert_type(next(iter(endpoint.stream("id"))), StreamChunk)
assert_type([chunk.output for chunk in endpoint.stream("id", timeout=None)], list[Any])
with job.stream() as opened:
    assert_type(opened, Stream)
    chunks: Iterator[StreamChunk] = opened
assert_type(stream.close(), None)


def note(progress: MapProgress) -> None:
    """A caller's own function."""
    assert_type(progress.total, int | None)


# Many jobs.
results = endpoint.map([{"prompt": "a"}, {"prompt": "b"}], concurrency=8, ordered=False)
assert_type(results, Results[MapResult[dict[str, str]]])
for result in results:
    assert_type(result.input, dict[str, str])
    assert_type(result.index, int)
    assert_type(result.output, Any)
    assert_type(result.state, JobState | None)
    assert_type(result.error, RunpodError | None)
    assert_type(result.job_id, str | None)
assert_type(results.in_flight, dict[int, str])
assert_type(results.uncertain, tuple[int, ...])
assert_type(results.close(), None)
with endpoint.map(
    (n for n in range(3)),
    timeout=timedelta(minutes=5),
    on_error="raise",
    on_leave="cancel",
    progress=note,
    policy=ExecutionPolicy(ttl=60),
    journal="run.sqlite",
) as numbers:
    assert_type(next(numbers).input, int)

endpoint.map([1], progress=True)

jobs = [endpoint.run(input=1), endpoint.job("id")]
for ended in client.as_completed(jobs, timeout=60):
    assert_type(ended, JobResult[Job])
    assert_type(ended.job, Job)
    assert_type(ended.state, JobState | None)
assert_type(client.wait_all(iter(jobs)), list[JobState])

with Journal("run.sqlite") as journal:
    assert_type(journal.counts, dict[JournalStatus, int])
    assert_type(journal.uncertain(), list[JournalEntry])
    journal.resolve(journal.failed()[0].index, "resubmit")
    endpoint.map([1], journal=journal)
