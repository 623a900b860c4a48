"""The box that follows a job, in a notebook and elsewhere. tests/notebook has a real kernel."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from runpod_sdk.notebook import LiveBox
from tests.facade.clients import JOB, Driver, Script, in_no_time, job
from tests.facade.test_display import HOSTILE, Page, state_of


class Shell:
    """A kernel's shell, of which one only has to know that it is not a terminal's."""


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stand in for IPython in a kernel; return the calls of its `display`."""
    calls: list[dict[str, Any]] = []
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    vars(ipython).update(get_ipython=Shell, display=display)
    vars(display).update(display=lambda data, **how: calls.append({**data, **how}))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return calls


def progress(value: Any) -> Any:
    return job("IN_PROGRESS", output=value, workerId="w-1")


@in_no_time
def test_each_update_is_a_line_where_there_is_no_notebook(
    driver: Driver, capsys: pytest.CaptureFixture[str]
) -> None:
    script = Script(job("IN_QUEUE"), progress({"step": 1}), job(output="a long text"))
    endpoint = driver.endpoint(script)
    driver.call(lambda: endpoint.wait(JOB, on_update=LiveBox()))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        f"{JOB} IN_QUEUE",
        f"{JOB} IN_PROGRESS",
        f"{JOB} COMPLETED",
    ]
    assert "progress {'step': 1}" in lines[1]
    assert "a long text" not in lines[2]


@in_no_time
def test_a_box_is_replaced_in_place(driver: Driver, displayed: list[dict[str, Any]]) -> None:
    """It escapes all text of the server, and leaves the output to the cell's own result."""
    script = Script(job("IN_QUEUE"), progress(HOSTILE), job("FAILED", error=HOSTILE))
    endpoint = driver.endpoint(script)
    driver.call(lambda: endpoint.wait(JOB, on_update=LiveBox()))
    queued, running, failed = displayed
    assert [each["update"] for each in displayed] == [False, True, True]
    assert len({each["display_id"] for each in displayed}) == 1
    pages = [Page(each["text/html"]) for each in displayed]
    assert "IN_QUEUE" in pages[0].text
    assert HOSTILE in pages[1].text
    assert HOSTILE in pages[2].text
    assert "FAILED" in failed["text/plain"]
    assert queued["display_id"]
    assert "worker w-1" in running["text/plain"]


def test_another_job_begins_another_box(displayed: list[dict[str, Any]]) -> None:
    box = LiveBox()
    for job_id in ("one", "one", "two"):
        box(state_of("IN_QUEUE", id=job_id))
    assert [each["update"] for each in displayed] == [False, True, False]


@pytest.mark.parametrize("driver", ["sync jumping"], indirect=True)
def test_a_box_that_cannot_be_shown_ends_no_wait(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed:
        def write(self, text: str) -> None:
            raise OSError("nobody reads this")

    for stream in (Closed(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        endpoint = driver.endpoint(Script(job("IN_QUEUE"), job(output=1)))
        assert driver.call(lambda e=endpoint: e.wait(JOB, on_update=LiveBox())).output == 1
