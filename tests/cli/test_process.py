"""The command as a process of its own: signals, pipes, output that comes at once, extras."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk import Runpod
from runpod_sdk.local import LocalEndpoint, SlowReply
from tests.local.processes import until

COMMAND = (sys.executable, "-m", "runpod_sdk")
# The same, where Ctrl-C works although the tests run in the background of a script,
# which has it ignored by all that it starts.
INTERRUPTIBLE = (
    *(sys.executable, "-c"),
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from runpod_sdk.cli import main; main()",
)
ROOT = Path(__file__).parents[2]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*INTERRUPTIBLE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def submit(local: LocalEndpoint, **given: Any) -> str:
    with local.client() as client:
        return client.endpoint(local.endpoint_id).run(input=given).id


@pytest.mark.usefixtures("environment")
def test_chunks_are_printed_as_they_come(local: LocalEndpoint) -> None:
    """The first line is there while the job is still at work on the next."""
    job = submit(local, mock_return=list(range(60)), mock_delay=60)
    with start("stream", job) as process, local.client() as client:
        assert process.stdout is not None
        assert "output" in json.loads(process.stdout.readline())
        endpoint = client.endpoint(local.endpoint_id)
        assert endpoint.status(job).status == "IN_PROGRESS"
        endpoint.cancel(job)
        process.communicate(timeout=20)
    assert process.returncode == 1


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", ["run-sync", "wait", "stream"])
def test_ctrl_c_says_how_to_go_on(local: LocalEndpoint, name: str) -> None:
    what = ["mock_delay:=30"] if name == "run-sync" else [submit(local, mock_delay=30)]
    status, out, err = interrupted(local, name, *what)
    assert (status, out) == (130, "")
    found = re.search(r"runpod-sdk wait (\S+)\n", err)
    assert found, err
    assert "Traceback" not in err
    with local.client() as client:
        assert client.endpoint(local.endpoint_id).cancel(found[1]).status == "CANCELLED"


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", ["run-sync", "wait"])
def test_ctrl_c_cancels_the_job_where_that_was_asked(local: LocalEndpoint, name: str) -> None:
    what = ["mock_delay:=30"] if name == "run-sync" else [submit(local, mock_delay=30)]
    status, out, err = interrupted(local, name, *what, "--on-timeout", "cancel")
    assert (status, out) == (130, "")
    assert "it was cancelled" in err
    assert "runpod-sdk wait" not in err


@pytest.mark.usefixtures("environment")
def test_a_second_ctrl_c_says_that_it_is_not_known_whether_the_job_was_cancelled(
    local: LocalEndpoint,
) -> None:
    job = submit(local, mock_delay=30)
    slowly = SlowReply("status-sync", seconds=20), SlowReply("cancel", seconds=20)
    with local.faults.active(slowly[0]) as waits, local.faults.active(slowly[1]) as cancels:
        process = start("wait", job, "--on-timeout", "cancel")
        until(lambda: waits.fired)
        process.send_signal(signal.SIGINT)
        until(lambda: cancels.fired)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert f"job {job}: cancelling it was interrupted\nto wait for it: runpod-sdk wait {job}" in err


@pytest.mark.usefixtures("environment")
def test_ctrl_c_says_how_to_go_on_with_what_is_too_large_for_the_queue(
    local: LocalEndpoint, tmp_path: Path
) -> None:
    file = tmp_path / "large"
    file.write_text("x" * (10 * 2**20))
    with local.faults.active(SlowReply("status-sync", seconds=20)) as waits:
        process = start("run-sync", f"mock_return=@{file}", "mock_delay:=30")
        until(lambda: waits.fired)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    found = re.search(r"runpod-sdk cancel (sync-\S+)\n", err)
    assert found, err
    with local.client() as client:
        client.endpoint(local.endpoint_id).cancel(found[1])


@pytest.mark.usefixtures("environment")
def test_ctrl_c_does_not_wait_for_the_statuses_of_jobs(local: LocalEndpoint) -> None:
    with start("run", "--input", "1") as process:
        process.communicate(timeout=20)
    with local.faults.active(SlowReply("status", seconds=60)) as asked:
        process = start("jobs", "--status")
        until(lambda: asked.fired)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=8)  # a request may take 10
    assert (process.returncode, out, err) == (130, "", "\ninterrupted\n")


@pytest.mark.usefixtures("environment")
def test_ctrl_c_while_files_are_saved_says_how_to_have_the_result_again(
    local: LocalEndpoint, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = f"http://127.0.0.1:{silent.getsockname()[1]}/horse.png"
        process = start(
            "run-sync", f"mock_return={link}", "mock_delay:=0", "--save", str(tmp_path / "pictures")
        )
        silent.settimeout(20)
        with silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    found = re.search(r"job (\S+): it has ended: COMPLETED\nto wait for it: (.*)\n", err)
    assert found, err
    assert found[2] == f"runpod-sdk wait {found[1]}"
    assert not (tmp_path / "pictures").exists()


@pytest.mark.usefixtures("environment")
def test_a_reader_that_goes_away_is_no_traceback(local: LocalEndpoint) -> None:
    job = submit(local, mock_return=list(range(600)), mock_delay=60)
    with start("stream", job) as process, local.client() as client:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        client.endpoint(local.endpoint_id).cancel(job)
    assert process.returncode == 5


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("form", ["json", "raw"])
def test_output_that_can_not_be_written_is_told(local: LocalEndpoint, form: str) -> None:
    job = submit(local, mock_return=1)
    command = [*COMMAND, "wait", job, "-o", form]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 5
        assert done.stderr == "can't write to standard output: No space left on device\n"
        command[4] = "no-such-job"
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, text=True, check=False)
        assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("closed", ["stdin", "stdout", "stderr"])
def test_it_can_do_without_a_stream_that_is_closed(closed: str) -> None:
    """But for its output: that nobody gets that is an error, and tells a job that was sent."""
    code = f"import sys; sys.{closed} = None; from runpod_sdk.cli import main; main()"
    words = [sys.executable, "-c", code, "run", "--input", "-", "-o", "text"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, input="1")
    if closed == "stdin":
        assert (done.returncode, done.stdout) == (2, "")
        assert "not JSON" in done.stderr
    elif closed == "stderr":
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout
    else:
        assert (done.returncode, done.stdout) == (5, "")
        first, wait, *_ = done.stderr.splitlines()
        assert first == "can't write to standard output: it is closed"
        assert re.fullmatch(r"to wait for it: runpod-sdk wait \S+", wait)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(("words", "status"), [("status", 2), ("health --timeout 0", 2)])
def test_standard_error_that_is_full(words: str, status: int) -> None:
    """What is wrong can't be said, but the exit status says it."""
    command = f"{sys.executable} -m runpod_sdk {words} 2>/dev/full"
    assert subprocess.run(command, shell=True, check=False).returncode == status


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("words", [["health"], ["--version"], ["run", "--help"]], ids=" ".join)
@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
def test_nothing_is_printed_in_vain(
    monkeypatch: pytest.MonkeyPatch, words: list[str], output: str
) -> None:
    """Be it a closed output or a full disk, and an answer or a help text."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    line = f"{shlex.join([*COMMAND, *words])} {output}"
    done = subprocess.run(line, shell=True, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 5
    why = "it is closed" if output == ">&-" else "No space left on device"
    assert done.stderr == f"can't write to standard output: {why}\n"


def test_serve_says_how_to_reach_it_and_stops_on_ctrl_c() -> None:
    process = start("serve", "examples/handlers/echo.py:handler", "--workers", "2")
    try:
        assert process.stdout is not None
        there = json.loads(process.stdout.readline())
        with Runpod(there["api_key"], base_url=there["base_url"]) as client:
            state = client.endpoint(there["endpoint_id"]).run_sync(input={"a": 1})
        assert state.output == {"echo": {"a": 1}}
    finally:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    for line in (
        f"export RUNPOD_ENDPOINT_BASE_URL={there['base_url']}",
        f"export RUNPOD_ENDPOINT_ID={there['endpoint_id']}",
        f"export RUNPOD_API_KEY={there['api_key']}",
    ):
        assert line in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("hidden", "arguments"),
    [("typer", ["health"]), ("uvicorn", ["serve", "examples/handlers/echo.py:handler"])],
)
def test_a_missing_extra_is_one_line_that_says_how_to_get_it(
    hidden: str, arguments: list[str]
) -> None:
    code = f"import sys; sys.modules[{hidden!r}] = None; from runpod_sdk.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert "pip install" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_ctrl_c_while_the_command_is_loaded_is_no_traceback() -> None:
    code = (
        "import sys; finder = type(sys)('finder')\n"
        "def find_spec(name, path, target=None):\n"
        "    if name == 'typer': raise KeyboardInterrupt\n"
        "finder.find_spec = find_spec; sys.meta_path.insert(0, finder)\n"
        "from runpod_sdk.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "health"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "")


def interrupted(local: LocalEndpoint, name: str, *arguments: str) -> tuple[int, str, str]:
    """Press Ctrl-C when the command has asked what it waits for."""
    question = SlowReply("stream" if name == "stream" else "status-sync", seconds=0.001)
    with local.faults.active(question) as asked, start(name, *arguments) as process:
        until(lambda: asked.fired)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    return process.returncode, out, err
