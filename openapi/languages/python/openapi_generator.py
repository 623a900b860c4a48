"""The client that openapi-generator writes for Python, on urllib3 and pydantic."""

from __future__ import annotations

import sys
from typing import Any

from other_client import ApiClient, Configuration, Job, JobRequest, JobStream
from other_client.api import EndpointsApi, JobsApi
from other_client.exceptions import UnauthorizedException
from steps import BASE_URL, ENDPOINT, KEY, steps


def connected(key: str) -> ApiClient:
    return ApiClient(Configuration(host=BASE_URL, access_token=key))


class Client:
    def __init__(self) -> None:
        self.jobs = JobsApi(connected(KEY))

    def run(self, input: Any) -> Job:
        return self.jobs.run_job(ENDPOINT, JobRequest(input=input))

    def status(self, job_id: str) -> Job:
        return self.jobs.get_job_status(ENDPOINT, job_id)

    def status_sync(self, job_id: str, wait: int) -> Job:
        return self.jobs.get_job_status_sync(ENDPOINT, job_id, wait=wait)

    def stream(self, job_id: str, wait: int) -> JobStream:
        return self.jobs.stream_job(ENDPOINT, job_id, wait=wait)

    def others(self, job: Job) -> dict[str, Any]:
        return job.additional_properties

    def refused(self, key: str) -> tuple[int, Any]:
        try:
            EndpointsApi(connected(key)).get_health(ENDPOINT)
        except UnauthorizedException as refusal:
            return refusal.status, refusal.data.detail
        return 200, None


if __name__ == "__main__":
    sys.exit(steps(Client()))
