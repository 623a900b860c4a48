"""A user of `runpod.Endpoint`."""

from __future__ import annotations

from typing import Any

import runpod
from loop import ENDPOINT, KEY, serve

runpod.api_key = KEY


class Driver:
    def __init__(self) -> None:
        self.endpoint = runpod.Endpoint(ENDPOINT)
        self.jobs: dict[str, Any] = {}

    def health(self, endpoint: str = ENDPOINT, key: str = KEY) -> Any:
        return runpod.Endpoint(endpoint, api_key=key).health()

    def key_of_the_environment(self) -> Any:
        runpod.api_key = None
        try:
            return runpod.Endpoint(ENDPOINT).health()
        finally:
            runpod.api_key = KEY

    def run(self, job: str, input: Any) -> Any:
        return self.run_request(job, {"input": input})

    def run_request(self, job: str, request: Any) -> Any:
        self.jobs[job] = self.endpoint.run(request)
        return self.jobs[job].job_id

    def run_sync(self, input: Any) -> Any:
        return self.endpoint.run_sync({"input": input})

    def submit_with(self, key: str) -> Any:
        return runpod.Endpoint(ENDPOINT, api_key=key).run({"input": {"n": 1}}).job_id

    def status(self, job: str) -> Any:
        return self.jobs[job].status()

    def output(self, job: str) -> Any:
        return self.jobs[job].output(timeout=30)

    def output_at_once(self, job: str) -> Any:
        return self.jobs[job].output()

    def stream(self, job: str) -> Any:
        return list(self.jobs[job].stream())

    def cancel(self, job: str) -> Any:
        return self.jobs[job].cancel()

    def purge_queue(self) -> Any:
        return self.endpoint.purge_queue()


serve(Driver())
