"""
A handler that streams: it yields its prompt, one character at a time.

On RunPod a worker starts it with
`runpod.serverless.start({"handler": handler, "return_aggregate_stream": True})`.
"""

import time
from collections.abc import Iterator
from typing import Any


def handler(job: dict[str, Any]) -> Iterator[str]:
    for character in job["input"]["prompt"]:
        time.sleep(0.2)  # for effect
        yield character
