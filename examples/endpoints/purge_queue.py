"""Purge queue: remove every job that waits; those that run go on."""

import os

from runpod_sdk import Runpod, RunpodError

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    try:
        endpoint.run({"input": {"prompt": "Hello, World!"}})

        result = endpoint.purge_queue()
        print("removed:", result.removed, "status:", result.status)
    except RunpodError as error:
        print("An error occurred:", error)
