"""Cancel: end a job that waits or runs, because its result is no longer needed."""

import os

from runpod_sdk import Runpod, RunpodError

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    try:
        job = endpoint.run({"input": {"prompt": "Hello, World!"}})

        state = job.cancel()
        print(state.id, state.status)
    except RunpodError as error:
        print("An error occurred:", error)
