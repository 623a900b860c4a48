"""The jobs that were submitted from here."""

from __future__ import annotations

import base64
import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runpod_sdk.cli import history
from runpod_sdk.local import LocalEndpoint
from tests.cli.in_process import Ended
from tests.cli.terminals import on_terminal

Command = Callable[..., Ended]


def test_jobs_are_listed_the_latest_first(command: Command, local: LocalEndpoint) -> None:
    submitted = [command("run", "n:=1").document["id"], command("run-sync", "n:=2").document["id"]]
    ended = command("jobs")
    assert [job["id"] for job in ended.document] == submitted[::-1]
    assert {job["endpoint"] for job in ended.document} == {local.endpoint_id}
    assert all(re.match(r"\d{4}-\d\d-\d\dT", job["submitted"]) for job in ended.document)
    assert [job["id"] for job in command("jobs", "-n", "1").document] == submitted[1:]
    assert command("jobs", "--endpoint", "another").document == []


def test_the_server_is_asked_what_became_of_them(command: Command) -> None:
    command("run-sync", "mock_error:=true")
    command("run-sync", "n:=1")
    history.add("no-such-job", history_endpoint(command))
    statuses = [job["status"] for job in command("jobs", "--status").document]
    assert statuses == [None, "COMPLETED", "FAILED"]
    table = command("jobs", "--status", "-o", "text").out.splitlines()
    assert table[0].split() == ["JOB", "ENDPOINT", "AGE", "STATUS", "INPUT"]
    assert re.fullmatch(r"no-such-job +\S+ +\d+ s +not known", table[1])
    assert re.fullmatch(r"\S+ +\S+ +\d+ s +COMPLETED +n=1", table[2])
    assert table[3].endswith(" mock_error=true")


def test_only_jobs_with_a_status(command: Command) -> None:
    """It asks for the status of as many jobs as it takes."""
    failed = command("run-sync", "mock_error:=true").document["id"]
    for number in range(3):
        command("run-sync", f"n:={number}")
    listed = command("jobs", "--only", "failed", "-n", "1").document
    assert [(job["id"], job["status"]) for job in listed] == [(failed, "FAILED")]
    both = command("jobs", "--only", "FAILED", "--only", "completed", "-n", "3").document
    assert {job["status"] for job in both} == {"COMPLETED"}
    assert command("jobs", "--only", "in-queue").document == []
    wrong = command("jobs", "--only", "done")
    assert (wrong.status, wrong.out) == (2, "")
    assert "'done' is not one of IN_QUEUE, IN_PROGRESS, COMPLETED" in wrong.err


@pytest.mark.parametrize("name", ["wait", "status", "stream", "explain", "retry", "cancel"])
def test_the_endpoint_of_a_job_is_known(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Without the variable, and also if the variable is another endpoint's."""
    fails = ["mock_error:=true"] if name == "retry" else []
    job = command("run-sync" if fails else "run", "n:=1", *fails).document["id"]
    monkeypatch.delenv("RUNPOD_ENDPOINT_ID")
    assert command(name, job).status in (0, 4)
    monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "another")
    assert command("explain", job).status == 0
    assert command(name, job, "--endpoint", "another").status == 3
    assert command(name, "no-such-job").status == 3  # asked of the variable's endpoint


def test_the_endpoint_of_a_job_of_another_api(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id is not sent to the present API; the error says what to set."""
    history.add("elsewhere", "ep")
    monkeypatch.delenv("RUNPOD_ENDPOINT_ID")
    base_url = history.current_base_url()
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "http://127.0.0.1:9/v2")
    ended = command("status", "elsewhere")
    assert ended.status == 2
    assert f"submitted to {base_url}: set RUNPOD_ENDPOINT_BASE_URL" in ended.err
    ended = command("status", "no-such-job")
    assert ended.status == 2
    assert "give --endpoint, or set RUNPOD_ENDPOINT_ID" in ended.err


def test_local_endpoints_that_have_stopped_are_left_out(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And jobs of other base URLs, which the present one does not know."""
    here = command("run", "n:=1").document["id"]
    with LocalEndpoint(lambda job: job) as other:
        monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", other.base_url)
        history.add("there", other.endpoint_id)
        assert [job["id"] for job in command("jobs").document] == ["there"]
    assert command("jobs").document == []
    assert [job["id"] for job in command("jobs", "--all").document] == ["there", here]


def history_endpoint(command: Command) -> str:
    endpoint: str = command("jobs").document[0]["endpoint"]
    return endpoint


def test_no_secret_is_kept(
    command: Command, local: LocalEndpoint, history_of_the_test: Path
) -> None:
    """Neither key nor file nor query string; and nobody else can read the rest."""
    data = {
        "prompt": "a horse",
        "image": base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(1000)).decode(),
        "links": ["https://me:hidden1@host/a.png?sig=hidden2", "http://host/#hidden3"],
        "nested": {"hf_token": "hidden4", "password": ["hidden5"]},
        "API-KEY": "hidden6",
    }
    hook = "http://127.0.0.1:9/hook?token=hidden7"
    command("run", "--input", json.dumps(data), "--webhook", hook)
    (kept,) = history_of_the_test.iterdir()
    document = json.loads(kept.read_text())
    assert set(document) == {"id", "endpoint", "base_url", "input"}
    assert document["input"].startswith("prompt=a horse image=(image/png) links=")
    for key, value in data.items():  # each alone, as a preview is short
        assert "hidden" not in history.preview({key: value})
    for secret in ("hidden", "iVBOR", local.api_key):
        assert secret not in kept.read_text()
    if sys.platform != "win32":
        assert stat.S_IMODE(history_of_the_test.stat().st_mode) == 0o700
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize("value", ["0", "false", "off"])
def test_it_can_be_switched_off(
    command: Command, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    command("run", "n:=1", "--no-history")
    monkeypatch.setenv("RUNPOD_SDK_HISTORY", value)
    command("run", "n:=1")
    command("run-sync", "n:=1")
    assert command("jobs").document == []
    assert not history.directory().exists()


def test_it_can_be_forgotten(command: Command) -> None:
    command("run", "n:=1")
    (history.directory() / "left-over.new").touch()
    assert command("jobs", "--clear").err == "removed 1 jobs from the history\n"
    assert command("jobs").document == []
    assert list(history.directory().iterdir()) == []


def test_many_processes_add_at_once() -> None:
    """No job is lost, and none is seen half written, also while the oldest go."""
    code = (
        "import sys\n"
        "from runpod_sdk.cli import history\n"
        "for n in range(150): history.add(f'{sys.argv[1]}-{n}', 'ep')\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(n)]) for n in range(4)]
    while any(process.poll() is None for process in processes):
        assert all(entry.endpoint == "ep" for entry in history.entries())
    assert [process.returncode for process in processes] == [0] * 4
    kept = [entry.id for entry in history.entries()]
    assert len(kept) == len(set(kept)) == history.MOST
    for n in range(4):
        assert f"{n}-149" in kept


def test_a_broken_file_is_passed_over(history_of_the_test: Path) -> None:
    history.add("good", "ep")
    for name, content in {
        "00000000000000000001-1.json": b"",
        "x.json": b'{"id": "a", "endpoint": "b"}',
        "99999999999999999999999999-1.json": b'{"id": "a", "endpoint": "b"}',
        "00000000000000000002-1.json": b"[]",
        "00000000000000000003-1.json": b"\xff",
    }.items():
        (history_of_the_test / name).write_bytes(content)
    assert [entry.id for entry in history.entries()] == ["good"]


def test_no_command_fails_for_it(
    command: Command, history_of_the_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the state can't be kept, jobs are run all the same."""
    history_of_the_test.parent.parent.mkdir(parents=True)
    history_of_the_test.parent.write_text("not a directory")
    ended = command("run-sync", "n:=1")
    assert (ended.status, ended.err) == (0, "")
    assert command("jobs").document == []
    assert command("jobs", "--clear").status == 0


def test_ids_are_completed() -> None:
    for name in ("abc", "abd", "xyz"):
        history.add(name, f"ep-{name}", {"prompt": name})
    offered = history.complete_job("ab")
    assert [(name, re.sub(r"^\d+ s", "0 s", text)) for name, text in offered] == [
        ("abd", "0 s ago, ep-abd  prompt=abd"),
        ("abc", "0 s ago, ep-abc  prompt=abc"),
    ]
    assert list(history.complete_endpoint("ep-x")) == ["ep-xyz"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("columns", [50, 80, 200])
@pytest.mark.usefixtures("environment")
def test_the_table_fits_the_terminal(command: Command, columns: int) -> None:
    """A status has its colour; in a narrow terminal the input is below the id, which is whole."""
    job = command("run-sync", f"prompt={'a horse ' * 30}", "mock_error:=true").document["id"]
    shown = on_terminal("jobs", "--status", columns=columns, colours=True)
    assert shown.status == 0
    assert "\x1b[31mFAILED\x1b[0m" in shown.raw
    lines = shown.text.splitlines()
    assert max(map(len, lines)) < columns
    header, *rows = {
        50: [job, r"  FAILED  \d s  \S+  prompt=a h.*…"],
        80: [r"JOB .* STATUS", rf"{job}  \S+ +\d s +FAILED", r"  prompt=a horse .*…"],
        200: [r"JOB .* INPUT", rf"{job}  \S+ +\d s +FAILED +prompt=a horse .*…"],
    }[columns]
    assert re.fullmatch(r" *\n".join([header, *rows]), shown.text.rstrip())


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.usefixtures("environment")
def test_jobs_that_are_left_out_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """If there are none to list, a person learns how to list the others."""
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "https://here.test/v2")
    history.add("here", "ep")
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "https://there.test/v2")
    assert "; --all lists jobs of other base URLs" in on_terminal("jobs", columns=200).text
    shown = on_terminal("jobs", "-e", "other", columns=200)
    assert shown.text == "the history contains no such jobs\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.usefixtures("environment")
def test_jobs_are_watched_until_they_have_ended(command: Command) -> None:
    shown = on_terminal("jobs", "--watch")
    assert (shown.status, shown.text) == (0, "the history contains no such jobs\n")
    command("run-sync", "n:=1")
    shown = on_terminal("jobs", "--watch")
    assert shown.status == 0
    assert "COMPLETED" in shown.text
    piped = command("jobs", "--watch")
    assert (piped.status, piped.out) == (2, "")
    assert "needs a terminal" in piped.err
