"""Timeout: the longest that a call may take here, in seconds. The job may take longer."""

import os

from runpod_sdk import Runpod

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    job = endpoint.run({"input": {"prompt": "Hello, World!"}}, timeout=5)

    print(job)
