"""
No tool that records local variables shows a secret of a failed call.

A sentence of SECURITY.md: "No local variable of a frame that an exception of this package, or an
interruption, has passed through shows one". Sentry's SDK, rich and the standard library show each
failure in a separate process, because Sentry's SDK patches it. Another process of pytest shows the
failures by `-l`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from traceback import TracebackException
from typing import Any

import pytest

from runpod_sdk import AsyncRunpod, Runpod, RunpodError, webhooks
from tests.faults.modes import MODES
from tests.tracebacks.canaries import (
    CALLS,
    CANARIES,
    COMMANDS,
    MISTAKES,
    OF_EACH_KIND,
    PATIENT,
    SECRET,
    SLOW,
)

ROOT = Path(__file__).parents[2]
WAYS = ("asyncio by aiohttp", "sync by httpx", "asyncio by httpx", "sync by own httpx")


@pytest.fixture(scope="module")
def found() -> Any:
    """Make all calls fail on all transports, in one process."""
    command = [sys.executable, "-m", "tests.tracebacks.matrix", *MODES, *WAYS, "commands"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize("mode", [*MODES, *WAYS])
def test_no_tool_shows_a_secret(found: Any, mode: str) -> None:
    """For every failure and interruption, on every transport."""
    assert found[mode]["leaks"] == []
    calls = {**CALLS, **SLOW} if mode in MODES else OF_EACH_KIND
    assert len(found[mode]["tried"]) > 8 * len(calls) + len(MISTAKES)
    kinds = {*found[mode]["kinds"]}
    assert {"SubmissionUncertainError", "RunpodTimeoutError", "AuthenticationError"} <= kinds
    assert {"KeyboardInterrupt", "CancelledError", "Cancelled"} & kinds


def test_no_tool_shows_a_secret_of_a_command(found: Any) -> None:
    """The command line keeps none either, behind the exception that ends it."""
    assert found["commands"]["leaks"] == []
    assert found["commands"]["kinds"] == ["SystemExit"]
    assert len(found["commands"]["tried"]) == 7 * len(COMMANDS) - 5 * len(PATIENT)


def test_webhooks_show_no_secret() -> None:
    """No frame of the package contains the secret that signs a URL, or a call's signature."""
    signed = [webhooks.sign_url("https://hook.test/", SECRET, now=0)]
    for call in (
        lambda: webhooks.sign_url("ftp://hook.test/", SECRET),
        lambda: webhooks.sign_url("https://hook.test/", [SECRET, "short"]),
        lambda: webhooks.parse(signed[0], "{}", SECRET),
        lambda: webhooks.parse(signed[0], "{}", SECRET * 2),
        lambda: webhooks.parse(signed[0], "no JSON", SECRET, now=0),
    ):
        with pytest.raises((ValueError, RunpodError)) as caught:
            call()
        inner = caught.value.with_traceback(caught.tb.tb_next.tb_next)  # without this test's own
        shown = "".join(TracebackException.from_exception(inner, capture_locals=True).format())
        assert SECRET not in shown
        assert signed[0].rpartition("=")[2] not in shown


@pytest.mark.parametrize("cls", [Runpod, AsyncRunpod])
@pytest.mark.parametrize("wrong", [{"timeout": -1}, {"base_url": "ftp://x"}, {"http_client": 1}])
def test_a_client_that_can_not_be_made_shows_no_key(cls: Any, wrong: dict[str, Any]) -> None:
    """No frame of the package contains the key."""
    with pytest.raises((ValueError, TypeError, RunpodError)) as caught:
        cls(CANARIES[0], **wrong)
    inner = caught.value.with_traceback(caught.tb.tb_next)  # without this test's own
    shown = "".join(TracebackException.from_exception(inner, capture_locals=True).format())
    assert "self = " in shown
    assert CANARIES[0] not in shown


FAILING = """
from runpod_sdk import Runpod
from tests.faults.modes import KEY
from tests.tracebacks.canaries import CALLS, MISTAKES

def test_call(subtests):
    for name, call in [*list(CALLS.items())[:4], *list(MISTAKES.items())[:2]]:
        with subtests.test(name), Runpod(KEY, base_url=BASE_URL, max_retries=0) as client:
            list(call(client.endpoint("ep"), 0.05))
"""


def test_pytest_shows_no_secret(tmp_path: Path) -> None:
    """Not even with `-l -vv --full-trace`."""
    from tests.faults.server import Server, answer

    with Server(answer({"detail": "no"}, 400)) as server:
        path = tmp_path / "test_failing.py"
        path.write_text(FAILING.replace("BASE_URL", repr(server.base_url)))
        command = [sys.executable, "-m", "pytest", "-l", "-vv", "--full-trace"]
        options = ["-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-c", "/dev/null", path]
        done = subprocess.run(
            [*command, *options],
            cwd=ROOT,
            capture_output=True,
            timeout=100,
            check=False,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        )
    shown = done.stdout.decode()
    assert done.returncode == 1, shown
    assert "BadRequestError" in shown
    assert "guard      = " in shown, "no local variables were shown"
    for canary in CANARIES:
        assert canary not in shown
