"""The jobs that were submitted from here."""

from __future__ import annotations

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
from tests.cli.conftest import Ended

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
    assert table[0].split() == ["JOB", "ENDPOINT", "SUBMITTED", "STATUS"]
    assert table[1].startswith("no-such-job ")
    assert table[1].endswith("not known")
    assert "s ago" in table[2]


def history_endpoint(command: Command) -> str:
    endpoint: str = command("jobs").document[0]["endpoint"]
    return endpoint


def test_nothing_else_is_kept(
    command: Command, local: LocalEndpoint, history_of_the_test: Path
) -> None:
    """Neither input nor key; and for nobody else to read."""
    command("run", "prompt=a secret", "--webhook", "http://127.0.0.1:9/hook?token=1")
    (kept,) = history_of_the_test.iterdir()
    assert set(json.loads(kept.read_text())) == {"id", "endpoint"}
    for secret in ("a secret", "token", local.api_key):
        assert secret not in kept.read_text()
    if sys.platform != "win32":
        assert stat.S_IMODE(history_of_the_test.stat().st_mode) == 0o700


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
    assert command("jobs", "--clear").err == "forgot 1 jobs\n"
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
        history.add(name, f"ep-{name}")
    assert [job for job, _ in history.complete_job("ab")] == ["abd", "abc"]
    assert list(history.complete_endpoint("ep-x")) == ["ep-xyz"]
