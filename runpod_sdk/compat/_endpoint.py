"""`Endpoint` and `Job`, as RunPod's own package has them."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

from runpod_sdk import Runpod
from runpod_sdk.compat._shared import Ended, body, documented, where


class Client:
    """The connections of an endpoint and of its jobs; closed when the last of them is gone."""

    def __init__(self, api_key: str | None = None) -> None:
        found = [where(api_key)]
        del api_key  # which a traceback would show
        with documented():
            self.runpod = Runpod(**found.pop())
        weakref.finalize(self, self.runpod.close)


class Job(Ended):
    """
    A job that was submitted.

    Args:
        endpoint_id: The endpoint that it was submitted to.
        job_id: Its id.
        client: The `rp_client` of an `Endpoint`.
    """

    def __init__(self, endpoint_id: str, job_id: str, client: Client) -> None:
        self.endpoint_id = endpoint_id
        self.job_id = job_id
        self.rp_client = client
        self._job = client.runpod.endpoint(endpoint_id).job(job_id)

    def status(self) -> str:
        """Return the status; it is asked for, unless the job is known to have ended well."""
        with documented():
            return str(self._seen(self._kept() or self._job.status()).status)

    def output(self, timeout: float = 0) -> Any:
        """
        Return the output.

        Args:
            timeout: Seconds to wait for it, in total. 0 does not wait: the output of a job
                that has not ended is None.

        Raises:
            TimeoutError: The job has not ended in time.
            JobError: It ended badly; `.state.error` says why.
        """
        with documented():
            if timeout > 0:
                return self._result(self._kept() or self._job.wait(timeout=timeout))
            return self._result(self._kept() or self._job.status())

    def stream(self) -> Iterator[Any]:
        """Yield what the handler yields, as it comes; raises the `JobError` of a bad end."""
        with documented(), self._job.stream() as chunks:
            for chunk in chunks:
                yield chunk.output

    def cancel(self, timeout: float = 3) -> dict[str, Any]:
        """Cancel the job, and return what the server answers, as JSON."""
        with documented():
            return self._job.cancel(timeout=timeout).to_dict()


class Endpoint:
    """
    An endpoint that jobs are sent to.

    Args:
        endpoint_id: Its id.
        api_key: Else `runpod_sdk.compat.api_key`, else what `Runpod` finds.

    Raises:
        NoKeyError: There is none; also a `RuntimeError`.
    """

    def __init__(self, endpoint_id: str, api_key: str | None = None) -> None:
        self.endpoint_id = endpoint_id
        key = [api_key]
        del api_key  # which a traceback would show
        self.rp_client = Client(key.pop())
        self._endpoint = self.rp_client.runpod.endpoint(endpoint_id)

    def run(self, request_input: Any) -> Job:
        """
        Submit a job, and return it without waiting for it.

        Args:
            request_input: The input; or, with a key `input`, the whole body of the API, which
                may have `webhook`, `policy` and `s3Config` too.

        Raises:
            ValueError: A body with a key that the API does not have.
            UnauthorizedError: The API key is wrong; also a `RuntimeError`.
        """
        sent = [body(request_input)]
        del request_input  # which a traceback would show
        with documented():
            job = self._endpoint.run(sent.pop())
        return Job(self.endpoint_id, job.id, self.rp_client)

    def run_sync(self, request_input: Any, timeout: float = 86400) -> Any:
        """
        Submit a job, wait until it has ended, and return its output.

        Args:
            request_input: As `run` takes it.
            timeout: Longest total time, in seconds. The job goes on when it has passed.

        Raises:
            TimeoutError: *timeout* passed; `.job` can be waited for again.
            JobError: The job ended badly; `.state.error` says why.
        """
        sent = [body(request_input)]
        del request_input  # which a traceback would show
        with documented():
            return self._endpoint.run_sync(sent.pop(), timeout=timeout).output

    def health(self, timeout: float = 3) -> dict[str, Any]:
        """Return how many jobs and workers there are, by what they do, as JSON."""
        with documented():
            return self._endpoint.health(timeout=timeout).to_dict()

    def purge_queue(self, timeout: float = 3) -> dict[str, Any]:
        """Remove the jobs that wait, and return what the server answers, as JSON."""
        with documented():
            return self._endpoint.purge_queue(timeout=timeout).to_dict()
