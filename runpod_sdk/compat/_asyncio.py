"""`AsyncioEndpoint` and `AsyncioJob`, as RunPod's own package has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from runpod_sdk import AsyncRunpod
from runpod_sdk.compat._session import client_over
from runpod_sdk.compat._shared import Ended, body, documented, where

if TYPE_CHECKING:
    import aiohttp


def _connect(session: aiohttp.ClientSession, api_key: str | None) -> AsyncRunpod:
    found = [where(api_key)]
    del api_key  # which a traceback would show
    with documented():
        return AsyncRunpod(**found.pop(), http_client=client_over(session))


class AsyncioJob(Ended):
    """
    A job that was submitted.

    Args:
        endpoint_id: The endpoint that it was submitted to.
        job_id: Its id.
        session: What its requests go through; closed by who made it.
        headers: Its `Authorization` is the API key; else it is found as by `AsyncioEndpoint`.
    """

    def __init__(
        self,
        endpoint_id: str,
        job_id: str,
        session: aiohttp.ClientSession,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        key = [(headers or {}).get("Authorization", "").removeprefix("Bearer ") or None]
        del headers  # which a traceback would show
        self.endpoint_id = endpoint_id
        self.job_id = job_id
        self.session = session
        self._job = _connect(session, key.pop()).endpoint(endpoint_id).job(job_id)

    async def status(self) -> str:
        """Return the status; it is asked for, unless the job is known to have ended well."""
        with documented():
            return str(self._seen(self._kept() or await self._job.status()).status)

    async def output(self, timeout: float = 0) -> Any:
        """
        Wait until the job has ended, and return its output.

        Args:
            timeout: Seconds to wait for it, in total; 0 waits without limit.

        Raises:
            TimeoutError: The job has not ended in time.
            JobError: It ended badly; `.state.error` says why.
        """
        with documented():
            return self._result(self._kept() or await self._job.wait(timeout=timeout or None))

    async def stream(self) -> AsyncIterator[Any]:
        """Yield what the handler yields, as it comes; raises the `JobError` of a bad end."""
        with documented():
            async with self._job.stream() as chunks:
                async for chunk in chunks:
                    yield chunk.output

    async def cancel(self) -> dict[str, Any]:
        """Cancel the job, and return what the server answers, as JSON."""
        with documented():
            return (await self._job.cancel()).to_dict()


class AsyncioEndpoint:
    """
    An endpoint that jobs are sent to, under asyncio.

    Args:
        endpoint_id: Its id.
        session: What its requests go through; closed by who made it.
        api_key: Else `runpod_sdk.compat.api_key`, else what `AsyncRunpod` finds.

    Raises:
        NoKeyError: There is none; also a `RuntimeError`.
    """

    def __init__(
        self, endpoint_id: str, session: aiohttp.ClientSession, api_key: str | None = None
    ) -> None:
        self.endpoint_id = endpoint_id
        self.session = session
        self.api_key = where(api_key)["api_key"]
        del api_key  # which a traceback would show
        self._endpoint = _connect(session, self.api_key).endpoint(endpoint_id)

    async def run(self, endpoint_input: Any) -> AsyncioJob:
        """
        Submit a job, and return it without waiting for it.

        Args:
            endpoint_input: The input; or, with a key `input`, the whole body of the API.
        """
        sent = [body(endpoint_input)]
        del endpoint_input  # which a traceback would show
        with documented():
            job = await self._endpoint.run(sent.pop())
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else None
        return AsyncioJob(self.endpoint_id, job.id, self.session, headers)

    async def health(self) -> dict[str, Any]:
        """Return how many jobs and workers there are, by what they do, as JSON."""
        with documented():
            return (await self._endpoint.health()).to_dict()

    async def purge_queue(self) -> dict[str, Any]:
        """Remove the jobs that wait, and return what the server answers, as JSON."""
        with documented():
            return (await self._endpoint.purge_queue()).to_dict()
