"""
Get results from an asynchronous run: do something else, then ask for the output.

`output` asks with long polls, so it has the result as soon as there is one. It
raises a `JobError` if the job ended badly, and a `RunpodTimeoutError` if it has
not ended after the 100 seconds.
"""

import os

from runpod_sdk import JobError, Runpod

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    job = endpoint.run({"input": {"prompt": "Hello, World!"}})
    print("run response:", job)

    print("status response:", job.status())
    try:
        output = job.output(timeout=100)
    except JobError as error:
        print("Operation failed:", error)
    else:
        print("Operation completed successfully.")
        print(output)
