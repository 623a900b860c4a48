"""What each program in Python does, over a generated client."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

WAIT = 5_000  # ms
TERMINAL = {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}
EXACT = {"camelCase": 1, "empty": {}, "no": False, "none": None, "snake_case": [2, 4.5, "é"]}
BASE_URL = os.environ["RUNPOD_ENDPOINT_BASE_URL"]
ENDPOINT = os.environ["RUNPOD_ENDPOINT_ID"]
KEY = os.environ["RUNPOD_API_KEY"]


class Client(Protocol):
    """The calls of a generated client; a job is whatever class it has for one."""

    def run(self, input: Any) -> Any: ...
    def status(self, job_id: str) -> Any: ...
    def status_sync(self, job_id: str, wait: int) -> Any: ...
    def stream(self, job_id: str, wait: int) -> Any: ...
    def others(self, job: Any) -> dict[str, Any]:
        """Return the members of a job that the document does not have."""

    def refused(self, key: str) -> tuple[int, Any]:
        """Return the HTTP status code and the error's `detail`."""


def same(found: Any, wanted: Any) -> None:
    if json.dumps(found) != json.dumps(wanted):
        raise AssertionError(f"{found!r} is not {wanted!r}")


def steps(client: Client) -> int:
    failed = False

    def step(name: str, what: Callable[[], str | None]) -> None:
        nonlocal failed
        try:
            print(f"{name}: {what() or 'ok'}")
        except Exception as error:
            failed = True
            print(f"{name}: {type(error).__name__} {error}".replace("\n", " "))

    def wait(job_id: str) -> Any:
        while True:
            job = client.status_sync(job_id, WAIT)
            if job.status in TERMINAL:
                return job

    ids: list[str] = []

    def run() -> None:
        ids.append(client.run({"exact": EXACT}).id)

    def exact() -> None:
        job = wait(ids[0])
        same((job.status, job.output), ("COMPLETED", EXACT))

    def stream() -> None:
        words = ["one", "two", "three"]
        job = client.run({"words": words})
        found = []
        while True:
            answer = client.stream(job.id, WAIT)
            found += [chunk.output for chunk in answer.stream]
            if answer.status in TERMINAL and not answer.stream:
                break
        same(found, [{"index": index, "word": word} for index, word in enumerate(words)])

    def unknown_status() -> None:
        job = client.status("of-unknown-status")
        same((job.status, job.output), ("PAUSED", {"step": 3}))

    def unknown_member() -> str:
        job = client.status("with-unknown-member")
        same((job.status, job.output), ("COMPLETED", {"step": 3}))
        return "kept" if client.others(job) == {"gpu": "L4"} else "survived"

    def nulls() -> None:
        job = client.status("with-nulls")
        same((job.status, job.output), ("COMPLETED", None))

    def failing() -> None:
        job = wait(client.run({"reason": "no such voice"}).id)
        same((job.status, job.error), ("FAILED", "no such voice"))

    def refused() -> None:
        same(client.refused("rpa_wrong"), (401, "invalid api key"))

    step("run", run)
    step("exact output", exact)
    step("stream", stream)
    step("unknown status", unknown_status)
    step("unknown member", unknown_member)
    step("nulls", nulls)
    step("failed job", failing)
    step("401", refused)
    sys.stdout.flush()
    return 1 if failed else 0
