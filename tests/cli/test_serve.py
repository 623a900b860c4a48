"""`runpod-sdk serve` with workers that are processes."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk import Endpoint, RateLimitError, Runpod
from tests.cli.in_process import run
from tests.local.processes import group, until

from .test_process import INTERRUPTIBLE, ROOT

WORKER = [sys.executable, str(ROOT / "tests" / "local" / "simple_worker.py")]


@contextmanager
def serving(
    *arguments: str, cwd: Path = ROOT
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Serve, and give the process and what it says of how to reach it."""
    process = subprocess.Popen(
        [*INTERRUPTIBLE, "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )
    with process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def until_watching(process: subprocess.Popen[str]) -> None:
    """Wait until the process looks for changed files: it says how to reach it before that."""
    files = Path(f"/proc/{process.pid}/fdinfo")  # of Linux

    def watches() -> bool:
        with suppress(FileNotFoundError):  # of a file that is closed meanwhile
            return any("inotify wd" in file.read_text() for file in files.iterdir())
        return not files.exists()

    until(watches)


def rewrite(file: Path, text: str) -> None:
    """Change a file at once: it is never seen empty, as it is while `write_text` opens it."""
    other = file.with_suffix(".new")
    other.write_text(text)
    other.replace(file)


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


def test_lines_of_a_handler_are_prefixed(tmp_path: Path) -> None:
    """With time, worker and job, on standard error; standard output has the addresses alone."""
    (tmp_path / "handler.py").write_text(
        "import logging, sys\n"
        "logging.basicConfig(level=logging.INFO, format='%(levelname)s %(message)s')\n"
        "def handler(job):\n"
        "    print('one\\ntwo')\n"
        "    logging.getLogger('model').info('three')\n"
        "    print('four', file=sys.stderr, end='')\n"
    )
    with serving(str(tmp_path / "handler.py:handler")) as (process, there):
        with endpoint_of(there) as endpoint:
            job = endpoint.run(input=1)
            worker = job.wait(timeout=30).worker_id
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert there["base_url"]
    assert out == ""
    prefix = rf"\d\d:\d\d:\d\d {worker} \| {job.id} \| "
    lines = [re.sub(prefix, "> ", line) for line in err.splitlines() if re.match(prefix, line)]
    assert lines == ["> one", "> two", "> INFO three", "> four"]


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


def test_several_handlers_are_loaded_again_when_a_file_changes(tmp_path: Path) -> None:
    """With the modules beside them; the jobs and the addresses stay, and errors end nothing."""
    shared = tmp_path / "shared.py"
    shared.write_text("value = 1")
    for name in "ab":
        (tmp_path / f"{name}.py").write_text(
            f"import shared\ndef handler(job):\n    return '{name}', shared.value\n"
        )
    handlers = [f"{name}={tmp_path / name}.py:handler" for name in "ab"]
    with serving("--reload", *handlers) as (process, there):
        assert there["endpoint_ids"] == ["a", "b"]
        with Runpod(there["api_key"], base_url=there["base_url"]) as client:
            first, second = map(client.endpoint, there["endpoint_ids"])
            job = first.run(input=0)
            assert job.output(timeout=30) == ["a", 1]
            until_watching(process)
            rewrite(shared, "value = 2")
            until(lambda: second.run_sync(input=0).output == ["b", 2])
            rewrite(shared, "value = (")
            assert process.stderr is not None
            while "changed, but cannot be loaded: the old handler stays" not in (
                line := process.stderr.readline()
            ):
                assert line
            assert first.run_sync(input=0).output == ["a", 2]
            rewrite(shared, "value = 3")
            until(lambda: first.run_sync(input=0).output == ["a", 3])
            assert job.status().output == ["a", 1]


def test_workers_are_restarted_when_a_file_changes(tmp_path: Path) -> None:
    with serving("--reload", "--worker", "--", *WORKER, cwd=tmp_path) as (process, there):
        pid = run_sync(there, n=1)
        until_watching(process)
        (tmp_path / "notes.txt").touch()
        assert run_sync(there, n=1) == pid
        (tmp_path / "handler.py").touch()
        until(lambda: run_sync(there, n=1) != pid)


@pytest.mark.parametrize("quiet", [False, True])
def test_a_line_for_each_job_that_ends(tmp_path: Path, quiet: bool) -> None:
    """With the time of day, and harmless; Ctrl-C says what becomes of one that still runs."""
    begun = tmp_path / "begun"
    (tmp_path / "handler.py").write_text(
        "import pathlib, time\n"
        "def handler(job):\n"
        "    if job['input'] == {'n': 1}:\n"
        f"        pathlib.Path({str(begun)!r}).touch(), time.sleep(60)\n"
        "    raise ValueError('\\x1b[2J')\n"
    )
    arguments = ["--quiet"] if quiet else []
    with serving(*arguments, f"{tmp_path / 'handler.py'}:handler") as (process, there):
        with endpoint_of(there) as endpoint:
            failed = endpoint.run_sync(input={}, check=False)
            endpoint.run(input={"n": 1})
            until(begun.exists)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    time_of_day = r"\d\d:\d\d:\d\d"
    line = rf"{time_of_day} job {failed.id} FAILED in \d+ ms: ValueError: \ufffd\[2J\n"
    left = rf"\n{time_of_day} worker \w+ is still in its handler .* with this process\nstopped\n"
    assert re.search(rf"RUNPOD_API_KEY=\S+\n\n{'' if quiet else line}{left}$", err), err


def test_a_window_that_takes_no_lines_holds_up_no_job(tmp_path: Path) -> None:
    """Such as a terminal after Ctrl-S; the lines come when it goes on."""
    (tmp_path / "handler.py").write_text("def handler(job):\n    raise ValueError('x' * 450)\n")
    with serving(f"{tmp_path / 'handler.py'}:handler") as (process, there):
        with endpoint_of(there) as endpoint:
            for _ in range(200):  # 100 kB, where a pipe holds 64 kB
                endpoint.run_sync(input=1, check=False)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert err.count("xxx\n") == 200


def test_what_clients_are_told_can_stay_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Port, id and key are those that were given, and none of the environment."""
    monkeypatch.setenv("RUNPOD_API_KEY", "rpa_of_the_account")
    monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "of-the-account")
    handler = "examples/handlers/echo.py:handler"
    with serving(handler) as (_, there):
        assert "account" not in json.dumps(there)
        port = there["base_url"].split(":")[2].partition("/")[0]
        again = [*INTERRUPTIBLE, "serve", "--port", port, handler]
        taken = subprocess.run(again, capture_output=True, text=True, check=False, cwd=ROOT)
        assert (taken.returncode, taken.stdout) == (2, "")
        assert taken.stderr.startswith(f"can't listen at 127.0.0.1:{port}: ")
        assert "another --port" in taken.stderr
    chosen = ["--port", port, "--endpoint-id", "mine", "--any-id", "--api-key", "it's local"]
    with serving(*chosen, handler) as (process, there):
        base_url = f"http://127.0.0.1:{port}/v2"
        assert there == {"base_url": base_url, "endpoint_id": "mine", "api_key": "it's local"}
        assert run_sync(there, n=1) == {"echo": {"n": 1}}
        assert run_sync(there | {"endpoint_id": "any"}, n=2) == {"echo": {"n": 2}}
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert f"export RUNPOD_API_KEY={shlex.quote(there['api_key'])}\n" in err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "give one, such as handler.py:handler"),
        (["nowhere"], "is not module:function"),
        (["no_such_module:handler"], "no module no_such_module"),
        (["no/such/file.py:handler"], "no file no/such/file.py"),
        (["examples/handlers/echo.py:nothing"], "has no function nothing"),
        (["examples.handlers.echo:nothing"], "has no function nothing"),
        (["a.py:handler", "b"], "serve --worker -- python handler.py"),
        (["--worker"], "no command; write it after two dashes"),
        (["--worker", "--", "no-such-program"], "no program 'no-such-program'"),
        (["--worker", "--external"], "give one of them"),
        (["--external", "x"], "you start the workers: give no handler"),
        (["--external", "--reload"], "with --external you start them"),
        (["a=x.py:f", "y.py:f"], "'y.py:f' has no endpoint id"),
        (["a=x.py:f", "a=y.py:f"], "endpoint id a is given twice"),
        (["a=no/such/file.py:f"], "no file no/such/file.py"),
        (["--endpoint-id", "x", "a=examples/handlers/echo.py:handler"], "keys are the ids"),
        (["--worker", "--return-aggregate-stream", "--", "python3"], "runpod.serverless.start()"),
        (["--min-workers", "2", "examples/handlers/echo.py:handler"], "from 0 to 1"),
        (["--endpoint-id", "a/b", "examples/handlers/echo.py:handler"], "one segment"),
        (["--api-key", " ", "examples/handlers/echo.py:handler"], "must not be blank"),
        (["--port", "65536", "examples/handlers/echo.py:handler"], "port must be from 0"),
    ],
)
def test_wrong_usage_is_told(
    arguments: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    done = run("serve", *arguments)
    assert done.status == 2
    assert reason in done.err
