"""Demonstrate the client, on a local endpoint or on RunPod; `scripts/demo` runs it."""

from __future__ import annotations

import itertools
import json
import os
import sys
import textwrap
import time
from typing import Any

from examples.handlers.characters import handler
from runpod_sdk import (
    Endpoint,
    JobStatus,
    JSONValue,
    Runpod,
    RunpodError,
    RunpodTimeoutError,
    __version__,
)
from runpod_sdk.local import LocalEndpoint

TTY = sys.stdout.isatty()
WRONG: list[str] = []


def title(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if TTY else f"\n{text}", flush=True)


def line(label: str, text: object) -> None:
    print(f"  {label:<9} {text}", flush=True)


def brief(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 62 else f"{text[:61]}…"


def expect(right: bool, what: str) -> None:
    """Record an unexpected result; the demo continues, and reports it at the end."""
    if not right:
        WRONG.append(what)
        line("OFF", what)


def show_run_sync(endpoint: Endpoint, given: JSONValue) -> None:
    title(f"run_sync(input={brief(given)})")
    start = time.monotonic()
    state = endpoint.run_sync(input=given, check=False, timeout=300)
    line("job", state.id)
    line("status", f"{state.status} after {time.monotonic() - start:.1f} s")
    line("output", brief(state.output))
    if state.error:
        line("error", brief(state.error))
    expect(state.status == JobStatus.COMPLETED, "the job of run_sync did not succeed")


def show_stream(endpoint: Endpoint, given: JSONValue, least: int) -> None:
    title(f"run(input={brief(given)}), then stream()")
    start = time.monotonic()
    job = endpoint.run(input=given)
    line("job", job.id)
    times: list[float] = []
    for chunk in job.stream(timeout=300):
        times.append(time.monotonic() - start)
        line(f"{times[-1]:5.2f} s", brief(chunk.output))
    line("done", f"{len(times)} chunks, {job.status().status}")
    apart = [later - earlier for earlier, later in itertools.pairwise(times)]
    expect(len(times) >= least, f"{len(times)} chunks instead of {least} or more")
    if least:  # on a busy machine, two may arrive together
        moments = 1 + sum(gap > 0.05 for gap in apart)
        expect(moments >= least, "the chunks did not come one by one")


def show_health(endpoint: Endpoint) -> None:
    title("health()")
    for label, counts in endpoint.health().to_dict().items():
        if isinstance(counts, dict):
            line(label, ", ".join(f"{name} {count}" for name, count in counts.items() if count))


def show_cancel(endpoint: Endpoint, given: JSONValue) -> None:
    title("run() twice")
    first, second = endpoint.run(input=given), endpoint.run(input=given)
    patience = time.monotonic() + 5
    while not first.status().started and time.monotonic() < patience:
        time.sleep(0.1)
    for job in first, second:
        line("job", f"{job.id}  {job.status().status}")

    show_health(endpoint)

    title("cancel() of both")
    for job in second, first:
        before, after = job.status(), job.cancel()
        line("job", f"{job.id}  {before.status} → {after.status}")
        right = after.status == JobStatus.CANCELLED or before.completed
        expect(right, f"job {job.id} was not cancelled")


def show_timeout(endpoint: Endpoint, given: JSONValue) -> None:
    title('run_sync(timeout=2.5, on_timeout="cancel")')
    try:
        state = endpoint.run_sync(input=given, timeout=2.5, on_timeout="cancel")
    except RunpodTimeoutError as error:
        print(f"  {type(error).__name__}", flush=True)
        for part in textwrap.wrap(str(error), 66):
            line("", part)
        line("cancelled", error.cancelled)
        expect(error.cancelled, "the job whose time was up was not cancelled")
    else:
        line("status", f"{state.status}: it was done in time")


def show_all(endpoint: Endpoint, given: JSONValue, long: JSONValue, least: int) -> None:
    show_run_sync(endpoint, given)
    show_stream(endpoint, given, least)
    show_cancel(endpoint, long)
    show_timeout(endpoint, long)


def endpoint_of_environment() -> str | None:
    """Return the named endpoint; an endpoint of `serve` has a handler with fewer features."""
    elsewhere = os.environ.get("RUNPOD_ENDPOINT_BASE_URL")
    return None if elsewhere else os.environ.get("RUNPOD_ENDPOINT_ID")


def main(arguments: list[str]) -> int:
    endpoint_id = arguments[0] if arguments else endpoint_of_environment()
    given: Any = json.loads(arguments[1]) if len(arguments) > 1 else {"prompt": "Hello, World!"}
    title(f"runpod_sdk {__version__}")
    try:
        if endpoint_id and os.environ.get("RUNPOD_API_KEY"):
            with Runpod() as client:
                where = os.environ.get("RUNPOD_ENDPOINT_BASE_URL") or "RunPod"
                line("endpoint", f"{endpoint_id} of {where}")
                show_all(client.endpoint(endpoint_id), given, given, least=0)
        else:
            with LocalEndpoint(handler, return_aggregate_stream=True) as local:
                line("endpoint", f"local, {local.base_url}/{local.endpoint_id}")
                line("handler", "examples/handlers/characters.py")
                with local.client() as client:
                    endpoint = client.endpoint(local.endpoint_id)
                    show_all(endpoint, given, {"prompt": "and so on " * 30}, least=5)
    except RunpodError as error:
        expect(False, f"{type(error).__name__}: {error}")
    title("Something was off." if WRONG else "All as it should be.")
    return 1 if WRONG else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
