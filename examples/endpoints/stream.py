"""Stream: receive what a handler yields, as it yields it (handlers/characters.py)."""

import os

from runpod_sdk import Runpod

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    job = endpoint.run({"input": {"prompt": "Hello, World!"}})
    print(job)

    for chunk in job.stream():
        print(chunk.output, flush=True)
    print("done streaming")
