"""What is logged, under one name; nothing is shown unless that is asked for."""

from __future__ import annotations

import logging
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


def test_nothing_is_shown_that_was_not_asked_for() -> None:
    """Not even a warning of a program that has set up no logging."""
    code = (
        "from runpod_sdk import Runpod; import logging; Runpod('rpa_0123456789').close();"
        "logging.getLogger('runpod_sdk').warning('x')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
