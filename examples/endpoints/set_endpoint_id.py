"""Set your Endpoint Id: a client from your API key, and a handle of your endpoint."""

import os

from runpod_sdk import Runpod

client = Runpod(os.environ["RUNPOD_API_KEY"])
endpoint = client.endpoint(os.environ["ENDPOINT_ID"])

print(endpoint)
