"""The program of every language, over the client that openapi-generator makes for Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from other_client import ApiClient, Configuration, Job, JobRequest
from other_client.api import EndpointsApi, JobsApi
from other_client.exceptions import UnauthorizedException

WAIT = 5_000  # ms
TERMINAL = {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}
ENDPOINT = os.environ["RUNPOD_ENDPOINT_ID"]


def client(key: str) -> ApiClient:
    host = os.environ["RUNPOD_ENDPOINT_BASE_URL"]
    return ApiClient(Configuration(host=host, access_token=key))


def wait(jobs: JobsApi, job_id: str) -> Job:
    while True:
        job = jobs.get_job_status_sync(ENDPOINT, job_id, wait=WAIT)
        if job.status in TERMINAL:
            return job


def same(found: Any, wanted: Any) -> None:
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")


def main() -> int:
    jobs = JobsApi(client(os.environ["RUNPOD_API_KEY"]))
    failed = False

    def step(name: str, what: Callable[[], None]) -> None:
        nonlocal failed
        try:
            what()
            print(f"{name}: ok")
        except Exception as error:
            failed = True
            print(f"{name}: {type(error).__name__} {error}".replace("\n", " "))

    ids: list[str] = []

    def run() -> None:
        ids.append(jobs.run_job(ENDPOINT, JobRequest(input={"numbers": [1, 2, 3]})).id)

    def waited() -> None:
        job = wait(jobs, ids[0])
        same((job.status, job.output), ("COMPLETED", {"doubled": [2, 4, 6], "none": None}))

    def stream() -> None:
        job = jobs.run_job(ENDPOINT, JobRequest(input={"words": ["one", "two", "three"]}))
        found = []
        while True:
            answer = jobs.stream_job(ENDPOINT, job.id, wait=WAIT)
            found += [chunk.output for chunk in answer.stream]
            if answer.status in TERMINAL and not answer.stream:
                break
        words = ["one", "two", "three"]
        same(found, [{"index": index, "word": word} for index, word in enumerate(words)])

    def unknown() -> None:
        job = jobs.get_job_status(ENDPOINT, "of-unknown-status")
        same((job.status, job.output), ("PAUSED", {"step": 3}))

    def failing() -> None:
        job = jobs.run_job(ENDPOINT, JobRequest(input={"reason": "no such voice"}))
        job = wait(jobs, job.id)
        same((job.status, job.error), ("FAILED", "no such voice"))

    def refused() -> None:
        try:
            EndpointsApi(client("rpa_wrong")).get_health(ENDPOINT)
        except UnauthorizedException as refusal:
            same((refusal.status, refusal.data.detail), (401, "invalid api key"))
        else:
            raise AssertionError("not refused")

    step("run", run)
    step("wait", waited)
    step("stream", stream)
    step("unknown status", unknown)
    step("failed job", failing)
    step("401", refused)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
