"""One client goes through the script; what its user sees, and what was on the wire, is kept."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin

import httpx
from attrs import Factory, define

from runpod_sdk import Endpoint, NotFoundError, Runpod

from . import script
from .recorder import Exchange, Recorder
from .script import ENDLESS, SCRIPT, Fault, Retry, Step, Trouble, Until

HERE = Path(__file__).parent
PATIENCE = 45.0
"""Seconds after which a step that has not ended is taken for hanging."""
ROUNDS = 3
"""So many more times has a client to ask for what it knows before that is called endless."""


def command(client: str) -> list[str]:
    """Give the command line of the driver of *client*."""
    official = os.environ["RUNPOD_OFFICIAL_PYTHON"]
    drivers = HERE / "drivers"
    return {
        script.SYNC: [official, str(drivers / "official_sync.py")],
        script.ASYNCIO: [official, str(drivers / "official_async.py")],
        script.JS: [
            os.environ["RUNPOD_OFFICIAL_NODE"],
            str(HERE / "js/driver.mjs"),
            os.environ["RUNPOD_OFFICIAL_JS"],
        ],
        script.OURS: [sys.executable, str(drivers / "ours_sync.py")],
        script.OURS_ASYNC: [sys.executable, str(drivers / "ours_async.py")],
    }[client]


@define
class Entry:
    """A step that was taken: what was seen, what was on the wire, what the server says then."""

    step: Step
    seen: Any
    exchanges: list[Exchange]
    view: Any


@define
class Transcript:
    """What became of the script with one client; *ended* says why it stopped short of its end."""

    entries: dict[str, Entry] = Factory(dict)
    ended: str = ""
    exchanges: list[Exchange] = Factory(list)


class Driver:
    """The process of a driver."""

    def __init__(self, client: str, environment: Mapping[str, str], errors: Path) -> None:
        self._errors = errors
        with errors.open("wb") as sink:
            self._process = subprocess.Popen(
                command(client),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                env={"PATH": os.environ["PATH"], "PYTHONUTF8": "1", **environment},
            )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was not yet sent can't be
                pipe.close()  # type: ignore[union-attr]

    def tell(self, step: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # that it is gone is seen when it says nothing
            self._process.stdin.write(json.dumps(step).encode() + b"\n")
            self._process.stdin.flush()

    def said(self, patience: float) -> dict[str, Any]:
        """
        Give what it says next, and what its client has printed before.

        Raises:
            TimeoutError: It says nothing.
            EOFError: It never will; the argument is what it wrote to its standard error.
        """
        printed = ""
        deadline = time.monotonic() + patience
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"nothing was said in {patience} s") from None
            if not line:
                raise EOFError(self._errors.read_text())
            if line.startswith(b'{"seen":'):
                seen: dict[str, Any] = json.loads(line)["seen"]
                return {**seen, "printed": printed} if printed else seen
            printed += line.decode().rstrip()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")


def play(client: str, where: Mapping[str, str], scratch: Path) -> Transcript:
    """Let *client* go through the script, at the endpoint that is *where* the server says."""
    transcript = Transcript()
    with Recorder(where["url"]) as recorder, Runpod(where["key"], base_url=where["url"]) as sdk:
        transcript.exchanges = recorder.exchanges
        environment = {
            "RUNPOD_ENDPOINT_BASE_URL": recorder.url,
            "RUNPOD_API_KEY": where["key"],
            "ENDPOINT_ID": where["id"],
            "HOME": str(scratch),  # no configuration of whoever runs this
        }
        with Driver(client, environment, scratch / f"{client}.errors") as driver:
            _Play(client, driver, recorder, sdk.endpoint(where["id"]), where, transcript).through()
    return transcript


class _Play:
    def __init__(
        self,
        client: str,
        driver: Driver,
        recorder: Recorder,
        endpoint: Endpoint,
        where: Mapping[str, str],
        transcript: Transcript,
    ) -> None:
        self._client = client
        self._driver = driver
        self._recorder = recorder
        self._endpoint = endpoint
        self._where = where
        self._transcript = transcript
        self._jobs: dict[str, str] = {}

    def through(self) -> None:
        for item in SCRIPT:
            try:
                if isinstance(item, Until):
                    self._wait(item)
                elif isinstance(item, Retry):
                    self._endpoint.retry(self._jobs[item.job])
                elif isinstance(item, Trouble):
                    self._order(item)
                elif self._client in item.seen:
                    self._take(item)
            except (TimeoutError, EOFError, KeyError) as error:
                self._transcript.ended = f"at {item}: {type(error).__name__}: {error}"
                return

    def _take(self, step: Step) -> None:
        before = len(self._recorder.exchanges)
        arguments = {
            key: given.format(endpoint=self._endpoint.id) if isinstance(given, str) else given
            for key, given in step.arguments.items()
        }
        self._driver.tell({"do": step.do, **arguments})
        expected = step.seen[self._client]
        if isinstance(expected, Fault) and expected.seen == ENDLESS:
            seen = self._endless(before)
        else:
            seen = self._driver.said(PATIENCE)
        job = step.arguments.get("job")
        if job is not None and step.do in ("run", "run_request") and "value" in seen:
            self._jobs[job] = seen["value"]
        self._transcript.entries[step.name] = Entry(
            step, seen, self._recorder.exchanges[before:], self._view(job)
        )

    def _endless(self, before: int) -> dict[str, Any]:
        if not self._recorder.wait_for(before + ROUNDS, patience=PATIENCE):
            return self._driver.said(PATIENCE)
        try:
            return self._driver.said(0)
        except TimeoutError:
            return ENDLESS

    def _view(self, job: str | None) -> Any:
        if job not in self._jobs:
            return None
        try:
            return self._endpoint.status(self._jobs[job]).to_dict()
        except NotFoundError:
            return None

    def _order(self, trouble: Trouble) -> None:
        httpx.post(
            urljoin(self._where["url"], "/local/faults"),
            json={"fault": trouble.fault, "times": 1},
            headers={"authorization": self._where["key"]},
            trust_env=False,
        ).raise_for_status()

    def _wait(self, wanted: Until) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            state = self._endpoint.status(self._jobs[wanted.job])
            if state.status == wanted.status and wanted.progress == state.progress:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{wanted} did not come, but {state}")
            time.sleep(0.02)
