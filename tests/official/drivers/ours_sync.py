"""A user of `runpod_sdk.Runpod`."""

from __future__ import annotations

from typing import Any

from loop import ENDPOINT, Broken, serve

from runpod_sdk import Job, Runpod, RunpodError


class Driver:
    def __init__(self, client: Runpod) -> None:
        self.client = client
        self.endpoint = client.endpoint(ENDPOINT)
        self.jobs: dict[str, Job] = {}

    def health(self, endpoint: str = ENDPOINT, key: str | None = None) -> Any:
        with Runpod(key) as client:
            return client.endpoint(endpoint).health().to_dict()

    def key_of_the_environment(self) -> Any:
        return self.health()

    def run(self, job: str, input: Any) -> Any:
        self.jobs[job] = self.endpoint.run(input=input)
        return self.jobs[job].id

    def run_request(self, job: str, request: Any) -> Any:
        self.jobs[job] = self.endpoint.run(request)
        return self.jobs[job].id

    def run_sync(self, input: Any) -> Any:
        return self.endpoint.run_sync(input=input).output

    def submit_with(self, key: str) -> Any:
        with Runpod(key) as client:
            return client.endpoint(ENDPOINT).run(input={"n": 1}).id

    def status(self, job: str) -> Any:
        return self.jobs[job].status().status

    def output(self, job: str) -> Any:
        return self.jobs[job].output(timeout=30)

    def output_at_once(self, job: str) -> Any:
        return self.jobs[job].status().output

    def stream(self, job: str) -> Any:
        values: list[Any] = []
        try:
            for chunk in self.jobs[job].stream():
                values.append(chunk.output)
        except RunpodError as error:
            raise Broken(values, error) from None
        return values

    def cancel(self, job: str) -> Any:
        return self.jobs[job].cancel().to_dict()

    def purge_queue(self) -> Any:
        purged = self.endpoint.purge_queue()
        return {"removed": purged.removed, "status": purged.status}


with Runpod() as client:
    serve(Driver(client))
