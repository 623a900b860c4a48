"""`Endpoint` and `Job`, as in RunPod's own package."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

from runpod_sdk import Runpod
from runpod_sdk.compat._shared import (
    JobOutcome,
    auth_headers,
    client_settings,
    documented_errors,
    request_body,
)


class RunPodClient:
    """The client of an endpoint and its jobs; closed when the last of them is garbage-collected."""

    def __init__(self, api_key: str | None = None) -> None:
        found = [client_settings(api_key)]
        del api_key  # which a traceback would show
        with documented_errors():
            self.runpod = Runpod(**found.pop())
        weakref.finalize(self, self.runpod.close)
        self.endpoint_url_base = client_settings(None)["base_url"]

    @property
    def api_key(self) -> str:
        """The API key that was given or found."""
        return self.runpod._config.key().value  # pyright: ignore[reportPrivateUsage]

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the requests, with the API key."""
        return auth_headers(self.api_key)


class Job(JobOutcome):
    """
    A submitted job.

    Args:
        endpoint_id: The id of the job's endpoint.
        job_id: The job's id.
        client: The `rp_client` of an `Endpoint`.
    """

    def __init__(self, endpoint_id: str, job_id: str, client: RunPodClient) -> None:
        self.endpoint_id = endpoint_id
        self.job_id = job_id
        self.rp_client = client
        self._job = client.runpod.endpoint(endpoint_id).job(job_id)

    def status(self) -> str:
        """Return the status; the server is not asked again once the job has succeeded."""
        with documented_errors():
            return str(self._seen(self._kept() or self._job.status()).status)

    def output(self, timeout: float = 0) -> Any:
        """
        Return the output.

        Args:
            timeout: Seconds to wait in total. 0 does not wait: the output of a job that has
                not ended is None.

        Raises:
            TimeoutError: The job has not ended in time.
            JobError: The job failed, was cancelled or timed out; `.state.error` says why.
        """
        with documented_errors():
            if timeout > 0:
                return self._result(self._kept() or self._job.wait(timeout=timeout))
            return self._result(self._kept() or self._job.status())

    def stream(self) -> Iterator[Any]:
        """Yield the handler's chunks as they arrive; raise a `JobError` if the job fails."""
        with documented_errors(), self._job.stream() as chunks:
            for chunk in chunks:
                yield chunk.output

    def cancel(self, timeout: float = 3) -> dict[str, Any]:
        """Cancel the job, and return the server's answer as JSON."""
        with documented_errors():
            return self._job.cancel(timeout=timeout).to_dict()


class Endpoint:
    """
    An endpoint.

    Args:
        endpoint_id: The endpoint's id.
        api_key: The API key; by default `runpod_sdk.compat.api_key`, else the key that `Runpod`
            finds.

    Raises:
        NoKeyError: No API key was found; also a `RuntimeError`.
    """

    def __init__(self, endpoint_id: str, api_key: str | None = None) -> None:
        self.endpoint_id = endpoint_id
        key = [api_key]
        del api_key  # which a traceback would show
        self.rp_client = RunPodClient(key.pop())
        self._endpoint = self.rp_client.runpod.endpoint(endpoint_id)

    def run(self, request_input: Any) -> Job:
        """
        Submit a job, and return it without waiting for its end.

        Args:
            request_input: The input, or a whole request body with a key `input`, which may also
                have `webhook`, `policy` and `s3Config`.

        Raises:
            ValueError: The body has a key that the API does not have.
            UnauthorizedError: The API key is wrong; also a `RuntimeError`.
        """
        sent = [request_body(request_input)]
        del request_input  # which a traceback would show
        with documented_errors():
            job = self._endpoint.run(sent.pop())
        return Job(self.endpoint_id, job.id, self.rp_client)

    def run_sync(self, request_input: Any, timeout: float = 86400) -> Any:
        """
        Submit a job, wait until it has ended, and return its output.

        Args:
            request_input: The input or the request body, as for `run`.
            timeout: Longest total time in seconds. The job keeps running afterwards.

        Raises:
            TimeoutError: *timeout* passed; `.job` can be waited for again.
            JobError: The job failed, was cancelled or timed out; `.state.error` says why.
        """
        sent = [request_body(request_input)]
        del request_input  # which a traceback would show
        with documented_errors():
            return self._endpoint.run_sync(sent.pop(), timeout=timeout).output

    def health(self, timeout: float = 3) -> dict[str, Any]:
        """Return the counts of jobs and workers as JSON."""
        with documented_errors():
            return self._endpoint.health(timeout=timeout).to_dict()

    def purge_queue(self, timeout: float = 3) -> dict[str, Any]:
        """Remove the queued jobs, and return the server's answer as JSON."""
        with documented_errors():
            return self._endpoint.purge_queue(timeout=timeout).to_dict()
