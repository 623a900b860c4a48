"""Each command: what it prints where, and how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runpod_sdk.local import LocalEndpoint
from tests.cli.in_process import Ended

Command = Callable[..., Ended]


def submit(command: Command, **given: object) -> str:
    ended = command("run", "--input", json.dumps(given))
    assert ended.status == 0, ended.err
    job_id: str = ended.document["id"]
    return job_id


def test_run_prints_the_id_and_nothing_else(command: Command) -> None:
    ended = command("run", "--input", '{"mock_return": 1}')
    assert (ended.status, ended.err) == (0, "")
    assert list(ended.document) == ["id"]


def test_run_sync_prints_the_job_in_its_wire_form(command: Command) -> None:
    ended = command("run-sync", "--input", '{"mock_return": "née"}')
    assert (ended.status, ended.err) == (0, "")
    assert ended.document["status"] == "COMPLETED"
    assert ended.document["output"] == ["née"]
    assert ended.document["executionTime"] >= 0
    assert "née" in ended.out


def test_run_sync_of_a_job_that_fails_prints_it_and_ends_with_1(command: Command) -> None:
    ended = command("run-sync", "--input", '{"mock_error": true}')
    assert ended.status == 1
    assert ended.document["status"] == "FAILED"
    assert "failed, as asked" in ended.err


@pytest.mark.parametrize("words", ["--input @{file}", "--input -", "-", ""])
def test_the_input_comes_from_a_file_or_from_standard_input(
    command: Command, tmp_path: Path, words: str
) -> None:
    """Which is read by default, if it is piped."""
    file = tmp_path / "input.json"
    file.write_text('{"mock_return": "größer"}', encoding="utf-8")
    given = words.format(file=file).split()
    ended = command("run-sync", *given, stdin=file.read_text(encoding="utf-8"))
    assert ended.document["output"] == ["größer"]


def test_without_an_input_it_is_wrong_usage(command: Command) -> None:
    for stdin in (None, " \n"):
        ended = command("run", stdin=stdin)
        assert (ended.status, ended.out) == (2, "")
        assert "--input JSON, or - for standard input" in unwrapped(ended.err)
    assert "not JSON" in unwrapped(command("run", stdin="{").err)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{not json", "not JSON"),
        ("", "not JSON"),
        ('{"x": NaN}', "NaN is not a JSON value"),
        ("@no-such-file.json", "can't read no-such-file.json"),
    ],
)
def test_an_input_that_is_no_json_is_wrong_usage(
    command: Command, source: str, reason: str
) -> None:
    ended = command("run", "--input", source)
    assert (ended.status, ended.out) == (2, "")
    assert reason in unwrapped(ended.err)
    assert "--input" in ended.err


def test_status_ends_with_0_only_where_the_job_succeeded(command: Command) -> None:
    running = submit(command, mock_delay=30)
    ended = command("status", running)
    assert (ended.status, ended.document["id"]) == (4, running)
    command("cancel", running)
    assert command("status", running).status == 1

    done = submit(command)
    assert command("wait", done).status == 0
    assert command("status", done).status == 0


def test_a_job_that_is_unknown_is_an_error_of_the_api(command: Command) -> None:
    ended = command("status", "no-such-job")
    assert (ended.status, ended.out) == (3, "")
    assert "no-such-job" in ended.err


def test_wait_prints_a_job_that_failed_and_ends_with_1(command: Command) -> None:
    ended = command("wait", submit(command, mock_crash=True))
    assert ended.status == 1
    assert ended.document["status"] == "FAILED"
    assert "crashed, as asked" in ended.err


def test_a_wait_that_takes_too_long_says_how_to_go_on(command: Command) -> None:
    job = submit(command, mock_delay=30)
    ended = command("wait", job, "--timeout", "0.5")
    assert (ended.status, ended.out) == (124, "")
    assert f"runpod-sdk wait {job}\n" in ended.err
    assert command("cancel", job).document["status"] == "CANCELLED"


def test_a_wait_in_vain_says_why_the_job_still_waits(command: Command) -> None:
    running = [submit(command, mock_delay=30) for _ in range(2)]
    waiting = submit(command, mock_return=1)
    ended = command("wait", waiting, "--timeout", "0.5")
    assert ended.status == 124
    assert f"job {waiting} is in the queue: all workers are busy" in ended.err
    ended = command("explain", waiting)
    assert ended.status == 0
    assert ended.document["reason"] == "ALL_BUSY"
    assert ended.document["state"]["status"] == "IN_QUEUE"
    assert ended.document["health"]["workers"]["running"] == 2
    for job in (*running, waiting):
        command("cancel", job)
    assert command("explain", waiting).document["reason"] == "DONE"


def test_what_cannot_be_explained_is_no_success(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = command("explain", "no-such-job")
    assert (ended.status, ended.document["reason"]) == (3, "NOT_FOUND")
    job = submit(command, mock_return=1)
    monkeypatch.setenv("RUNPOD_API_KEY", "wrong")
    ended = command("explain", job)
    assert (ended.status, ended.document["reason"]) == (3, "UNKNOWN")
    assert "the key is from RUNPOD_API_KEY" in ended.document["text"]


def test_the_way_to_go_on_names_an_endpoint_that_the_environment_does_not(
    command: Command, local: LocalEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNPOD_ENDPOINT_ID")
    there = ("--endpoint", local.endpoint_id)
    job = command("run", "--input", '{"mock_delay": 30}', *there).document["id"]
    ended = command("wait", job, "--timeout", "0.5", *there)
    assert f"runpod-sdk wait {job} --endpoint {local.endpoint_id}\n" in ended.err
    command("cancel", job, *there)


@pytest.mark.parametrize("name", ["run-sync", "wait"])
def test_a_job_is_cancelled_on_timeout_where_that_was_asked(command: Command, name: str) -> None:
    given = '{"mock_delay": 30}'
    what = ("--input", given) if name == "run-sync" else (submit(command, mock_delay=30),)
    ended = command(name, *what, "--timeout", "1.5", "--on-timeout", "cancel")
    assert (ended.status, ended.out) == (124, "")
    assert "cancelled" in ended.err
    assert "to wait for it" not in ended.err


def test_stream_prints_a_line_for_each_chunk(command: Command) -> None:
    job = submit(command, mock_return=["a", {"b": 1}, None], mock_delay=0.3)
    ended = command("stream", job)
    assert (ended.status, ended.err) == (0, "")
    assert [json.loads(line)["output"] for line in ended.out.splitlines()] == ["a", {"b": 1}, None]


def test_stream_of_a_job_that_fails_ends_with_1(command: Command) -> None:
    ended = command("stream", submit(command, mock_error=True))
    assert ended.status == 1
    assert "failed, as asked" in ended.err


def test_cancel_prints_the_job(command: Command) -> None:
    job = submit(command, mock_delay=30)
    ended = command("cancel", job)
    assert (ended.status, ended.err) == (0, "")
    assert ended.document["status"] == "CANCELLED"


def test_retry_sends_a_failed_job_to_the_queue_again(command: Command) -> None:
    job = submit(command, mock_error=True)
    command("wait", job)
    ended = command("retry", job)
    assert (ended.status, ended.document["id"]) == (0, job)
    command("wait", job)


def test_health_prints_the_counts(command: Command) -> None:
    ended = command("health")
    assert (ended.status, ended.err) == (0, "")
    assert set(ended.document) == {"jobs", "workers"}


def test_purge_queue_prints_how_many_it_removed(command: Command) -> None:
    running = [submit(command, mock_delay=30) for _ in range(2)]
    while any(command("status", job).document["status"] == "IN_QUEUE" for job in running):
        time.sleep(0.05)
    submit(command)
    ended = command("purge-queue")
    assert (ended.status, ended.document["removed"]) == (0, 1)
    for job in running:
        command("cancel", job)


def test_without_an_endpoint_it_is_wrong_usage(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNPOD_ENDPOINT_ID")
    ended = command("health")
    assert (ended.status, ended.out) == (2, "")
    assert "--endpoint" in ended.err


def test_without_a_key_it_is_wrong_configuration(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RUNPOD_API_KEY")
    ended = command("health")
    assert (ended.status, ended.out) == (2, "")
    assert "RUNPOD_API_KEY" in ended.err


def test_a_wrong_key_is_an_error_of_the_api_and_is_not_shown(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "rpa_a-wrong-key")
    ended = command("health")
    assert (ended.status, ended.out) == (3, "")
    assert "API key" in ended.err
    assert "a-wrong-key" not in ended.err


def test_a_server_that_is_not_there_is_an_error_of_the_api(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "http://127.0.0.1:9/v2")
    ended = command("purge-queue")
    assert (ended.status, ended.out) == (3, "")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "soon"])
def test_a_timeout_that_is_no_length_of_time_is_wrong_usage(command: Command, timeout: str) -> None:
    ended = command("health", "--timeout", timeout)
    assert (ended.status, ended.out) == (2, "")
    assert "timeout" in ended.err


def test_a_policy_that_is_no_length_of_time_is_wrong_usage(command: Command) -> None:
    ended = command("run", "--input", "{}", "--ttl", "-1")
    assert (ended.status, ended.out) == (2, "")
    assert "ttl" in ended.err


@pytest.mark.filterwarnings("default")
def test_a_warning_is_a_sentence(command: Command) -> None:
    """What the SDK warns of is said without the line of a program."""
    ended = command("run", "--input", '{"input": {"prompt": "x"}}', "--ttl", "9")
    assert ended.status == 0
    first, second = ended.err.splitlines()[:2]
    assert first.startswith("warning: ttl is 9 s, below the 10 seconds")
    assert second == (
        "warning: the input's only key is 'input', so the handler gets a nested input:"
        " pass the inner value alone"
    )
    assert "UserWarning" not in ended.err


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks://127.0.0.1:7890"), ("HTTPS_PROXY", "http://user:pa/ss@proxy:1")],
)
def test_an_odd_environment_is_wrong_usage(
    command: Command, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is named, and no password."""
    for other in ("NO_PROXY", "no_proxy", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "https://api.test/v2")
    monkeypatch.setenv(name, value)
    ended = command("health")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"{name}: ")
    assert "pa/ss" not in ended.err


@pytest.mark.parametrize("job", ["..", ".", "", "a/b", "a b"])
def test_a_job_id_that_can_be_none_is_wrong_usage(command: Command, job: str) -> None:
    assert command("status", job).status == 2


def unwrapped(text: str) -> str:
    """Undo the frame and the line ends that an error is set in."""
    return " ".join(text.replace("│", " ").split())
