"""
A `map` under faults of every kind, for as long as it takes, and what it cost.

    scripts/soak                       10,000 inputs each: sync, ordered and async
    scripts/soak --inputs 300          for a few seconds
    scripts/soak --kills 200           also kill processes that map with a journal

A local endpoint runs the jobs and counts them by their inputs. Between it and the client is a
server that applies faults to a share of the requests: it refuses them, loses requests or
responses, responds with errors, late, byte by byte, or with another job's state, and cuts
uploads. At the end, the number of jobs must match the inputs that were certainly submitted, each
input must have one result, and memory and descriptors must be as at the start.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import attrs

from runpod_sdk import (
    APIResponseValidationError,
    APIStatusError,
    AsyncRunpod,
    MapResult,
    Runpod,
    SubmissionUncertainError,
)
from runpod_sdk.local import LocalEndpoint

SHARE = 0.12
"""The fraction of requests with a fault."""
CONCURRENCY = 100
PATIENCE = 60.0
"""The client's timeout, in seconds."""
LARGE = 64 * 1024
"""The size of some inputs in bytes, so that uploads can be cut."""

Peer = socket.socket


class Refuser:
    """
    Proxies a server, and applies faults to some requests.

    Each connection is served by a thread, request by request; a fault ends its connection
    unless the fault is a complete response.
    """

    def __init__(self, port: int, seed: int) -> None:
        self.faults: Counter[str] = Counter()
        self.requests = 0
        self._port = port
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v2"

    def __enter__(self) -> Refuser:
        self._accepting.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: Peer) -> None:
        with suppress(OSError, EOFError), client:
            server = socket.create_connection(("127.0.0.1", self._port))
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with server:
                while self._exchange(client, server):
                    pass

    def _exchange(self, client: Peer, server: Peer) -> bool:
        """Handle one request; return whether to keep the connection."""
        head, rest = read_head(client)
        length = length_of(head)
        operation = head.split(b" ", 2)[1].split(b"?")[0].split(b"/")[3].decode()
        fault = self._fault(operation, length)
        if fault == "cut upload":
            reset(client)
            return False
        body = rest + read(client, length - len(rest))
        if fault == "lost request":
            return False
        if fault in REFUSALS:
            client.sendall(response(*REFUSALS[fault]))
            return True
        server.sendall(head + body)
        head, rest = read_head(server)
        answer = rest + read(server, length_of(head) - len(rest))
        if fault == "lost response":
            reset(client)
            return False
        if fault in LATE:
            client.sendall(response(*LATE[fault]))
            return True
        if fault == "half a response":
            client.sendall(head + answer[:-3])
            return False
        if fault == "slow response":
            for start in range(0, len(answer), 40):
                client.sendall((head if start == 0 else b"") + answer[start : start + 40])
                time.sleep(0.002)
            return True
        if fault == "another job's response":
            client.sendall(response(200, {"id": "another-job", "status": "COMPLETED"}))
            return True
        if fault == "held response cut":
            client.sendall(response(504, "<html>gateway time-out"))
            return False
        client.sendall(head + answer)
        return fault != "closed connection"

    def _fault(self, operation: str, length: int) -> str | None:
        with self._lock:
            self.requests += 1
            if self._random.random() >= SHARE:
                return None
            fault = self._random.choice(FAULTS)
            if fault == "cut upload" and length < LARGE:
                fault = "429"
            if operation == "run" and fault in ("another job's response", "held response cut"):
                fault = "503"  # for requests about a job
            self.faults[fault] += 1
            return fault


REFUSALS: dict[str, tuple[int, object]] = {
    "429": (429, {"status": 429, "title": "Too Many Requests"}),
    "503": (503, {"status": 503, "title": "Service Unavailable"}),
    "500": (500, {"error": "oops"}),
    "524": (524, "<html>a timeout occurred"),
    "408": (408, {"status": 408, "title": "Request Timeout"}),
}
"""Responses to requests that are not forwarded."""
LATE: dict[str, tuple[int, object]] = {
    "502 in place of a response": (502, "<html>bad gateway"),
    "a page in place of a response": (200, "<html>welcome"),
}
"""Responses that replace the server's."""
FAULTS = [
    *("cut upload", "lost request", "lost response", "half a response", "slow response"),
    *("another job's response", "held response cut", "closed connection", *REFUSALS, *LATE),
]


def response(status: int, body: object) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    head = f"HTTP/1.1 {status} Said\r\ncontent-length: {len(text)}\r\n\r\n"
    return (head + text).encode()


def read_head(peer: Peer) -> tuple[bytes, bytes]:
    """Read up to the end of a head; return it, and the data after it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(peer, 65_536)
    head, end, rest = data.partition(b"\r\n\r\n")
    return head + end, rest


def read(peer: Peer, length: int) -> bytes:
    data = b""
    while len(data) < length:
        data += receive(peer, min(length - len(data), 2**20))
    return data


def receive(peer: Peer, most: int) -> bytes:
    data = peer.recv(most)
    if not data:
        raise EOFError
    return data


def length_of(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def reset(peer: Peer) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@attrs.define
class Figures:
    """The outcome of one `map`."""

    name: str
    inputs: int
    results: int = 0
    uncertain: int = 0
    refused: int = 0
    """Inputs whose submission received 408, so that there is no job."""
    unread: int = 0
    """Inputs whose job had an invalid response: an HTML page, or another job's state."""
    failed: int = 0
    """Inputs whose result is another error."""
    jobs: int = 0
    """Inputs with a job."""
    twice: int = 0
    """Inputs with more than one job."""
    lost: int = 0
    """Inputs whose result is wrong about whether a job exists."""
    requests: int = 0
    faults: int = 0
    seconds: float = 0.0
    memory: list[int] = attrs.Factory(list)
    """Memory use in bytes during the `map`, after its first tenth."""
    descriptors: list[int] = attrs.Factory(list)

    @property
    def growth(self) -> float:
        """The growth of memory use from a fifth of the inputs to the end, in bytes."""
        return self.memory[-1] - self.memory[len(self.memory) // 5] if self.memory else 0

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.inputs} inputs in {self.seconds:.0f} s, {self.results} results"
            f" ({self.uncertain} uncertain, {self.refused} refused, {self.unread} unreadable,"
            f" {self.failed} other errors), {self.jobs} jobs, {self.twice} submitted twice,"
            f" {self.lost} lost; {self.faults} of {self.requests} requests had a fault;"
            f" memory {self.memory[0] / 1e6:.0f} to {max(self.memory) / 1e6:.0f} MB,"
            f" {self.growth / 1e6:+.1f} MB after the first fifth; descriptors"
            f" {self.descriptors[0]}, at most {max(self.descriptors)},"
            f" {self.descriptors[-1]} at the end"
        )

    def check(self) -> None:
        """Raise AssertionError if a requirement is not met."""
        assert self.results == self.inputs, "each input has one result"
        assert self.twice == 0, "no job is submitted twice"
        assert self.lost == 0, "a result tells the truth about its job"
        assert self.failed == 0, "what may be sent again succeeds in the end"
        assert self.growth < 16e6, "memory is flat"
        assert self.descriptors[-1] <= self.descriptors[0], "descriptors are closed"


def serve(pipe: Connection, seed: int) -> None:
    """Run an endpoint behind a `Refuser` until the stop signal; send their counts."""
    jobs: Counter[int] = Counter()

    def handler(job: dict[str, Any]) -> int:
        number: int = job["input"]["number"]
        jobs[number] += 1
        return number

    with LocalEndpoint(handler, workers=8) as local:
        with Refuser(urlsplit(local.base_url).port or 0, seed) as refuser:
            pipe.send((refuser.base_url, local.endpoint_id, local.api_key))
            pipe.recv()
        pipe.send((jobs, refuser.requests, refuser.faults.total()))


def soak(name: str, inputs: int, seed: int) -> Figures:
    """
    Map *inputs* with the client *name*: `sync`, `ordered` or `async`.

    The server has a separate process, so that memory and descriptors are the client's.
    """

    def given() -> Iterator[dict[str, Any]]:
        for number in range(inputs):
            yield {"number": number, "text": "x" * LARGE if number % 10 == 0 else ""}

    figures = Figures(name, inputs)
    seen: Counter[int] = Counter()
    uncertain: set[int] = set()
    without: set[int] = set()

    def take(result: MapResult[Any]) -> None:
        seen[result.index] += 1
        error = result.error
        if isinstance(error, SubmissionUncertainError):
            uncertain.add(result.index)
        elif isinstance(error, APIStatusError) and error.status_code == 408:
            figures.refused += 1
            without.add(result.index)
        elif isinstance(error, APIResponseValidationError):
            figures.unread += 1
        elif error is not None:
            figures.failed += 1
            if error.job is None:
                without.add(result.index)
            print(f"input {result.index}: {error!r}", file=sys.stderr)
        else:
            assert result.output == result.index
        if len(seen) % max(1, inputs // 20) == 0:
            figures.memory.append(memory())
            figures.descriptors.append(descriptors())

    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there, seed))
    server.start()
    base_url, endpoint, key = here.recv()
    options = {"base_url": base_url, "api_key": key, "max_retries": 8, "rate_limits": False}
    figures.descriptors.append(descriptors())
    began = time.monotonic()
    RUNS[name](options | {"timeout": PATIENCE}, endpoint, given(), take, figures)
    figures.seconds = time.monotonic() - began
    figures.descriptors.append(descriptors())
    here.send("stop")
    jobs, figures.requests, figures.faults = here.recv()
    server.join()
    here.close()
    there.close()
    figures.results = seen.total()
    figures.uncertain = len(uncertain)
    figures.jobs = len(jobs)
    figures.twice = sum(count > 1 for count in jobs.values())
    silent = uncertain | without
    figures.lost = sum(number in without for number in jobs) + sum(
        number not in jobs for number in range(inputs) if number not in silent
    )
    return figures


Take = Callable[[MapResult[Any]], None]


def sync_map(
    options: Any, endpoint: str, given: Iterable[Any], take: Take, figures: Figures
) -> None:
    run_sync_map(options, endpoint, given, take, figures, ordered=False)


def ordered_map(
    options: Any, endpoint: str, given: Iterable[Any], take: Take, figures: Figures
) -> None:
    run_sync_map(options, endpoint, given, take, figures, ordered=True)


def run_sync_map(
    options: Any,
    endpoint: str,
    given: Iterable[Any],
    take: Take,
    figures: Figures,
    *,
    ordered: bool,
) -> None:
    with Runpod(**options) as client:
        results = client.endpoint(endpoint).map(given, concurrency=CONCURRENCY, ordered=ordered)
        for result in results:
            take(result)
        figures.descriptors.append(descriptors())


def async_map(
    options: Any, endpoint: str, given: Iterable[Any], take: Take, figures: Figures
) -> None:
    async def main() -> None:
        async with AsyncRunpod(**options) as client:
            results = client.endpoint(endpoint).map(given, concurrency=CONCURRENCY, ordered=False)
            async for result in results:
                take(result)
            figures.descriptors.append(descriptors())

    anyio.run(main)


RUNS = {"sync": sync_map, "ordered": ordered_map, "async": async_map}


def memory() -> int:
    """Return this process's memory use in bytes; the maximum, if the current use is unknown."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def descriptors() -> int:
    """Return the number of open descriptors."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return len(os.listdir(folder))
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description="Map inputs under faults of every kind.")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--kills", type=int, default=0, help="SIGKILLs of maps with a journal")
    parser.add_argument("runs", nargs="*", default=[*RUNS], help=", ".join(RUNS))
    given = parser.parse_args()
    print(f"seed {given.seed}, {len(FAULTS)} kinds of faults, {SHARE:.0%} of requests")
    for name in given.runs:
        figures = soak(name, given.inputs, given.seed)
        print(figures, flush=True)
        figures.check()
    if given.kills:
        from tests.map.kills import soak as kill

        with tempfile.TemporaryDirectory() as folder:
            print(kill(Path(folder), given.kills))


if __name__ == "__main__":
    main()
