"""How one thing is measured once: a client in a process of its own, and what it printed."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
OURS = ("ours, sync", "ours, plain, sync", "ours", "ours, plain", "ours, aiohttp")
HERE = (*OURS, "httpx, sync", "httpx", "aiohttp")
OFFICIAL = ("official, sync", "official")
JAVASCRIPT = "official, JavaScript"

IMPORTS = {
    "bare": "pass",
    "ours": "import runpod_sdk",
    "httpx": "import httpx",
    "official": "import runpod",
}
FIRST_CLIENTS = {
    "httpx, sync": "import httpx; httpx.Client()",
    "httpx": "import httpx; httpx.AsyncClient()",
    "ours, sync": "import runpod_sdk; runpod_sdk.Runpod('key-of-a-benchmark')",
    "ours": "import runpod_sdk; runpod_sdk.AsyncRunpod('key-of-a-benchmark')",
}

Measured = dict[str, Any]


class Reference:
    """The reference server, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        self.base_url = f"{self._url}/v2"

    def counts(self) -> dict[str, int]:
        """Tell the connections and requests since the last time; this one's is not among them."""
        with urlopen(f"{self._url}/counts") as answer:
            counts: dict[str, int] = json.load(answer)
        return {**counts, "connections": counts["connections"] - 1}


@contextmanager
def reference() -> Iterator[Reference]:
    """Run the reference server."""
    command = [sys.executable, "-m", "benchmarks.reference"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield Reference(process)
        finally:
            process.kill()


def measure(client: str, scenario: str, server: Reference, *numbers: int) -> Measured:
    """Let *client* run a scenario of the course."""
    arguments = [server.base_url, *map(str, numbers)]
    server.counts()
    if client in HERE:
        command = [sys.executable, "-m", "benchmarks.clients.ours", client, scenario, *arguments]
    elif client in OFFICIAL:
        script = str(ROOT / "benchmarks/clients/official.py")
        command = [os.environ["RUNPOD_OFFICIAL_PYTHON"], script, client, scenario, *arguments]
    else:
        script = str(ROOT / "benchmarks/clients/official.mjs")
        command = [os.environ["RUNPOD_OFFICIAL_NODE"], script, scenario, *arguments]
    return {**_output(command), **server.counts()}


def map_jobs(server: Reference, inputs: int, concurrency: int, *, journal: bool) -> Measured:
    """Map inputs to jobs, with a journal or without."""
    numbers = [str(inputs), str(concurrency), *(["journal"] if journal else [])]
    mapping = [sys.executable, "-m", "benchmarks.clients.mapping"]
    return _output([*mapping, "jobs", server.base_url, *numbers])


def flight(mode: str, server: Reference, inputs: int, at_once: int, milliseconds: int) -> Measured:
    """Map inputs to jobs, so many in flight."""
    numbers = [server.base_url, *map(str, (inputs, at_once, milliseconds))]
    return _output([sys.executable, "-m", "benchmarks.clients.mapping", "flight", mode, *numbers])


def map_memory(inputs: int) -> Measured:
    """Map inputs to nothing."""
    return _output([sys.executable, "-m", "benchmarks.clients.mapping", "memory", str(inputs)])


def local_jobs(kept: int) -> Measured:
    """Run jobs on a local endpoint until it keeps so many."""
    return _output([sys.executable, "-m", "benchmarks.clients.local", str(kept)])


def start(code: str, python: str = sys.executable) -> Measured:
    """Start Python for *code*, and nothing else; of five starts, the fastest."""
    best: Measured = {}
    for _ in range(5):
        before, began = _children(), time.perf_counter()
        subprocess.run([python, "-c", code], check=True, cwd=ROOT)
        wall, cpu = time.perf_counter() - began, _children() - before
        best = {
            "wall": min(wall, best.get("wall", wall)),
            "cpu": min(cpu, best.get("cpu", cpu)),
        }
    return best


def first_result(client: str, server: Reference) -> Measured:
    """From the start of a process to its first result in hand, and its end."""
    before, began = _children(), time.perf_counter()
    measure(client, "status", server, 0)
    return {"wall": time.perf_counter() - began, "cpu": _children() - before}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _output(command: list[str]) -> Measured:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr}")
    measured: Measured = json.loads(done.stdout.splitlines()[-1])
    return measured
