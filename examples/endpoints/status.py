"""Status: what the server says of a job now."""

import os

from runpod_sdk import Runpod, RunpodError

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    try:
        job = endpoint.run({"input": {"prompt": "Hello, World!"}})

        state = endpoint.status(job.id)
        print(state)
        print("started:", state.started, "completed:", state.completed)
    except RunpodError as error:
        print("An error occurred:", error)
