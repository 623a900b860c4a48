"""
Measure the local endpoint, so that it is known what can be measured with it.

    scripts/benchmark [--seconds S] [--polls N] [--json FILE]

Two figures: how many status calls a second a server answers that has one core for itself,
and what it takes of memory to hold many long polls at once. The server is a process of its
own, on a core of its own; the load comes from this one, on another. On Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import asdict, frozen

from runpod_sdk.local import LocalEndpoint

CONNECTIONS = 32
ROUNDS = 3
HELD = {"hold": True}


# -- the server


async def handler(job: dict[str, Any]) -> Any:
    """Return the input; run until cancelled, if it is `HELD`."""
    if job["input"] == HELD:
        await asyncio.Event().wait()
    return job["input"]


def serve(core: int) -> None:
    """Serve on one core, print where, and go on until standard input is closed."""
    os.sched_setaffinity(0, {core})
    with LocalEndpoint(handler) as local:
        where = {"url": local.base_url, "id": local.endpoint_id, "key": local.api_key}
        print(json.dumps(where), flush=True)
        sys.stdin.read()


@frozen
class Server:
    """A server in a process of its own."""

    pid: int
    url: str
    id: str
    key: str

    @property
    def rss(self) -> int:
        """What it has of memory now, in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    @property
    def busy(self) -> float:
        """The time of its core that it has used, in seconds."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def request(self, verb: str, path: str, body: Any = None) -> bytes:
        """Make the text of a request."""
        content = b"" if body is None else json.dumps(body).encode()
        where = urlsplit(self.url)
        head = (
            f"{verb} {where.path}/{self.id}/{path} HTTP/1.1\r\nhost: {where.netloc}\r\n"
            f"authorization: Bearer {self.key}\r\ncontent-length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content

    @property
    def address(self) -> tuple[str, int]:
        where = urlsplit(self.url)
        assert where.hostname is not None
        assert where.port is not None
        return where.hostname, where.port

    async def connect(self) -> Connection:
        return Connection(*await asyncio.open_connection(*self.address))


@contextmanager
def started(core: int) -> Iterator[Server]:
    """Start a server on *core*, and end it."""
    command = [sys.executable, __file__, "--serve", str(core)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield Server(pid=process.pid, **json.loads(process.stdout.readline()))
        process.stdin.close()


# -- the load: as little as possible between the figures and the server


class Connection:
    """A connection on which one request follows the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> Any:
        """Send a request and give its answer, which has to be 200."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise AssertionError(head.decode())
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return json.loads(await self._reader.readexactly(length))

    async def silent(self) -> None:
        """Raise if anything comes that was not asked for."""
        try:
            async with asyncio.timeout(0):
                rest = await self._reader.read(1)
        except TimeoutError:
            return
        raise AssertionError(f"more than one answer: {rest!r}")

    def close(self) -> None:
        self._writer.close()


class Asking(asyncio.Protocol):
    """Ask the same on and on, and count. All answers are as long as the first."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._length = self._got = self.count = 0
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._got and not data.startswith(b"HTTP/1.1 200 "):
            raise AssertionError(data.decode())
        if not self._length:
            head, end, _ = data.partition(b"\r\n\r\n")
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self._length = len(head) + len(end) + length
        self._got += len(data)
        if self._got >= self._length:
            assert self._got == self._length
            self._got = 0
            self.count += 1
            self._transport.write(self._request)


@frozen
class StatusCalls:
    """
    Calls of /status, of a finished job, in each round.

    *per_second* is what the clock says; *per_busy_second* what the server answers in a second
    of its core, which is the same on a machine that does nothing else.
    """

    connections: int
    seconds: float
    per_second: list[int]
    per_busy_second: list[int]


async def status_calls(server: Server, *, seconds: float) -> StatusCalls:
    """Count the status calls that *server* answers, in some rounds after a short one."""
    loop = asyncio.get_running_loop()
    first = await server.connect()
    job = await first.ask(server.request("POST", "runsync", {"input": "done"}))
    request = server.request("GET", f"status/{job['id']}")
    made = [
        await loop.create_connection(lambda: Asking(request), *server.address)
        for _ in range(CONNECTIONS)
    ]

    async def rates(length: float) -> tuple[int, int]:
        count, begin, busy = sum(each.count for _, each in made), time.perf_counter(), server.busy
        await asyncio.sleep(length)
        count = sum(each.count for _, each in made) - count
        took = time.perf_counter() - begin
        busy = max(server.busy - busy, 1 / os.sysconf("SC_CLK_TCK"))  # it is counted in such
        return round(count / took), round(count / busy)

    await rates(min(1.0, seconds))
    rounds = [await rates(seconds) for _ in range(ROUNDS)]
    for transport, _ in made:
        transport.close()
    first.close()
    return StatusCalls(CONNECTIONS, seconds, *(list(each) for each in zip(*rounds, strict=True)))


@frozen
class HeldPolls:
    """Long polls at once, each of a job of its own, and the server's memory in MiB."""

    held: int
    answered: int
    rss_before: float
    rss_held: float
    rss_after: float


async def held_polls(server: Server, *, count: int) -> HeldPolls:
    """
    Let *count* long polls wait at once, then let their jobs run, and count the answers.

    Raises:
        AssertionError: One was answered early, twice, or with another job's result.
    """
    before = server.rss
    control = await server.connect()
    holding = (await control.ask(server.request("POST", "run", {"input": HELD})))["id"]
    ids = [
        (await control.ask(server.request("POST", "run", {"input": number})))["id"]
        for number in range(count)
    ]
    polls = [await server.connect() for _ in ids]
    waiting = [
        asyncio.create_task(poll.ask(server.request("GET", f"status-sync/{job_id}?wait=300000")))
        for poll, job_id in zip(polls, ids, strict=True)
    ]
    for _ in range(3):  # what was sent before the last of these has reached the server
        await control.ask(server.request("GET", "health"))
    held = server.rss
    early = sum(task.done() for task in waiting)
    assert not early, f"{early} were answered before their jobs had run"
    await control.ask(server.request("POST", f"cancel/{holding}"))
    answers = Counter(
        (answer["id"], answer["status"], answer["output"])
        for answer in await asyncio.gather(*waiting)
    )
    assert answers == {(job, "COMPLETED", number): 1 for number, job in enumerate(ids)}
    for poll in polls:
        await poll.silent()
        poll.close()
    control.close()
    after = server.rss
    return HeldPolls(count, answers.total(), *(round(n / 2**20, 1) for n in (before, held, after)))


# -- the report


def runtime(cores: Sequence[int]) -> dict[str, Any]:
    """Say on what this was measured."""
    packages = ("runpod_sdk", "uvicorn", "h11", "httptools", "uvloop")
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: _version(name) for name in packages},
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": {"server": cores[0], "load": cores[1], "of": os.cpu_count()},
        "load_average": os.getloadavg()[0],
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def two_cores() -> tuple[int, int]:
    """Choose a core for the server and one for the load; the same if there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]


def allow_connections(count: int) -> None:
    """Allow this process, and those that it starts, so many connections and some files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, count + 200)), hard))


def measure(*, seconds: float, polls: int) -> dict[str, Any]:
    """Measure both, each on a server of its own."""
    cores = two_cores()
    report = {"runtime": runtime(cores)}
    allow_connections(polls)
    os.sched_setaffinity(0, {cores[1]})
    with started(cores[0]) as server:
        report["status_calls"] = asdict(asyncio.run(status_calls(server, seconds=seconds)))
    with started(cores[0]) as server:
        report["held_polls"] = asdict(asyncio.run(held_polls(server, count=polls)))
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the local endpoint.")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each round")
    parser.add_argument("--polls", type=int, default=1_000, help="long polls at once")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--serve", type=int, metavar="CORE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve is not None:
        serve(arguments.serve)
        return
    report = measure(seconds=arguments.seconds, polls=arguments.polls)
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.json is not None:
        arguments.json.write_text(f"{text}\n")


if __name__ == "__main__":
    main()
