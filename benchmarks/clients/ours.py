"""Clients that live in the environment of this package: ours, plain httpx and aiohttp."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Any

from benchmarks.clients.scenario import KEY, run

HEADERS = {"authorization": f"Bearer {KEY}"}


class OursSync:
    """`Runpod`."""

    def __init__(self, base_url: str) -> None:
        from runpod_sdk import Runpod

        self._client = Runpod(KEY, base_url=base_url, rate_limits=False)
        self._endpoint = self._client.endpoint("ep")

    def open(self) -> None: ...

    def close(self) -> None:
        self._client.close()

    def run(self, seconds: float, **told: Any) -> str:
        return self._endpoint.run(input={"seconds": seconds, **told}).id

    def status(self, id: str) -> Any:
        return self._endpoint.status(id)

    def result(self, id: str) -> Any:
        return self._endpoint.job(id).output()

    async def chunks(self, id: str) -> AsyncIterator[Any]:
        for chunk in self._endpoint.stream(id):
            yield chunk.output


class Ours:
    """`AsyncRunpod`."""

    transport: Any = "anyio"

    def __init__(self, base_url: str) -> None:
        from runpod_sdk import AsyncRunpod

        self._client = AsyncRunpod(
            KEY, base_url=base_url, rate_limits=False, transport=self.transport
        )
        self._endpoint = self._client.endpoint("ep")

    def open(self) -> None: ...

    async def close(self) -> None:
        await self._client.aclose()

    async def run(self, seconds: float, **told: Any) -> str:
        return (await self._endpoint.run(input={"seconds": seconds, **told})).id

    async def status(self, id: str) -> Any:
        return await self._endpoint.status(id)

    async def result(self, id: str) -> Any:
        return await self._endpoint.job(id).output()

    async def chunks(self, id: str) -> AsyncIterator[Any]:
        async for chunk in self._endpoint.stream(id):
            yield chunk.output


class OursAiohttp(Ours):
    """`AsyncRunpod(transport="aiohttp")`."""

    transport = "aiohttp"


def leave_out_extras() -> None:
    """Let the client not find the package of the extra `fast`."""
    sys.modules["msgspec"] = None  # type: ignore[assignment]


class PlainSync(OursSync):
    """`Runpod`, without extras."""

    def __init__(self, base_url: str) -> None:
        leave_out_extras()
        super().__init__(base_url)


class Plain(Ours):
    """`AsyncRunpod`, without extras."""

    def __init__(self, base_url: str) -> None:
        leave_out_extras()
        super().__init__(base_url)


class HttpxSync:
    """`httpx.Client` as it comes, and an ideal long poll."""

    def __init__(self, base_url: str) -> None:
        import httpx

        self._url = f"{base_url}/ep"
        self._client = httpx.Client(headers=HEADERS, timeout=None)

    def open(self) -> None: ...

    def close(self) -> None:
        self._client.close()

    def run(self, seconds: float, **told: Any) -> str:
        body = {"input": {"seconds": seconds, **told}}
        return str(self._client.post(f"{self._url}/run", json=body).json()["id"])

    def status(self, id: str) -> Any:
        return self._client.get(f"{self._url}/status/{id}").json()

    def result(self, id: str) -> Any:
        answer = self._client.get(f"{self._url}/status-sync/{id}", params={"wait": 30_000})
        return answer.json()["output"]

    async def chunks(self, id: str) -> AsyncIterator[Any]:
        while True:
            body = self._client.get(f"{self._url}/stream/{id}", params={"wait": 30_000}).json()
            for chunk in body["stream"]:
                yield chunk["output"]
            if not body["stream"]:
                return


class Httpx:
    """`httpx.AsyncClient` as it comes, and an ideal long poll."""

    def __init__(self, base_url: str) -> None:
        import httpx

        self._url = f"{base_url}/ep"
        self._client = httpx.AsyncClient(headers=HEADERS, timeout=None)

    def open(self) -> None: ...

    async def close(self) -> None:
        await self._client.aclose()

    async def run(self, seconds: float, **told: Any) -> str:
        body = {"input": {"seconds": seconds, **told}}
        return str((await self._client.post(f"{self._url}/run", json=body)).json()["id"])

    async def status(self, id: str) -> Any:
        return (await self._client.get(f"{self._url}/status/{id}")).json()

    async def result(self, id: str) -> Any:
        url = f"{self._url}/status-sync/{id}"
        return (await self._client.get(url, params={"wait": 30_000})).json()["output"]

    async def chunks(self, id: str) -> AsyncIterator[Any]:
        while True:
            url = f"{self._url}/stream/{id}"
            body = (await self._client.get(url, params={"wait": 30_000})).json()
            for chunk in body["stream"]:
                yield chunk["output"]
            if not body["stream"]:
                return


class Aiohttp:
    """`aiohttp.ClientSession` without a limit of connections, and an ideal long poll."""

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url}/ep"

    async def open(self) -> None:
        import aiohttp

        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(headers=HEADERS, connector=connector)

    async def close(self) -> None:
        await self._session.close()

    async def run(self, seconds: float, **told: Any) -> str:
        body = {"input": {"seconds": seconds, **told}}
        async with self._session.post(f"{self._url}/run", json=body) as response:
            return str((await response.json())["id"])

    async def status(self, id: str) -> Any:
        async with self._session.get(f"{self._url}/status/{id}") as response:
            return await response.json()

    async def result(self, id: str) -> Any:
        async with self._session.get(f"{self._url}/status-sync/{id}?wait=30000") as response:
            return (await response.json())["output"]

    async def chunks(self, id: str) -> AsyncIterator[Any]:
        while True:
            async with self._session.get(f"{self._url}/stream/{id}?wait=30000") as response:
                body = await response.json()
            for chunk in body["stream"]:
                yield chunk["output"]
            if not body["stream"]:
                return


CLIENTS = {
    "ours, sync": OursSync,
    "ours": Ours,
    "ours, aiohttp": OursAiohttp,
    "ours, plain, sync": PlainSync,
    "ours, plain": Plain,
    "httpx, sync": HttpxSync,
    "httpx": Httpx,
    "aiohttp": Aiohttp,
}

if __name__ == "__main__":
    run(CLIENTS)
