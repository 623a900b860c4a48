"""Every example, run as a user runs it: as a script of its own, against an endpoint."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from examples.handlers import characters, echo, mock, photos
from runpod_sdk.local import LocalEndpoint

EXAMPLES = Path(__file__).parents[2] / "examples"
ID = r"[\w-]*[0-9a-f-]{36}-\w+"
JOB = rf"<Job {ID} of endpoint \w+>"

# What each prints, line by line, and the handler that it is meant for.
PRINTED: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "endpoints/set_endpoint_id.py": (echo.handler, [r"Endpoint\(.*\)"]),
    "endpoints/run_synchronously.py": (
        echo.handler,
        [rf"<JobState {ID} COMPLETED .*output .*'Hello, World!'.*>"],
    ),
    "endpoints/run_asynchronously.py": (echo.handler, [ID]),
    "endpoints/get_results.py": (
        characters.handler,
        [
            rf"run response: {JOB}",
            rf"status response: <JobState {ID} IN_(QUEUE|PROGRESS).*>",
            r"Operation completed successfully\.",
            r"\['H', 'e', 'l', 'l', 'o', ',', ' ', 'W', 'o', 'r', 'l', 'd', '!'\]",
        ],
    ),
    "endpoints/poll_status.py": (
        characters.handler,
        [
            r"(Current status: IN_(QUEUE|PROGRESS)\n)*Current status: IN_PROGRESS",
            r"Current status: COMPLETED",
            r"Output: \['H', .*, '!'\]",
        ],
    ),
    "endpoints/stream.py": (
        characters.handler,
        [JOB, *map(re.escape, "Hello, World!"), "done streaming"],
    ),
    "endpoints/stream_async.py": (
        characters.handler,
        [*[r"(Hello|World) → \w"] * 10, "done streaming"],
    ),
    "endpoints/health_check.py": (
        echo.handler,
        [r"\{'jobs': \{.*\}, 'workers': \{.*\}\}", "waiting: 0 running: 0", r"workers ready: \d"],
    ),
    "endpoints/status.py": (
        characters.handler,
        [rf"<JobState {ID} IN_(QUEUE|PROGRESS).*>", "started: (True|False) completed: False"],
    ),
    "endpoints/cancel.py": (characters.handler, [rf"{ID} CANCELLED"]),
    "endpoints/timeout.py": (echo.handler, [JOB]),
    "endpoints/execution_policy.py": (echo.handler, [JOB, JOB]),
    "endpoints/purge_queue.py": (echo.handler, [r"removed: [01] status: completed"]),
    "mock_worker/run_synchronously.py": (mock.handler, [r"output: \['done'\]"]),
    "mock_worker/run_asynchronously.py": (mock.handler, [rf"output: {JOB}"]),
    "mock_worker/stream.py": (mock.handler, [f"output: value{n}" for n in range(1, 11)]),
    "mock_worker/status.py": (
        mock.handler,
        [r"output: \{'.*'status': 'COMPLETED'.*\}"],
    ),
    "photos/using_endpoints.py": (
        photos.handler,
        [
            r"first look: IN_(QUEUE|PROGRESS)",
            r"output: \[\{'photo': '.*/1\.png'\}\]",
            "cancelled: CANCELLED",
            r"workers: \d",
            *[rf"Stream yielded another photo: \{{'photo': '.*/{n}\.png'\}}" for n in range(1, 8)],
        ],
    ),
    "photos/timeouts.py": (
        photos.handler,
        [r"output: \[.*\]", "cancelled: True", rf"sent: {JOB}", rf"sent with a policy: {JOB}"],
    ),
}

SCRIPTS = sorted(
    path.relative_to(EXAMPLES).as_posix()
    for path in EXAMPLES.rglob("*.py")
    if path.parent.name not in ("handlers", "testing", "engines")  # tests/engines has the last
)


def test_every_example_is_tried() -> None:
    assert sorted(PRINTED) == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_prints_what_it_should(name: str) -> None:
    handler, expected = PRINTED[name]
    with serving(handler) as local:
        arguments = [done_job(local)] if name == "mock_worker/status.py" else []
        done = subprocess.run(
            [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ
            | {
                "RUNPOD_ENDPOINT_BASE_URL": local.base_url,
                "RUNPOD_API_KEY": local.api_key,
                "ENDPOINT_ID": local.endpoint_id,
                "PYTHONIOENCODING": "utf-8",
            },
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch("\n".join([*expected, ""]), done.stdout), done.stdout
    assert local.api_key not in done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_says_what_it_shows_and_is_small_enough_to_paste(name: str) -> None:
    source = (EXAMPLES / name).read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source))
    assert len(source.splitlines()) <= 50


def test_the_table_of_the_examples_names_each() -> None:
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w/]+\.py)\)", table))
    files = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.py")}
    assert linked == files


def test_the_application_and_its_tests() -> None:
    """They pass as they stand, in a process that finds pytest's fixtures as a user's does."""
    found = any(point.name == "runpod_sdk" for point in entry_points(group="pytest11"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *("-p", "no:cacheprovider", "-p", "no:asyncio")]
        + ([] if found else ["-p", "runpod_sdk.local.pytest_plugin"]),
        cwd=EXAMPLES / "testing",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert re.search(r"^5 passed", done.stdout, re.MULTILINE), done.stdout + done.stderr


@contextmanager
def serving(handler: Callable[..., Any]) -> Iterator[LocalEndpoint]:
    with LocalEndpoint(handler, workers=2, return_aggregate_stream=True) as local:
        yield local


def done_job(local: LocalEndpoint) -> str:
    with local.client() as client:
        return client.endpoint(local.endpoint_id).run_sync(input={}).id
