"""The Celery recipe in a real worker: its process is killed, and its time limit passes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen

from runpod_sdk.local import LocalEndpoint, LostReply
from tests.recipes import write_files

pytest.importorskip("celery", reason="scripts/recipes has it")

SETTINGS = """
app.conf.broker_transport_options = {
    "data_folder_in": "messages", "data_folder_out": "messages", "control_folder": "control"
}
app.conf.task_track_started = True
"""
"""A message of the broker is a file."""

CALLS = {
    "generate": "result = tasks.generate(prompt); print(result.parent.id, result.id)",
    "limited": "print(limited.generate_now.apply_async([prompt], soft_time_limit=1).id)",
}


@frozen
class Gate:
    """A handler that waits until it is opened."""

    open: threading.Event = field(factory=threading.Event)
    jobs: list[dict[str, Any]] = field(factory=list)

    def __call__(self, job: dict[str, Any]) -> Any:
        self.jobs.append(job)
        self.open.wait(60)
        if job["input"]["prompt"] == "fail":
            raise ValueError("out of paint")
        return job["input"]["prompt"].upper()


@frozen
class Worker:
    """A Celery worker with one process for tasks, in a folder with the recipe's files."""

    folder: Path
    local: LocalEndpoint
    gate: Gate
    process: subprocess.Popen[bytes]
    environment: dict[str, str]

    def call(self, name: str, prompt: str) -> list[str]:
        """Start a recipe's tasks from another process, and return their ids."""
        code = f"import sys, tasks, limited; prompt = sys.argv[1]; {CALLS[name]}"
        return subprocess.run(
            [sys.executable, "-c", code, prompt],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.split()

    def result(self, task_id: str) -> dict[str, Any]:
        """Read a task's state where the worker has stored it."""
        path = self.folder / "results" / f"celery-task-meta-{task_id}"
        try:
            return dict(json.loads(path.read_text("utf-8")))
        except (FileNotFoundError, ValueError):  # a file that is being written
            return {"status": "PENDING", "result": {}}

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, (self.folder / "log").read_text("utf-8")
            time.sleep(0.02)

    def until_status(self, task_id: str, status: str) -> Any:
        """Wait for a task's status, and return its result."""
        self.until(lambda: self.result(task_id)["status"] == status)
        return self.result(task_id)["result"]

    def kill_process(self) -> None:
        """Kill the process that runs the tasks; the worker starts another one."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
        os.kill(int(children[0]), signal.SIGKILL)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    folder = tmp_path_factory.mktemp("celery")
    write_files("recipes/celery.md", folder)
    with (folder / "tasks.py").open("a", encoding="utf-8") as tasks:
        tasks.write(SETTINGS)
    for name in ("messages", "control", "results"):
        (folder / name).mkdir()
    gate = Gate()
    command = [sys.executable, "-m", "celery", "--app", "limited", "worker", "--concurrency=1"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=error"]
    with LocalEndpoint(gate, workers=2) as local, (folder / "log").open("wb") as log:
        environment = {
            **os.environ,
            "BROKER_URL": "filesystem://",
            "RESULT_BACKEND": f"file://{folder / 'results'}",
            "RUNPOD_ENDPOINT_BASE_URL": local.base_url,
            "RUNPOD_ENDPOINT_ID": local.endpoint_id,
            "RUNPOD_API_KEY": local.api_key,
        }
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        yield Worker(folder, local, gate, process, environment)
        gate.open.set()
        process.terminate()
        process.wait(30)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker's process in /proc")
def test_a_killed_process_submits_nothing_twice(worker: Worker) -> None:
    """Another process waits for the same job."""
    _, collecting = worker.call("generate", "hello")
    worker.until_status(collecting, "STARTED")
    worker.kill_process()
    worker.gate.open.set()
    assert worker.until_status(collecting, "SUCCESS") == "HELLO"
    assert len(worker.gate.jobs) == 1


def test_an_uncertain_submission_is_not_repeated(worker: Worker) -> None:
    with worker.local.faults.active(LostReply("run")) as fault:
        submitting, _ = worker.call("generate", "hello")
        failure = worker.until_status(submitting, "FAILURE")
    assert failure["exc_type"] == "SubmissionUncertainError"
    assert fault.fired == 1


def test_a_failed_job_is_a_failed_task(worker: Worker) -> None:
    """The submission's result is the job's id."""
    submitting, collecting = worker.call("generate", "fail")
    failure = worker.until_status(collecting, "FAILURE")
    assert failure["exc_type"] == "JobFailedError"
    assert "out of paint" in failure["exc_message"][0]
    assert worker.result(submitting)["result"] == worker.gate.jobs[-1]["id"]


def test_the_soft_time_limit_cancels_the_job(worker: Worker) -> None:
    worker.gate.open.clear()
    (limited,) = worker.call("limited", "too long")
    assert worker.until_status(limited, "FAILURE")["exc_type"] == "SoftTimeLimitExceeded"
    with worker.local.client() as client:
        endpoint = client.endpoint(worker.local.endpoint_id)
        assert endpoint.status(worker.gate.jobs[-1]["id"]).status == "CANCELLED"
