"""The models that datamodel-code-generator writes for pydantic, with httpx beside them."""

from __future__ import annotations

import sys
from typing import Any

import httpx
from models import Error, Job, JobRequest, JobStream
from steps import BASE_URL, ENDPOINT, KEY, steps


class Client:
    def __init__(self, key: str = KEY) -> None:
        headers = {"authorization": f"Bearer {key}"}
        base = f"{BASE_URL}/{ENDPOINT}"
        self.http = httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=30)

    def run(self, input: Any) -> Job:
        body = JobRequest(input=input).model_dump(mode="json", exclude_unset=True)
        return Job.model_validate_json(self.http.post("/run", json=body).content)

    def status(self, job_id: str) -> Job:
        return self._job(f"/status/{job_id}")

    def status_sync(self, job_id: str, wait: int) -> Job:
        return self._job(f"/status-sync/{job_id}?wait={wait}")

    def _job(self, path: str) -> Job:
        job = Job.model_validate_json(self.http.get(path).content)
        if hasattr(job.status, "root"):  # the class of an open status, a value within
            job.status = getattr(job.status.root, "value", job.status.root)
        return job

    def stream(self, job_id: str, wait: int) -> JobStream:
        answer = JobStream.model_validate_json(
            self.http.get(f"/stream/{job_id}?wait={wait}").content
        )
        answer.status = getattr(answer.status.root, "value", answer.status.root)
        return answer

    def others(self, job: Job) -> dict[str, Any]:
        return job.model_extra or {}

    def refused(self, key: str) -> tuple[int, Any]:
        answer = Client(key).http.get("/health")
        return answer.status_code, Error.model_validate_json(answer.content).detail


if __name__ == "__main__":
    sys.exit(steps(Client()))
