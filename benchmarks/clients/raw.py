"""The least that jobs in flight cost under asyncio: a raw connection for each, and no checks."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from benchmarks.clients.scenario import KEY

HEADERS = f"authorization: Bearer {KEY}\r\naccept: application/json\r\n"


class Connection(asyncio.Protocol):
    """A connection of the reference server, whose answers come in one piece."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._answer.set_result(json.loads(data.partition(b"\r\n\r\n")[2]))

    async def ask(self, method: str, path: str, host: str, body: bytes = b"") -> Any:
        self._answer = asyncio.get_running_loop().create_future()
        head = f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n{HEADERS}"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        return await self._answer


async def take(base_url: str, number: int, seconds: float, at_once: int) -> None:
    """Run so many jobs, which take so many seconds, and so many of them at once."""
    url = urlsplit(base_url)
    loop, left, idle = asyncio.get_running_loop(), iter(range(number)), list[Connection]()

    async def work() -> None:
        for n in left:
            if idle:
                connection = idle.pop()
            else:
                _, connection = await loop.create_connection(Connection, url.hostname, url.port)
            body = json.dumps({"input": {"seconds": seconds, "n": n}}).encode()
            job = await connection.ask("POST", f"{url.path}/ep/run", url.netloc, body)
            path = f"{url.path}/ep/status-sync/{job['id']}?wait=30000"
            ended = await connection.ask("GET", path, url.netloc)
            assert ended["output"]
            idle.append(connection)

    await asyncio.gather(*[work() for _ in range(at_once)])
    for connection in idle:
        connection.transport.abort()
