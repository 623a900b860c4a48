"""Ctrl-C while the package imports what it needs, with the first call."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.util import find_spec

from tests.faults.server import Server, answer

SCRIPT = """
    import sys
    import threading

    left = {left!r}

    class Interrupting:
        def find_spec(self, name, path, target=None):
            if name in left and threading.current_thread() is threading.main_thread():
                left.remove(name)
                raise KeyboardInterrupt

    sys.meta_path.insert(0, Interrupting())
    interruptions = 0
    while True:
        try:
            from runpod_sdk import Runpod

            with Runpod("key-of-a-test", base_url=sys.argv[1]) as client:
                endpoint = client.endpoint("ep")
                first = endpoint.status("j1").status, list(endpoint.map([]))
            with Runpod("key-of-a-test", base_url=sys.argv[1], transport="httpx") as client:
                print(*first, client.endpoint("ep").status("j1").status)
            break
        except KeyboardInterrupt:
            interruptions += 1
    print(interruptions, left)
"""
LEFT = [
    "httpx._models",
    "attrs",
    "httptools.parser.errors" if find_spec("httptools") else "h11._writers",
    "runpod_sdk._io.http11.connection",
    "runpod_sdk._flows.retry",
]
LEFT += ["runpod_serverless_api.models.job", "asyncio.events", "asyncio.taskgroups"]
LEFT += ["asyncio.locks", "runpod_sdk._io.event_loop", "runpod_sdk._flows.many.window"]


def test_an_interrupted_import_can_be_made_again() -> None:
    """After many interruptions of imports, of this package and of others, the next call works."""
    with Server(answer({"id": "j1", "status": "COMPLETED"})) as server:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SCRIPT).format(left=LEFT), server.base_url],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.stderr == ""
    assert done.stdout == f"COMPLETED [] COMPLETED\n{len(LEFT)} []\n"
