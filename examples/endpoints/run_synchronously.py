"""Run synchronously: send a job and wait until it has ended."""

import os

from runpod_sdk import Runpod

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    result = endpoint.run_sync({"input": {"prompt": "Hello, World!"}})

    print(result)
