"""
Lives of a batch: processes that run a `map` with a journal, and are killed.

Run as a script by `kills.py`. It has imported all that a life needs, starts no thread, and forks a
life for each line that it reads, and a rival with the same journal if that is asked for. So a life
costs a few milliseconds, and any moment of it can be the last. Its answer is a line: how each of
them ended.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import anyio

from runpod_sdk import AsyncRunpod, JournalError, Runpod


def inputs(life: dict[str, Any]) -> Iterator[dict[str, int]]:
    for number in range(life["first"], life["first"] + life["count"]):
        yield {"number": number}


def told(result: Any) -> str:
    """Spell a result in a line."""
    error = None if result.error is None else type(result.error).__name__
    output = None if result.state is None else result.state.output
    return json.dumps([result.index, error, output]) + "\n"


def journal_of(life: dict[str, Any]) -> Any:
    """Return the path of a life's journal, or its store in PostgreSQL."""
    if "dsn" not in life:
        return life["journal"]
    from runpod_sdk.journal_postgres import PostgresStore

    return PostgresStore(life["journal"], life["dsn"], lease=life["lease"], wait=life["wait"])


class Copies:
    """Copies of its own journal that a process makes while it maps: they must not unlock it."""

    def __init__(self, life: dict[str, Any]) -> None:
        self._journal = Path(life["journal"])
        self._target = Path(life["copies"])
        self._draw = random.Random(os.getpid())
        self._made = os.open(f"{life['results']}.copies", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def make(self) -> None:
        how = self._draw.choice(["none", "file", "wal", "folder", "checksum"])
        if how == "none" or not self._journal.exists():
            return
        target = self._target / str(os.getpid())
        target.mkdir(parents=True, exist_ok=True)
        if how == "file":
            shutil.copy(self._journal, target)
        elif how == "wal":
            shutil.copy(f"{self._journal}-wal", target)
        elif how == "folder":
            shutil.copytree(self._journal.parent, target, dirs_exist_ok=True)
        else:
            for file in self._journal.parent.iterdir():
                hashlib.sha256(file.read_bytes())
        os.write(self._made, b".")


def live(life: dict[str, Any]) -> None:
    """Run the batch, and write each result to a file as it is handed out."""
    handed_out = os.open(life["results"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    copies = Copies(life)

    def take(result: Any) -> None:
        os.write(handed_out, told(result).encode())
        copies.make()

    options = {key: life[key] for key in ("concurrency", "ordered")}
    options["journal"] = journal_of(life)
    given = (life["api_key"],)

    async def awaited() -> None:
        async with AsyncRunpod(*given, base_url=life["base_url"]) as client:
            endpoint = client.endpoint(life["endpoint_id"])
            async with endpoint.map(inputs(life), **options) as results:
                async for result in results:
                    take(result)

    if life["way"] != "sync":
        anyio.run(awaited, backend=life["way"])
        return
    with Runpod(*given, base_url=life["base_url"]) as client:
        endpoint = client.endpoint(life["endpoint_id"])
        with endpoint.map(inputs(life), **options) as results:
            for result in results:
                take(result)


IN_USE = 3
"""The exit status of a life that found its journal in use."""
TAKEN_OVER = 4
"""The exit status of a life whose journal was taken over by another one."""


def start(life: dict[str, Any]) -> int:
    """Fork a life; return its process id."""
    pid = os.fork()
    if pid == 0:
        try:
            live(life)
        except BaseException as error:
            if isinstance(error, JournalError) and error.in_use:
                os._exit(IN_USE)
            if isinstance(error, JournalError) and "was taken over" in str(error):
                os._exit(TAKEN_OVER)
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid


def main() -> None:
    for line in sys.stdin:
        told = json.loads(line)
        due: list[tuple[float, dict[str, Any]]] = sorted(told["lives"], key=itemgetter(0))
        began = time.monotonic()
        alive: list[int] = []
        signals: list[tuple[float, int, int]] = []
        statuses: list[int] = []
        while (due or alive) and time.monotonic() < began + told["seconds"]:
            while due and time.monotonic() >= began + due[0][0]:
                at, life = due.pop(0)
                alive.append(start(life))
                if "pause" in life:  # how long after its start, and for how long
                    stops, lasts = life["pause"]
                    signals.append((at + stops, signal.SIGSTOP, alive[-1]))
                    signals.append((at + stops + lasts, signal.SIGCONT, alive[-1]))
            for sent in [each for each in signals if time.monotonic() >= began + each[0]]:
                signals.remove(sent)
                if sent[2] in alive:
                    os.kill(sent[2], sent[1])
            for pid in list(alive):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    alive.remove(pid)
                    statuses.append(status)
            time.sleep(0.001)
        for pid in alive:
            os.kill(pid, signal.SIGKILL)
            statuses.append(os.waitpid(pid, 0)[1])
        print(json.dumps([os.waitstatus_to_exitcode(status) for status in statuses]), flush=True)


def warm_up() -> None:
    """Import what is imported when it is first used."""
    import importlib.util

    for module in (
        "asyncio",
        "sqlite3",
        "anyio._backends._asyncio",
        "runpod_sdk.journal",
        "runpod_sdk._flows.many.journaled_map",
        "runpod_sdk._io.task_runner",
        "runpod_sdk._io.loop_thread",
        "runpod_sdk._sync.results",
        "runpod_sdk._async.results",
    ):
        importlib.import_module(module)
    if importlib.util.find_spec("psycopg") is not None:
        importlib.import_module("runpod_sdk.journal_postgres")._psycopg()


if __name__ == "__main__":
    warm_up()
    main()
