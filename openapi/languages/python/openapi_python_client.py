"""The client that openapi-python-client writes, on httpx and attrs: that of this repository."""

from __future__ import annotations

import sys
from typing import Any

from steps import BASE_URL, ENDPOINT, KEY, steps

from runpod_serverless_api import AuthenticatedClient
from runpod_serverless_api.api.endpoints import get_health
from runpod_serverless_api.api.jobs import get_job_status, get_job_status_sync, run_job, stream_job
from runpod_serverless_api.models import Error, Job, JobRequest, JobStream


def connected(key: str) -> AuthenticatedClient:
    return AuthenticatedClient(BASE_URL, key, httpx_args={"trust_env": False})


class Client:
    def __init__(self) -> None:
        self.client = connected(KEY)

    def run(self, input: Any) -> Any:
        return run_job.sync(ENDPOINT, client=self.client, body=JobRequest(input_=input))

    def status(self, job_id: str) -> Any:
        return get_job_status.sync(ENDPOINT, job_id, client=self.client)

    def status_sync(self, job_id: str, wait: int) -> Any:
        return get_job_status_sync.sync(ENDPOINT, job_id, client=self.client, wait=wait)

    def stream(self, job_id: str, wait: int) -> JobStream | Error | None:
        return stream_job.sync(ENDPOINT, job_id, client=self.client, wait=wait)

    def others(self, job: Job) -> dict[str, Any]:
        return job.additional_properties

    def refused(self, key: str) -> tuple[int, Any]:
        answer = get_health.sync_detailed(ENDPOINT, client=connected(key))
        detail = answer.parsed.detail if isinstance(answer.parsed, Error) else None
        return int(answer.status_code), detail


if __name__ == "__main__":
    sys.exit(steps(Client()))
