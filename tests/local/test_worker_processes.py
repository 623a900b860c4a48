"""Worker processes: how they are started, logged, replaced and ended, with any program."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk.local import Limits, LocalEndpoint, WorkerCommand

from . import support
from .processes import group, until
from .support import Api

SIMPLE = [sys.executable, str(Path(__file__).with_name("simple_worker.py"))]
LIMITS = Limits(job_take_wait=1.0, process_grace=2.0)
LOGGER = "runpod_sdk.local"

Start = Callable[..., Api]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(*words: str, command: list[str] | None = None, **settings: Any) -> Api:
            worker = WorkerCommand(
                [*(command or SIMPLE), *words],
                env=settings.pop("env", {}),
                cwd=settings.pop("cwd", None),
            )
            limits = settings.pop("limits", LIMITS)
            local = stack.enter_context(LocalEndpoint(worker, limits=limits, **settings))
            api = Api(local)
            stack.callback(api.http.close)
            return api

        yield begin


def test_a_worker_runs_where_and_with_what_it_is_told(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its output is in the log, by lines, under its name."""
    caplog.set_level(logging.INFO, LOGGER)
    api = start("one", "two words", cwd=tmp_path)
    done = api.run_sync({"n": 1})
    until(lambda: f"{done['workerId']} | started one two words {tmp_path}" in caplog.messages)
    assert set(done) == support.COMPLETED


def test_each_worker_has_a_folder_of_its_own(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has links to what lies in the current directory, but no jobs of a worker before it."""
    here = tmp_path / "here"
    (here / "data").mkdir(parents=True)
    (here / ".runpod_jobs.pkl").touch()
    (tmp_path / "worker.py").write_bytes(Path(SIMPLE[1]).read_bytes())
    monkeypatch.chdir(here)
    api = start(command=[sys.executable, "../worker.py"], workers=2)
    go_on = tmp_path / "go on"
    jobs = [api.run({"write": ["mine", "data/" + name], "until": str(go_on)}) for name in "ab"]
    until(lambda: api.health()["jobs"]["inProgress"] == 2)
    go_on.touch()
    ended = [api.wait(job_id) for job_id in jobs]
    assert len({state["workerId"] for state in ended}) == 2
    assert [state["output"] for state in ended] == [["data", "mine"]] * 2
    assert sorted(path.name for path in here.iterdir()) == [".runpod_jobs.pkl", "data"]
    assert sorted(path.name for path in (here / "data").iterdir()) == ["a", "b"]


def test_folders_of_workers_are_removed(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    api = start()
    api.run_sync({"n": 1})
    (folder,) = tmp_path.iterdir()
    assert len([*folder.iterdir()]) == 1
    api.local.close()
    assert [*tmp_path.iterdir()] == []


def test_jobs_of_an_ended_worker_are_removed_from_a_given_folder(
    start: Start, tmp_path: Path
) -> None:
    """RunPod's package 1.7.12 to 1.10.0 would wait for them, and not ask for a job."""
    jobs = tmp_path / ".runpod_jobs.pkl"
    jobs.touch()
    api = start(cwd=tmp_path)
    assert api.run_sync({"write": ["kept", jobs.name]})["output"] == [jobs.name, "kept"]
    api.run({"exit": 1})
    assert api.run_sync({"write": []})["output"] == ["kept"]


STUCK = """
import os, time, urllib.request
while True:
    url = os.environ["RUNPOD_WEBHOOK_PING"].replace("$RUNPOD_POD_ID", os.environ["RUNPOD_POD_ID"])
    urllib.request.urlopen(url + "&job_id=old-job")
    time.sleep(0.05)
"""


def test_a_worker_that_waits_for_a_job_of_another_is_replaced(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    limits = Limits(stop_grace=0.1, sweep_interval=0.05, process_grace=2.0)
    start(command=[sys.executable, "-c", STUCK], limits=limits)
    until(lambda: caplog.text.count("asks for no jobs, as it holds job old-job") == 2)
    assert ".runpod_jobs.pkl in the working directory" in caplog.text


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux has it")
def test_the_end_of_a_process_is_seen_without_waitid(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS has it from CPython 3.13 on, but kqueue; here a pidfd stands for that."""

    class Queue:
        def control(self, events: list[int], count: int) -> list[int]:
            (process,) = events
            return select.select([os.pidfd_open(process)], [], [])[0]

        def close(self) -> None:
            pass

    monkeypatch.delattr(os, "waitid")
    names = ("KQ_FILTER_PROC", "KQ_EV_ADD", "KQ_EV_ONESHOT", "KQ_NOTE_EXIT")
    for number, name in enumerate(names):
        monkeypatch.setattr(select, name, 1 << number, raising=False)
    monkeypatch.setattr(select, "kevent", lambda pid, kind, flags, what: pid, raising=False)
    monkeypatch.setattr(select, "kqueue", Queue, raising=False)
    api = start()
    done = api.run_sync({"n": 1})
    api.run({"exit": 3})
    assert api.run_sync({"n": 1})["workerId"] != done["workerId"]


def test_a_system_without_either_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "waitid")
    monkeypatch.delattr(select, "kqueue", raising=False)
    with pytest.raises(RuntimeError, match=r"need a POSIX system .* worker_environment\(\)"):
        LocalEndpoint(WorkerCommand(SIMPLE))


def test_what_a_worker_prints_is_in_the_log_without_its_key(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """Lines of RunPod's package are JSON: they have a level and a job."""
    caplog.set_level(logging.DEBUG, LOGGER)
    api = start()
    record = {"requestId": "job-1", "message": "it\nbroke", "level": "ERROR"}
    lines = [json.dumps(record), "the key is KEY", '{"requestId": no JSON', ""]
    worker = api.run_sync({"print": lines})["workerId"]
    until(lambda: f"{worker} | " in caplog.messages)
    records = [entry for entry in caplog.records if entry.name == LOGGER]
    assert [
        (entry.levelname, entry.getMessage().partition(" | ")[2]) for entry in records[-5:]
    ] == [
        ("ERROR", "job-1 | it"),
        ("ERROR", "job-1 | broke"),
        ("INFO", "the key is …"),
        ("INFO", '{"requestId": no JSON'),
        ("INFO", ""),
    ]
    assert api.local.api_key not in caplog.text


def test_a_worker_that_dies_is_replaced(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """The log says how it ended; what it had started is ended too."""
    caplog.set_level(logging.INFO, LOGGER)
    api = start("child")
    done = api.run_sync({"n": 1})
    assert len(group(done["output"])) == 2
    os.kill(done["output"], signal.SIGKILL)
    until(lambda: not group(done["output"]))
    again = api.run_sync({"n": 1})
    assert again["workerId"] != done["workerId"]
    assert (
        f"worker {done['workerId']} was ended by signal 9; another takes its place" in caplog.text
    )


def test_one_that_is_no_worker_is_started_later_each_time(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """Its place is unhealthy, and the log says what may be wrong."""
    api = start(command=[sys.executable, "-c", "print('done')"])
    until(lambda: caplog.text.count("ended with status 0 before it asked for a job") >= 2)
    assert "above (does it call runpod.serverless.start()?); it is started again" in caplog.text
    workers = api.health()["workers"]
    assert (workers["unhealthy"], workers["ready"]) == (1, 0)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["-c", "pass"], "status 0 before it asked for a job, and printed nothing (does it call"),
        (
            ["-c", "exit(3)"],
            "status 3 before it asked for a job, and printed nothing (does it call",
        ),
        (["missing.py"], "status 2 before it asked for a job; its output is above; it is"),
    ],
)
def test_a_guess_is_made_where_the_program_says_nothing_itself(
    start: Start, caplog: pytest.LogCaptureFixture, command: list[str], said: str
) -> None:
    start(command=[sys.executable, *command])
    until(lambda: said in caplog.text)


def test_workers_are_started_for_what_waits_and_go_when_idle(start: Start, tmp_path: Path) -> None:
    """From none to as many as there may be, and back to none."""
    api = start(workers=2, min_workers=0, idle_timeout=0.3)
    assert not any(api.health()["workers"].values())
    jobs = [api.run({"until": str(tmp_path / "go on")}) for _ in range(3)]
    until(lambda: api.health()["jobs"]["inProgress"] == 2)
    (tmp_path / "go on").touch()
    ended = [api.wait(job_id) for job_id in jobs]
    assert len({state["workerId"] for state in ended}) == 2
    until(lambda: not any(api.health()["workers"].values()))
    until(lambda: not any(group(state["output"]) for state in ended))


def test_a_program_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    for command, cwd, what in (
        (["no-such-program"], None, "no program 'no-such-program'"),
        (["./no-such-file"], None, "no program './no-such-file'"),
        (["python"], tmp_path / "nowhere", "no folder"),
    ):
        with pytest.raises(FileNotFoundError, match=what):
            LocalEndpoint(WorkerCommand(command, cwd=cwd))


def test_a_program_may_lie_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "worker"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    WorkerCommand(["./worker"], cwd=tmp_path).find()
    monkeypatch.chdir(tmp_path)
    WorkerCommand(["./worker"]).find()


def test_a_command_is_a_list_of_words() -> None:
    with pytest.raises(TypeError, match="a list of words"):
        WorkerCommand("python handler.py")
    with pytest.raises(ValueError, match="at least one word"):
        WorkerCommand([])
    for words in (5, None, [None], [b"python"]):
        with pytest.raises(TypeError, match="a list of strings"):
            WorkerCommand(words)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="return_aggregate_stream"):
        LocalEndpoint(WorkerCommand(SIMPLE), return_aggregate_stream=True)
    assert "hush" not in repr(WorkerCommand(SIMPLE, env={"TOKEN": "hush"}))


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"env": None}, TypeError, "env must be a mapping"),
        ({"env": "TOKEN=hush"}, TypeError, "env must be a mapping .* not a str"),
        ({"env": {"TOKEN": b"hush"}}, TypeError, "variable 'TOKEN' must be a string, not bytes"),
        ({"env": {5: "hush"}}, TypeError, "variable 5 must be a string"),
        ({"env": {"TO=KEN": "hush"}}, ValueError, "no process can have"),
        ({"env": {"TOKEN": "hush\0"}}, ValueError, "no process can have"),
        ({"cwd": 5}, TypeError, "cwd must be the path of a folder"),
        ({"cwd": b"/tmp"}, TypeError, "cwd must be the path of a folder"),
    ],
    ids=range(8),
)
def test_a_worker_has_variables_and_a_folder(
    given: dict[str, Any], error: type[Exception], said: str
) -> None:
    """A mistake is told before a process starts, without the value, which may be a secret."""
    with pytest.raises(error, match=said) as told:
        WorkerCommand(SIMPLE, **given)
    assert "hush" not in str(told.value)


PARENT = """
import signal, sys, time
from runpod_sdk.local import LocalEndpoint, Limits, WorkerCommand
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # also below nohup
with LocalEndpoint(WorkerCommand(sys.argv[1:]), workers=2) as local, local.client() as client:
    endpoint = client.endpoint(local.endpoint_id)
    jobs = [endpoint.run(input={"sleep": 0.5}) for _ in range(2)]
    print(*(job.output() for job in jobs), flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_workers_do_not_outlive_a_process_that_is_killed(number: signal.Signals) -> None:
    """Not even if it has no chance to end them, and they have started others."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *SIMPLE, "child"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as parent:
        assert parent.stdout is not None
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert [len(group(pid)) for pid in workers] == [2, 2]
        parent.send_signal(number)
    until(lambda: not any(group(pid) for pid in workers))
