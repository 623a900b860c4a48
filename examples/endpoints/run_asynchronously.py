"""Run asynchronously: put a job into the queue, and go on."""

import os

from runpod_sdk import Runpod

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    job = endpoint.run({"input": {"prompt": "Hello, World!"}})

    print(job.id)
