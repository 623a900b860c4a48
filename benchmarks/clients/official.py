"""RunPod's own Python package, sync and async. Run in an environment that has it."""

from __future__ import annotations

from typing import Any

import runpod
from runpod.http_client import AsyncClientSession
from scenario import KEY, run


class OfficialSync:
    """`runpod.Endpoint`."""

    def __init__(self, base_url: str) -> None:
        runpod.api_key, runpod.endpoint_url_base = KEY, base_url
        self._endpoint = runpod.Endpoint("ep")
        self._jobs: dict[str, Any] = {}

    def open(self) -> None: ...

    def close(self) -> None: ...

    def run(self, seconds: float, **told: Any) -> str:
        job = self._endpoint.run({"input": {"seconds": seconds, **told}})
        self._jobs[job.job_id] = job
        return str(job.job_id)

    def status(self, id: str) -> Any:
        return self._jobs[id]._fetch_job()  # `status` asks once, and not again

    def result(self, id: str) -> Any:
        return self._jobs.pop(id).output(timeout=60)

    async def chunks(self, id: str) -> Any:
        for output in self._jobs.pop(id).stream():
            yield output


class Official:
    """`runpod.AsyncioEndpoint`."""

    def __init__(self, base_url: str) -> None:
        runpod.api_key, runpod.endpoint_url_base = KEY, base_url
        self._jobs: dict[str, Any] = {}

    async def open(self) -> None:
        self._session = AsyncClientSession()
        self._endpoint = runpod.AsyncioEndpoint("ep", self._session)

    async def close(self) -> None:
        await self._session.close()

    async def run(self, seconds: float, **told: Any) -> str:
        job = await self._endpoint.run({"seconds": seconds, **told})
        self._jobs[job.job_id] = job
        return str(job.job_id)

    async def status(self, id: str) -> Any:
        return await self._jobs[id]._fetch_job()

    async def result(self, id: str) -> Any:
        return await self._jobs.pop(id).output(timeout=60)

    async def chunks(self, id: str) -> Any:
        async for output in self._jobs.pop(id).stream():
            yield output


if __name__ == "__main__":
    run({"official, sync": OfficialSync, "official": Official})
