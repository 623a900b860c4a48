"""
Lives of a batch: processes that run a `map` with a journal, and are killed.

Run as a script by `test_kills.py`. It has imported all that a life needs, starts no
thread of its own, and forks a life for each line that it reads. So a life costs a few
milliseconds, and any moment of it can be the last.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import anyio

from runpod_sdk import AsyncRunpod, Runpod


def inputs(life: dict[str, Any]) -> Iterator[dict[str, int]]:
    for number in range(life["first"], life["first"] + life["count"]):
        yield {"number": number}


def told(result: Any) -> str:
    """Spell a result in a line."""
    error = None if result.error is None else type(result.error).__name__
    output = None if result.state is None else result.state.output
    return json.dumps([result.index, error, output]) + "\n"


def live(life: dict[str, Any]) -> None:
    """Run the batch, and write each result to a file as it is handed out."""
    handed_out = os.open(life["results"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    options = {key: life[key] for key in ("concurrency", "ordered", "journal")}
    given = (life["api_key"],)

    async def awaited() -> None:
        async with AsyncRunpod(*given, base_url=life["base_url"]) as client:
            endpoint = client.endpoint(life["endpoint_id"])
            async with endpoint.map(inputs(life), **options) as results:
                async for result in results:
                    os.write(handed_out, told(result).encode())

    if life["way"] != "sync":
        anyio.run(awaited, backend=life["way"])
        return
    with Runpod(*given, base_url=life["base_url"]) as client:
        endpoint = client.endpoint(life["endpoint_id"])
        with endpoint.map(inputs(life), **options) as results:
            for result in results:
                os.write(handed_out, told(result).encode())


def main() -> None:
    for line in sys.stdin:
        life = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                live(life)
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        end = time.monotonic() + life["seconds"]
        ended = status = 0
        while not ended and time.monotonic() < end:
            ended, status = os.waitpid(pid, os.WNOHANG)
            time.sleep(0.001)
        if not ended:
            os.kill(pid, signal.SIGKILL)
            status = os.waitpid(pid, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)


def warm_up() -> None:
    """Import what is imported when it is first used."""
    import importlib

    for module in (
        "asyncio",
        "sqlite3",
        "anyio._backends._asyncio",
        "runpod_sdk.journal",
        "runpod_sdk._flows.journaling",
        "runpod_sdk._io.crew",
        "runpod_sdk._io.threads",
        "runpod_sdk._sync.results",
        "runpod_sdk._async.results",
    ):
        importlib.import_module(module)


if __name__ == "__main__":
    warm_up()
    main()
