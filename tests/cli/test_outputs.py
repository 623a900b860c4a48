"""`--output` and `--stream`: what each prints, and that nothing else is on standard output."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from runpod_sdk.cli import app
from runpod_sdk.local import LocalEndpoint
from tests.cli.in_process import Ended
from tests.cli.test_commands import submit

Command = Callable[..., Ended]


@pytest.mark.parametrize(
    ("output", "chunks", "expected"),
    [
        ("text", ["one ", "two"], "one two\n"),
        ("text", ["line\n"], "line\n"),
        ("text", ["a", {"b": 1}, "c"], 'a\n{"b": 1}\nc\n'),
        ("text", [1, [2], None], "1\n[2]\nnull\n"),
        ("text", [{"choices": [{"tokens": ["a", " b"]}]}, {"choices": []}, "c"], "a bc\n"),
        ("text", ['data: {"choices": [{"delta": {"content": "a"}}]}\n\ndata: [DONE]\n\n'], "a\n"),
        ("raw", ["one ", "two"], "one two"),
        ("raw", ["a", {"b": "ö"}], 'a\n{"b": "ö"}\n'),
        ("json", ["a", 1], '{"output": "a"}\n{"output": 1}\n'),
    ],
)
def test_a_stream_is_printed_as_was_asked(
    command: Command, output: str, chunks: list[object], expected: str
) -> None:
    """By the command that submits it, and by the one that takes it up."""
    asked = json.dumps({"mock_return": chunks})
    ended = command("run-sync", "-i", asked, "--stream", "-o", output)
    assert (ended.status, ended.out, ended.err) == (0, expected, "")
    ended = command("stream", submit(command, mock_return=chunks), "-o", output)
    assert (ended.status, ended.out, ended.err) == (0, expected, "")


@pytest.mark.skipif(sys.platform == "win32", reason="there a pipe can't be polled")
def test_a_stream_takes_no_chunk_that_nobody_reads(
    command: Command, local: LocalEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each chunk is delivered once: what a reader that has left would lose is not fetched."""
    job = submit(command, mock_return=["a", "b"])
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", pipe)
        with pytest.raises(SystemExit) as end:
            app.command()(["stream", job], prog_name="runpod-sdk")
    assert end.value.code == 5
    with local.client() as client:
        stream = client.endpoint(local.endpoint_id).stream(job)
        assert [chunk.output for chunk in stream] == ["a", "b"]


def test_a_stream_that_fails_has_a_whole_last_line(command: Command) -> None:
    ended = command("run-sync", "mock_crash:=true", "--stream", "-o", "text")
    assert (ended.status, ended.out) == (1, "")
    assert "crashed, as asked" in ended.err


@pytest.mark.parametrize("output", ["text", "raw"])
def test_the_output_alone_is_printed(command: Command, output: str) -> None:
    ended = command("run-sync", "mock_return=ö", "-o", output)
    assert ended.out.rstrip("\n") == '["ö"]'
    assert ended.out.endswith("\n") == (output == "text")
    several = command("run-sync", 'mock_return:=["a", "b"]', "-o", output)
    assert several.out.rstrip("\n") == '["a", "b"]'  # a list of anything, and not of tokens
    ended = command("run-sync", "mock_error:=true", "-o", output)
    assert (ended.status, ended.out) == (1, "")


def test_each_command_has_a_line_for_reading(command: Command, local: LocalEndpoint) -> None:
    job = command("run", "mock_delay:=30", "-o", "text").out.strip()
    assert re.fullmatch(r"[0-9a-f-]{36}-u1", job)
    assert command("explain", job, "-o", "text").out.startswith(f"job {job} is ")
    assert command("cancel", job, "-o", "text").out.startswith(f"{job} CANCELLED")
    assert command("status", job, "-o", "text").out.startswith(f"{job} CANCELLED")
    failed = command("run", "mock_error:=true", "-o", "text").out.strip()
    command("wait", failed)
    assert "failed, as asked" in command("status", failed, "-o", "text").out
    assert command("retry", failed, "-o", "text").out == f"{failed} IN_QUEUE\n"
    command("wait", failed)
    health = command("health", "-o", "text").out
    assert re.fullmatch(r"jobs:    0 in the queue, .*\nworkers: \d idle, .*\n", health)
    assert command("purge-queue", "-o", "text").out == "removed 0 jobs from the queue\n"


def test_an_exception_of_a_handler_is_a_line_with_its_type(command: Command) -> None:
    """Wherever people read it; the JSON has the text as it came."""
    line = "RuntimeError: crashed, as asked"
    ended = command("run-sync", "mock_crash:=true")
    job = ended.document["id"]
    assert ended.err.splitlines()[-1] == f"job {job} failed: {line}"
    assert "Traceback" in ended.document["error"]
    assert command("status", job, "-o", "text").out.endswith(f", {line}\n")
    explained = command("explain", job, "-o", "text").out
    assert explained == f"job {job} has ended: FAILED, {line}\n"


@pytest.mark.parametrize("name", ["run-sync --stream", "stream"])
def test_a_stream_is_cancelled_on_timeout_where_that_was_asked(command: Command, name: str) -> None:
    asked = json.dumps({"mock_return": ["a"], "mock_delay": 30})
    if name == "stream":
        words = ["stream", submit(command, mock_return=["a"], mock_delay=30)]
    else:
        words = ["run-sync", "--input", asked, "--stream"]
    ended = command(*words, "--timeout", "1", "--on-timeout", "cancel")
    assert (ended.status, ended.out) == (124, "")
    assert "it was cancelled" in ended.err
    assert "to wait for it" not in ended.err


def test_what_is_too_large_for_the_queue_goes_another_way(command: Command, tmp_path: Path) -> None:
    """Up to 20 MiB, by /runsync."""
    file = tmp_path / "large"
    file.write_text("x" * (10 * 2**20))
    ended = command("run-sync", f"mock_return=@{file}", "mock_delay:=0", "-o", "raw")
    assert ended.status == 0, ended.err
    assert len(ended.out) > 10 * 2**20
    (listed,) = command("jobs", "--limit", "1").document
    assert listed["id"].startswith("sync-")
    assert command("run", f"mock_return=@{file}").status == 2
    ended = command("run-sync", f"mock_return=@{file}", "--stream")
    assert (ended.status, ended.out) == (2, ""), "its id, by which to stream it, is not known"
    file.write_text("x" * (20 * 2**20))
    ended = command("run-sync", f"mock_return=@{file}")
    assert (ended.status, ended.out) == (2, "")
    assert "20 MiB" in ended.err


class Odd(BaseHTTPRequestHandler):
    """A server whose jobs have ended as their ids say."""

    ends: ClassVar = {
        "failed": ', "error": "no outputs"',
        "empty": "",
        "fine": ', "output": 1',
        "odd": ', "output": [NaN]',
    }

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2].partition("?")[0]
        body = f'{{"id": "{name}", "status": "COMPLETED"{self.ends[name]}}}'.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def odd(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Point the command to a server of odd jobs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Odd) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}/v2"
        monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", base)
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("form", ["json", "text", "raw"])
def test_an_output_with_a_number_that_json_lacks(command: Command, form: str) -> None:
    """What is printed is JSON, and says so where it is not all that came."""
    ended = command("wait", "odd", "-o", form)
    assert ended.status == 0
    document = ended.document
    assert (document["output"] if form == "json" else document) == [None]
    assert ended.err == "NaN and Infinity, which JSON does not have, are printed as null\n"


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("name", ["wait", "status"])
def test_a_completed_job_without_an_output(command: Command, name: str) -> None:
    """An error in its place is a failure; where there is neither, the likely reasons are told."""
    failed = command(name, "failed")
    assert failed.status == 1
    assert failed.document["error"] == "no outputs"
    assert "no outputs" in failed.err
    text = command(name, "failed", "-o", "text")
    assert text.status == 1
    assert text.out == "" or name == "status"
    empty = command(name, "empty")
    assert empty.status == 0
    assert ("20 MB" in " ".join(empty.err.split())) == (name == "wait")
    fine = command(name, "fine")
    assert (fine.status, fine.err) == (0, "")
