"""
Poll the status of an asynchronous run, once a second, until it has ended.

`job.wait()` does the same with fewer requests and less delay; this is for a
program that has something to do between two looks.
"""

import os
import time

from runpod_sdk import Runpod, RunpodError

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    try:
        job = endpoint.run({"input": {"prompt": "Hello, World!"}})

        state = job.status()
        while not state.completed:
            print(f"Current status: {state.status}")
            time.sleep(1)
            state = job.status()

        print(f"Current status: {state.status}")
        if state.succeeded:
            print("Output:", state.output)
        else:
            print("Error details:", state.error)
    except RunpodError as error:
        print("An error occurred:", error)
