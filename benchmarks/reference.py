"""
The reference server: the job API, as cheaply as Python can, so that clients are measured.

    python -m benchmarks.reference

Prints its port and serves until its standard input is closed. What a job does is in its
input: `seconds` to take, `chunks` to stream at equal distances over that time, `large` to
return 20 MB. A result, and each chunk, carries the instant at which it was there, on the
clock that all processes of a machine share. `/counts` tells how many connections and
requests there were since it was asked last.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from itertools import count
from typing import Any, Final

OBJECTS: Final = 200_000
HEAD: Final = b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


def large_output() -> bytes:
    """Make 20 MB of JSON: many small objects."""
    made = [
        {"id": n, "label": f"object {n:07}", "score": n / 7, "box": [n, n + 1, n + 2, n + 3]}
        for n in range(OBJECTS)
    ]
    return json.dumps(made).encode()


class Job:
    """What a job was told to do, and when it was told."""

    def __init__(self, number: int, told: dict[str, Any], now: float) -> None:
        self.id = f"job-{number}"
        self.end = now + float(told.get("seconds", 0.0))
        self.large = bool(told.get("large"))
        chunks = told.get("chunks", 0)
        every = (self.end - now) / (chunks + 1)
        self.chunks = [now + every * (place + 1) for place in range(chunks)]
        self.given = 0


class Service:
    """The jobs, and the answers about them."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._jobs: dict[str, Job] = {}
        self._large = b""
        self.counts = {"connections": 0, "requests": 0}

    def submit(self, body: bytes, now: float) -> Job:
        job = Job(next(self._numbers), json.loads(body)["input"], now)
        self._jobs[job.id] = job
        return job

    def job(self, id: str) -> Job | None:
        return self._jobs.get(id)

    def state(self, job: Job, now: float) -> bytes:
        if now < job.end:
            return b'{"id":"%s","status":"IN_PROGRESS","delayTime":5}' % job.id.encode()
        output = self._large_output() if job.large else b'{"at":%r}' % job.end
        return (
            b'{"delayTime":5,"executionTime":20,"id":"%s","output":%s,"status":"COMPLETED",'
            b'"workerId":"w1"}' % (job.id.encode(), output)
        )

    def stream(self, job: Job, now: float) -> bytes:
        ready = [at for at in job.chunks[job.given :] if at <= now]
        job.given += len(ready)
        ended = now >= job.end
        status = "COMPLETED" if ended else "IN_PROGRESS"
        stream = [{"output": {"at": at, "n": job.chunks.index(at)}} for at in ready]
        return json.dumps({"status": status, "stream": stream}).encode()

    def news(self, job: Job) -> float:
        """Tell when there is something new to stream."""
        return job.chunks[job.given] if job.given < len(job.chunks) else job.end

    def _large_output(self) -> bytes:
        if not self._large:
            self._large = large_output()
        return self._large


class Http(asyncio.Protocol):
    """One connection: reads requests, and answers them when it is time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._service.counts["connections"] += 1
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = _length(head)
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            method, target, _ = head[: head.find(b"\r\n")].decode("ascii").split(" ")
            self._answer(method, target, body)

    def _answer(self, method: str, target: str, body: bytes) -> None:
        service, now = self._service, time.monotonic()
        path, _, query = target.partition("?")
        parts = path.strip("/").split("/")
        if parts[-1] == "counts":
            self._say(json.dumps(service.counts).encode())
            service.counts.update(connections=0, requests=0)
            return
        service.counts["requests"] += 1
        operation = parts[2]
        if method == "POST" and operation in ("run", "runsync"):
            job = service.submit(body, now)
            if operation == "run":
                self._say(b'{"id":"%s","status":"IN_QUEUE"}' % job.id.encode())
            else:
                self._hold(job, job.end, _wait(query, 90.0))
            return
        found = service.job(parts[3]) if len(parts) > 3 else None
        if found is None:
            self._say(b'{"error":"no such job"}', 404)
        elif operation == "status-sync":
            self._hold(found, found.end, _wait(query, 90.0))
        elif operation == "stream":
            wait = min(max(service.news(found) - now, 0.0), _wait(query, 10.0))
            self._loop.call_later(wait, self._stream, found)
        else:
            self._say(service.state(found, now))

    def _hold(self, job: Job, until: float, wait: float) -> None:
        left = min(until - time.monotonic(), wait)
        if left > 0:
            self._loop.call_later(left, self._state, job)
        else:
            self._state(job)

    def _state(self, job: Job) -> None:
        # A timer of asyncio may be early by the clock's resolution.
        self._say(self._service.state(job, time.monotonic() + 0.001))

    def _stream(self, job: Job) -> None:
        self._say(self._service.stream(job, time.monotonic() + 0.001))

    def _say(self, body: bytes, status: int = 200) -> None:
        if not self._transport.is_closing():
            self._transport.write(HEAD % (status, b"OK", len(body)) + body)


def _length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"\r\ncontent-length:")
    return int(lowered[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def _wait(query: str, default: float) -> float:
    name, _, value = query.partition("=")
    return int(value) / 1000 if name == "wait" else default


async def main() -> None:
    """Serve until standard input is closed."""
    service = Service()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Http(service), "127.0.0.1", 0, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
