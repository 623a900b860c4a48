"""Status, as the Go page does it: of a job whose id is known, given as an argument."""

import os
import sys

from runpod_sdk import NotFoundError, Runpod

with Runpod(os.environ["RUNPOD_API_KEY"]) as client:
    endpoint = client.endpoint(os.environ["ENDPOINT_ID"])
    try:
        state = endpoint.status(sys.argv[1])
    except NotFoundError as error:
        print("not found:", error)
    else:
        print("output:", state.to_dict())
