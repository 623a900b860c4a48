"""Run synchronously, as the Go page does it: a worker that takes its time, two minutes at most."""

import os

from runpod_sdk import Runpod

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    state = endpoint.run_sync(input={"mock_delay": 1, "mock_return": "done"}, timeout=120)

    print("output:", state.output)
