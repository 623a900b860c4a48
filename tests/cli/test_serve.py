"""`runpod-sdk serve` with workers that are processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from runpod_sdk import Endpoint, RateLimitError, Runpod
from runpod_sdk.cli.app import app
from tests.local.processes import group, until

from .test_process import INTERRUPTIBLE, ROOT

WORKER = [sys.executable, str(ROOT / "tests" / "local" / "simple_worker.py")]


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Serve, and give the process and what it says of how to reach it."""
    process = subprocess.Popen(
        [*INTERRUPTIBLE, "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


@contextmanager
def endpoint_of(there: dict[str, Any]) -> Iterator[Endpoint]:
    with Runpod(there["api_key"], base_url=there["base_url"]) as client:
        yield client.endpoint(there["endpoint_id"])


def run_sync(there: dict[str, Any], **given: int) -> Any:
    with endpoint_of(there) as endpoint:
        return endpoint.run_sync(input={**given}).output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_worker_processes_are_started_and_ended(number: signal.Signals) -> None:
    """What they print is on standard error; none is left, nor what it has started."""
    with serving("--worker", "--workers", "2", "--", *WORKER, "child") as (process, there):
        pid = run_sync(there, n=1)
        assert len(group(pid)) == 2
        with endpoint_of(there) as endpoint:  # both have asked for a job, so they have printed
            until(lambda: endpoint.health().workers.idle == 2)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert err.count("| started child") == 2
    assert "Traceback" not in err
    until(lambda: not group(pid))


def test_a_worker_that_is_started_elsewhere(tmp_path: Path) -> None:
    """It gets what was printed for it, from JSON or by a shell, and needs no more."""
    with serving("--external") as (process, there):
        environment = os.environ | there["worker_environment"]
        with subprocess.Popen(WORKER, env=environment, stdout=subprocess.DEVNULL) as worker:
            assert run_sync(there, n=1) == worker.pid
            worker.kill()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    exports = "\n".join(line for line in err.splitlines() if line.startswith("export "))
    names = list(there["worker_environment"])
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    script = f"{exports}\n{sys.executable} -c '{show}'"
    printed = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    told = json.loads(printed.stdout)
    assert {name: told[name] for name in names} == there["worker_environment"]
    assert f"-e {names[0]} -e {names[1]}" in err


def test_rate_limits_are_kept_if_asked_for() -> None:
    """The third purge within ten seconds is refused, which else it is not."""
    for arguments, refused in (["--rate-limits"], True), ([], False):
        with (
            serving(*arguments, "examples/handlers/echo.py:handler") as (_, there),
            Runpod(there["api_key"], base_url=there["base_url"], rate_limits=False) as client,
        ):
            endpoint = client.endpoint(there["endpoint_id"])
            endpoint.purge_queue()
            endpoint.purge_queue()
            with pytest.raises(RateLimitError) if refused else nullcontext():
                endpoint.purge_queue()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "give one, such as handler.py:handler"),
        (["a.py:handler", "b"], "serve --worker -- python handler.py"),
        (["--worker"], "no command; write it after two dashes"),
        (["--worker", "--", "no-such-program"], "no program 'no-such-program'"),
        (["--worker", "--external"], "give one of them"),
        (["--external", "x"], "started by somebody else"),
        (["--worker", "--return-aggregate-stream", "--", "python3"], "runpod.serverless.start()"),
        (["--min-workers", "2", "examples/handlers/echo.py:handler"], "from 0 to 1"),
        (["--port", "65536", "examples/handlers/echo.py:handler"], "port must be from 0"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], reason: str) -> None:
    done = CliRunner().invoke(app, ["serve", *arguments])
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code == 2
    assert reason in done.stderr
