"""`AsyncioEndpoint` and `AsyncioJob`, as in RunPod's own package."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from runpod_sdk import AsyncRunpod
from runpod_sdk.compat._session import httpx_client_over
from runpod_sdk.compat._shared import (
    JobOutcome,
    auth_headers,
    client_settings,
    documented_errors,
    key_of,
    request_body,
)

if TYPE_CHECKING:
    import aiohttp


def _connect(session: aiohttp.ClientSession, api_key: str | None) -> AsyncRunpod:
    found = [client_settings(api_key)]
    del api_key  # which a traceback would show
    with documented_errors():
        return AsyncRunpod(**found.pop(), http_client=httpx_client_over(session))


class AsyncioJob(JobOutcome):
    """
    A submitted job.

    Args:
        endpoint_id: The id of the job's endpoint.
        job_id: The job's id.
        session: The session that sends the requests; the caller closes it.
        headers: Headers with the API key in `Authorization`; without them, the key is found as
            by `AsyncioEndpoint`.
    """

    def __init__(
        self,
        endpoint_id: str,
        job_id: str,
        session: aiohttp.ClientSession,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        key = [key_of(headers)]
        del headers  # which a traceback would show
        self.endpoint_id = endpoint_id
        self.job_id = job_id
        self.session = session
        self._job = _connect(session, key.pop()).endpoint(endpoint_id).job(job_id)

    async def status(self) -> str:
        """Return the status; the server is not asked again once the job has succeeded."""
        with documented_errors():
            return str(self._seen(self._kept() or await self._job.status()).status)

    async def output(self, timeout: float = 0) -> Any:
        """
        Wait until the job has ended, and return its output.

        Args:
            timeout: Seconds to wait in total; 0 means no limit.

        Raises:
            TimeoutError: The job has not ended in time.
            JobError: The job failed, was cancelled or timed out; `.state.error` says why.
        """
        with documented_errors():
            return self._result(self._kept() or await self._job.wait(timeout=timeout or None))

    async def stream(self) -> AsyncIterator[Any]:
        """Yield the handler's chunks as they arrive; raise a `JobError` if the job fails."""
        with documented_errors():
            async with self._job.stream() as chunks:
                async for chunk in chunks:
                    yield chunk.output

    async def cancel(self) -> dict[str, Any]:
        """Cancel the job, and return the server's answer as JSON."""
        with documented_errors():
            return (await self._job.cancel()).to_dict()


class AsyncioEndpoint:
    """
    An endpoint, for asyncio.

    Args:
        endpoint_id: The endpoint's id.
        session: The session that sends the requests; the caller closes it.
        api_key: The API key; by default `runpod_sdk.compat.api_key`, else the key that
            `AsyncRunpod` finds.

    Raises:
        NoKeyError: No API key was found; also a `RuntimeError`.
    """

    def __init__(
        self, endpoint_id: str, session: aiohttp.ClientSession, api_key: str | None = None
    ) -> None:
        self.endpoint_id = endpoint_id
        self.session = session
        key = [api_key]
        del api_key  # which a traceback would show
        client = _connect(session, key.pop())
        self.api_key: str = client._config.key().value  # pyright: ignore[reportPrivateUsage]
        self.endpoint_url_base = client_settings(None)["base_url"]
        self.endpoint_url = f"{self.endpoint_url_base}/{endpoint_id}/run"
        self._endpoint = client.endpoint(endpoint_id)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the requests, with the API key."""
        return auth_headers(self.api_key)

    async def run(self, endpoint_input: Any) -> AsyncioJob:
        """
        Submit a job, and return it without waiting for its end.

        Args:
            endpoint_input: The input, or a whole request body with a key `input`.
        """
        sent = [request_body(endpoint_input)]
        del endpoint_input  # which a traceback would show
        with documented_errors():
            job = await self._endpoint.run(sent.pop())
        return AsyncioJob(self.endpoint_id, job.id, self.session, self.headers)

    async def health(self) -> dict[str, Any]:
        """Return the counts of jobs and workers as JSON."""
        with documented_errors():
            return (await self._endpoint.health()).to_dict()

    async def purge_queue(self) -> dict[str, Any]:
        """Remove the queued jobs, and return the server's answer as JSON."""
        with documented_errors():
            return (await self._endpoint.purge_queue()).to_dict()
