"""What people see: the command on a pseudo-terminal of 80 or 200 columns."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from typing import Any

import pytest

from runpod_sdk.local import LocalEndpoint, progress_update
from tests.cli.in_process import Ended
from tests.cli.terminals import on_terminal

Command = Callable[..., Ended]

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals"),
    pytest.mark.usefixtures("environment"),
]


@pytest.mark.parametrize("name", ["run-sync", "wait", "status", "stream"])
def test_a_failed_job_shows_its_traceback_as_text(command: Command, name: str) -> None:
    """The message first, then the handler's frames, without those of the packages around it."""
    if name == "run-sync":
        shown = on_terminal("run-sync", "mock_crash:=true")
    else:
        job = command("run-sync", "mock_crash:=true").document["id"]
        shown = on_terminal(name, job)
    assert shown.status == 1
    text = " ".join(shown.text.split())
    assert re.search(r"failed: RuntimeError: crashed, as asked Traceback \(most recent", text)
    assert "1 frame outside the handler" in text
    assert "mock.py" in text
    assert "runpod_sdk/local" not in text
    assert '"error"' not in text
    assert ("-o json prints the whole job" in text) == (name in ("run-sync", "wait"))


def test_a_failed_job_is_json_if_asked_for_or_piped(command: Command) -> None:
    for name in ("wait", "status"):
        job = command("run-sync", "mock_crash:=true").document["id"]
        shown = on_terminal(name, job, "-o", "json")
        assert shown.status == 1
        assert '"error": "' in shown.text
        piped = command(name, job)
        assert "Traceback" in piped.document["error"]
        assert len(piped.err.splitlines()) == 1


@pytest.mark.parametrize("columns", [80, 200])
def test_the_status_line_fits_and_disappears(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows progress in the worker's order of keys."""
    seen = threading.Event()

    def handler(job: dict[str, Any]) -> str:
        progress_update(job, {"step": 3, "of": 10, "name": "x" * 200})
        seen.wait(20)
        return "done"

    def watch(written: bytes) -> None:
        if b"running" in written:
            seen.set()

    with LocalEndpoint(handler) as local:
        monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", local.base_url)
        monkeypatch.setenv("RUNPOD_ENDPOINT_ID", local.endpoint_id)
        monkeypatch.setenv("RUNPOD_API_KEY", local.api_key)
        shown = on_terminal("run-sync", "n:=1", columns=columns, watch=watch)
    assert shown.status == 0
    states = [state for state in shown.text.split("\r") if "0:0" in state]
    assert any("running · step 3, of 10, name xxx" in state for state in states)
    assert max(map(len, states)) < columns
    assert all(state.startswith(tuple("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")) for state in states)
    assert "\r\x1b[0K{" in shown.raw


def test_a_line_that_is_drawn_late_is_gone_before_the_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a busy machine the job may end while the line's modules are still being loaded."""
    loading, printed = threading.Event(), threading.Event()

    class Slow(MetaPathFinder):
        def find_spec(self, name: str, *_: object) -> None:
            if name == "rich.spinner":
                loading.set()
                printed.wait(0.5)

    monkeypatch.delitem(sys.modules, "rich.spinner", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Slow(), *sys.meta_path])
    with LocalEndpoint(lambda _: loading.wait(20)) as local:
        monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", local.base_url)
        monkeypatch.setenv("RUNPOD_ENDPOINT_ID", local.endpoint_id)
        monkeypatch.setenv("RUNPOD_API_KEY", local.api_key)
        shown = on_terminal(
            "run-sync", "n:=1", watch=lambda written: b"{" in written and printed.set()
        )
    assert shown.status == 0
    assert "\r\x1b[0K{" in shown.raw


def test_a_short_wait_shows_no_line() -> None:
    began = time.monotonic()
    shown = on_terminal("run-sync", "mock_delay:=0")
    assert shown.status == 0
    assert "waiting" not in shown.text or time.monotonic() - began > 0.4


@pytest.mark.parametrize(
    ("typed", "status"), [("y\n", 0), ("n\n", 130), ("\n", 130), ("\x04", 130)]
)
def test_purging_is_confirmed(
    command: Command, local: LocalEndpoint, typed: str, status: int
) -> None:
    """The end of the input is a no. Nothing is removed without a yes."""
    running = [command("run", "mock_delay:=30").document["id"] for _ in range(2)]
    queued = command("run", "n:=1").document["id"]
    shown = on_terminal("purge-queue", "-o", "text", typed=typed)
    assert shown.status == status
    assert f"of endpoint {local.endpoint_id}? [y/N]: " in shown.text
    assert ("removed 1 jobs from the queue" in shown.text) == (status == 0)
    assert ("nothing was removed" in shown.text) == (typed in ("n\n", "\n"))
    assert command("explain", queued).status == (3 if status == 0 else 0)
    for job in (*running, queued):
        command("cancel", job)


def test_purging_can_be_confirmed_beforehand() -> None:
    shown = on_terminal("purge-queue", "--yes")
    assert shown.status == 0
    assert json.loads(shown.text)["removed"] == 0


@pytest.mark.parametrize("more", [["-o", "raw"], ["-o", "raw", "--stream"]])
def test_raw_text_ends_its_line(more: list[str], command: Command) -> None:
    """Only on a terminal, where the prompt would follow it."""
    words = ["run-sync", "--quiet", 'mock_return:=["a", "b"]', *more]
    text = on_terminal(*words).text
    assert text.startswith("ab\n" if "--stream" in more else '["a", "b"]\n')
    assert not command(*words).out.endswith("\n")


@pytest.mark.parametrize("columns", [40, 80])
def test_an_error_of_usage_breaks_between_words(columns: int) -> None:
    words = ["run", "a" * 10, "--endpoint", "ep"]
    shown = on_terminal(*words, columns=columns)
    assert shown.status == 2
    message = shown.text.partition("Error: ")[2]
    assert max(map(len, f"Error: {message}".splitlines())) < columns
    assert "write key=text, key:=JSON, key=@FILE" in " ".join(message.split())


def test_an_option_that_is_a_key_of_the_input() -> None:
    for words in (["--prompt", "x"], ["--prompt=a horse"]):
        shown = on_terminal("run", "--endpoint", "ep", *words)
        assert shown.status == 2
        assert "To set a key of the input, write prompt=text or prompt:=JSON." in shown.text
    shown = on_terminal("health", "--endpoint", "ep", "--prompt", "x")
    assert shown.status == 2
    assert "key of the input" not in shown.text
