"""
Timeouts, as the README of the JavaScript client explains them.

Every `timeout` is of the *local* call, in seconds. What a job may take on the
server is its policy.
"""

import os

from runpod_sdk import ExecutionPolicy, Runpod, RunpodTimeoutError

photo = {"prompt": "a photo of a horse the size of a Boeing 787"}

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])

    # Gives up after 5 seconds; the job goes on, and can be waited for again.
    try:
        print("output:", endpoint.run_sync(input=photo, timeout=5).output)
    except RunpodTimeoutError as error:
        print("not done after 5 seconds:", error.job)

    # The same, but a job that nobody waits for any more is cancelled.
    try:
        endpoint.run_sync(
            input={"prompt": "700 photos of a horse"}, timeout=1.5, on_timeout="cancel"
        )
    except RunpodTimeoutError as error:
        print("cancelled:", error.cancelled)

    # Does not say that the job may take 3 seconds only: sending it may.
    job = endpoint.run(input=photo, timeout=3)
    print("sent:", job)

    # This is what the job may take on the server.
    job = endpoint.run(input=photo, policy=ExecutionPolicy(execution_timeout=5, ttl=60))
    print("sent with a policy:", job)
