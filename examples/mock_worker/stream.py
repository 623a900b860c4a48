"""
Stream, as the Go page does it: ten values, and what to do when it times out.

The job keeps running when the call times out, and its stream can be read further.
"""

import os

from runpod_sdk import Runpod, RunpodTimeoutError

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    job = endpoint.run(
        input={
            "mock_return": [f"value{number}" for number in range(1, 11)],
            "mock_delay": 1,
            "mock_error": False,
            "mock_crash": False,
        }
    )

    try:
        for chunk in job.stream(timeout=60):
            print("output:", chunk.output, flush=True)
    except RunpodTimeoutError as error:
        print("timed out; the job is still running:", error.job)
