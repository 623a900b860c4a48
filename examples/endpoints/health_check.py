"""Health check: how many jobs and workers an endpoint has, and what they do."""

import os

from runpod_sdk import Runpod

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    health = endpoint.health()

    print(health.to_dict())
    print("waiting:", health.jobs.in_queue, "running:", health.jobs.in_progress)
    print("workers ready:", health.workers.ready)
