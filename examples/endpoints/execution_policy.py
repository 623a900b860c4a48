"""
Execution policy: what a job may take on the server.

In the API's own body times are milliseconds; `ExecutionPolicy` takes seconds.
"""

import os

from runpod_sdk import ExecutionPolicy, Runpod

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    job = endpoint.run(
        {"input": {"prompt": "Hello, World!"}, "policy": {"executionTimeout": 5000}},
    )
    same = endpoint.run(
        input={"prompt": "Hello, World!"}, policy=ExecutionPolicy(execution_timeout=5)
    )

    print(job)
    print(same)
