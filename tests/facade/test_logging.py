"""The log has one name, and is not shown by default."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys

import httpx
import pytest

from tests.facade.clients import JOB, KEY, Driver, Script, answer, in_no_time, job

SECRET = "an input that is nobody's business"


@in_no_time
def test_submissions_attempts_and_retries_are_logged(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the key nor an input or output is in it, nor what a server says of them."""
    caplog.set_level(logging.DEBUG, "runpod_sdk")
    endpoint = driver.endpoint(
        Script(
            answer({"detail": f"too many: {SECRET} {KEY}"}, 429, {"Retry-After": "0"}),
            job("IN_QUEUE"),
            httpx.ConnectError("refused"),
            job(output=SECRET),
        )
    )
    driver.call(lambda: endpoint.run(input=SECRET))
    driver.call(lambda: endpoint.wait(JOB))
    assert {record.name for record in caplog.records} == {"runpod_sdk"}
    said = [(r.levelname, re.sub(r"\d+\.\d s", "1.0 s", r.getMessage())) for r in caplog.records]
    no_connection = "no connection to api.test:443 (ConnectError: refused)"
    assert said == [
        ("DEBUG", "POST /ep/run: HTTP 429"),
        ("DEBUG", "run on endpoint ep: HTTP 429; retry 1 in 1.0 s"),
        ("DEBUG", "POST /ep/run: HTTP 200"),
        ("INFO", f"job {JOB} was submitted to endpoint ep"),
        ("DEBUG", f"GET /ep/status-sync/{JOB}: {no_connection}"),
        ("DEBUG", f"waiting for job {JOB}: {no_connection}; retry 1 in 1.0 s"),
        ("DEBUG", f"GET /ep/status-sync/{JOB}: HTTP 200"),
    ]
    everything = "".join(f"{vars(record)!r}" for record in caplog.records)
    assert SECRET not in everything
    assert KEY not in everything


WITHOUT_LOGGING = """
import sys
from runpod_sdk import Runpod

class Interrupting:  # as a signal handler may
    def find_spec(self, name, path, target=None):
        if name == "string":
            print("logging" in sys.modules)
            Runpod("rpa_0123456789").close()

sys.modules.pop("string", None)
sys.meta_path.insert(0, Interrupting())
import logging
Runpod("rpa_0123456789").close()
logging.getLogger("runpod_sdk").warning("x")
"""


def test_nothing_is_shown_that_was_not_asked_for() -> None:
    """Not even a warning of a program that has set up no logging, or is just importing it."""
    command = [sys.executable, "-c", WITHOUT_LOGGING]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


PROGRAM = """
import logging, warnings
from runpod_sdk import AsyncRunpod, Runpod
{before}
for cls in (Runpod, AsyncRunpod, Runpod):
    client = cls("rpa_CANARY0123456789")
log = logging.getLogger("runpod_sdk")
log.info("a job")
log.debug("a request")
"""


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("debug", ["INFO a job", "DEBUG a request"]),
        ("DEBUG", ["INFO a job", "DEBUG a request"]),
        ("info", ["INFO a job"]),
        ("", []),
        (" ", []),
    ],
)
def test_the_environment_asks_for_the_log(value: str, shown: list[str]) -> None:
    """On standard error, once for each record, however many clients there are."""
    said = lines_of(PROGRAM.format(before=""), value)
    assert [re.sub(r"^[-0-9]+ [:,0-9]+ runpod_sdk ", "", line) for line in said] == shown


def test_a_level_that_does_not_exist_is_told() -> None:
    (said, *_) = lines_of(PROGRAM.format(before=""), "verbose")
    assert "UserWarning: RUNPOD_SDK_LOG must be debug or info, not 'verbose'" in said


def test_a_record_is_printed_once_where_the_program_prints_it() -> None:
    before = 'logging.basicConfig(format="mine: %(message)s")'
    assert lines_of(PROGRAM.format(before=before), "info") == ["mine: a job"]


def lines_of(code: str, value: str) -> list[str]:
    """Return what a program prints to standard error with this value of the variable."""
    variables = {**os.environ, "RUNPOD_SDK_LOG": value}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=variables)
    assert done.stdout == ""
    return done.stderr.splitlines()
