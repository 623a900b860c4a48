"""
Using endpoints, as the README of the JavaScript client does it: an endpoint that makes photos.

Send a job, look at it, wait for another, cancel a third, check the workers, and
receive several photos of one job as they are made (handlers/photos.py).
"""

import os

from runpod_sdk import Runpod

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    photo = {"input": {"prompt": "a photo of a horse the size of a Boeing 787"}}

    # Send a request to the queue, and check on it once you have its id.
    job = endpoint.run(photo)
    state = endpoint.status(job.id)
    print("first look:", state.status)

    # Or wait until the job completes, fails or times out.
    result = endpoint.run_sync(photo)
    print("output:", result.output)

    # Cancel what takes too long or is no longer needed.
    unwanted = endpoint.run({"input": {"prompt": "700 photos of a horse"}})
    print("cancelled:", endpoint.cancel(unwanted.id).status)

    # For long-running applications, or to find out what is wrong.
    health = endpoint.health()
    print("workers:", health.workers.ready)

    # Several results for one input.
    job = endpoint.run({"input": {"prompt": "7 photos of a horse the size of a Boeing 787"}})
    for chunk in endpoint.stream(job.id):
        print("Stream yielded another photo:", chunk.output, flush=True)
