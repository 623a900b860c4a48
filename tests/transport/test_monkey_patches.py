"""gevent and eventlet: the sync client works where they have patched the standard library."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from runpod_sdk.local import LocalEndpoint

PATCHES = {
    "gevent": "from gevent import monkey, spawn; monkey.patch_all()",
    # Its own DNS needs dnspython, which imports httpx2, if that is there, and with it trio.
    "eventlet": "import os; os.environ['EVENTLET_NO_GREENDNS'] = 'yes';"
    "import eventlet; from eventlet import spawn; eventlet.monkey_patch()",
}
PROGRAM = """
import sys, warnings
warnings.simplefilter("ignore")  # of eventlet, which is deprecated
{patch}
from runpod_sdk import Runpod, RunpodTimeoutError

base_url, endpoint_id, key = sys.argv[1:]
turns = []

def other():
    import time
    for _ in range(3):
        time.sleep(0.02)
        turns.append("other")
    endpoint.run(input="go on")

with Runpod(key, base_url=base_url) as client:
    endpoint = client.endpoint(endpoint_id)
    job = endpoint.run(input=1)
    assert job.wait(timeout=20).output == 1
    for _ in range(3):
        assert job.status().status == "COMPLETED"
    assert endpoint.run_sync(input=2, timeout=20).output == 2
    assert [result.output for result in endpoint.map([3, 4, 5], timeout=20)] == [3, 4, 5]
    assert [chunk.output for chunk in endpoint.run(input="stream").stream(timeout=20)] == [0, 1, 2]
    spawn(other)
    assert endpoint.run(input="slow").wait(timeout=20).completed
    turns.append("waited")
    try:
        endpoint.run(input="endless").wait(timeout=0.1)
    except RunpodTimeoutError:
        turns.append("late")
print(turns)
"""


@pytest.mark.parametrize("name", PATCHES)
def test_patched(name: str) -> None:
    """Every kind of call works, and while one waits, other green threads run."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    goes_on, over = threading.Event(), threading.Event()

    def handler(job: dict[str, Any]) -> Any:
        if job["input"] == "go on":
            goes_on.set()
        elif job["input"] in ("slow", "endless"):
            assert (goes_on if job["input"] == "slow" else over).wait(20)
        return job["input"]

    def stream(job: dict[str, Any]) -> Iterator[Any]:
        yield from range(3) if job["input"] == "stream" else [handler(job)]

    with LocalEndpoint(
        lambda job: stream(job) if job["input"] == "stream" else handler(job), workers=2
    ) as local:
        arguments = [local.base_url, local.endpoint_id, local.api_key]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(patch=PATCHES[name]), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
        )
        over.set()
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["['other',", "'other',", "'other',", "'waited',", "'late']"]
