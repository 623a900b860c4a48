"""Run asynchronously, as the Go page does it: two minutes for the request, not for the job."""

import os

from runpod_sdk import Runpod

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    job = endpoint.run(input={"mock_delay": 1}, timeout=120)

    print("output:", job)
