"""
Secrets that are recognized wherever they appear, and calls that send them.

They are in a separate module, and never in a caller's local variable: tools show a caller's
variables and source lines, which do not belong to this package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runpod_sdk import S3Config
from tests.faults.modes import JOB, KEY

SECRET = "s3-CANARY/9876+543210=="
PASSWORD = "proxy-CANARY-password"
SIGNATURE = "CANARY-presigned-signature"
CANARIES = (KEY, SECRET, PASSWORD, SIGNATURE)

PRESIGNED = f"https://bucket.test/photo.png?X-Amz-Signature={SIGNATURE}"
WEBHOOK = f"https://hook.test/?token={SIGNATURE}"
STORAGE = S3Config(
    access_id="id", access_secret=SECRET, bucket_name="bucket", endpoint_url="https://s3.test"
)
BODY = {
    "input": {"image": PRESIGNED},
    "webhook": WEBHOOK,
    "s3Config": {"accessId": "id", "accessSecret": SECRET},
}
PARTS: dict[str, Any] = {"input": {"image": PRESIGNED}, "webhook": WEBHOOK, "s3_config": STORAGE}
FOR_ALL: dict[str, Any] = {"webhook": WEBHOOK, "s3_config": STORAGE, "on_error": "raise"}

CALLS: dict[str, Callable[[Any, float], Any]] = {
    "run": lambda endpoint, timeout: endpoint.run(**PARTS, timeout=timeout),
    "run, a body": lambda endpoint, timeout: endpoint.run(BODY, timeout=timeout),
    "run_sync": lambda endpoint, timeout: endpoint.run_sync(**PARTS, timeout=timeout),
    "status": lambda endpoint, timeout: endpoint.status(JOB, timeout=timeout),
    "wait": lambda endpoint, timeout: endpoint.wait(JOB, timeout=timeout),
    "stream": lambda endpoint, timeout: endpoint.stream(JOB, timeout=timeout),
}
OF_EACH_KIND = ("run", "status", "stream")
"""A submission, a call that is repeated, and one that reads several answers."""
SLOW: dict[str, Callable[[Any, float], Any]] = {  # where the server is silent
    "run_sync, held": lambda endpoint, timeout: endpoint.run_sync(BODY, timeout=timeout + 2),
    "map": lambda endpoint, timeout: endpoint.map([PRESIGNED], **FOR_ALL, timeout=timeout),
}
_INPUT = [f"image={PRESIGNED}", "--webhook", WEBHOOK]
_TIMEOUT = ["--timeout", "0.05"]
COMMANDS: dict[str, list[str]] = {
    "run": ["run", *_INPUT, *_TIMEOUT],
    "run-sync": ["run-sync", *_INPUT, *_TIMEOUT],
    "run-sync --stream": ["run-sync", "--stream", *_INPUT, *_TIMEOUT],
    **{
        name: [name, JOB, *_TIMEOUT]
        for name in ("status", "wait", "stream", "explain", "cancel", "retry")
    },
    "wait --on-timeout": ["wait", JOB, "--on-timeout", "cancel", *_TIMEOUT],
    "health": ["health", *_TIMEOUT],
    "purge-queue": ["purge-queue", "--yes", *_TIMEOUT],
    "jobs": ["jobs", "--status", "--all"],
    "a mistake": ["run", "--execution-timeout", SIGNATURE, *_INPUT],
    "an unknown option": ["run", *_INPUT, "--more"],
}
PATIENT = ("run-sync", "run-sync --stream", "wait", "wait --on-timeout", "stream", "jobs")
"""Commands that ask more, or again, where the API can't be reached."""
MISTAKES: dict[str, Callable[[Any, float], Any]] = {
    "an input that JSON has no form for": lambda endpoint, timeout: endpoint.run(
        **{**PARTS, "input": {"image": PRESIGNED, "more": {1, 2}}}
    ),
    "a storage that is a dict": lambda endpoint, timeout: endpoint.run(
        **{**PARTS, "s3_config": BODY["s3Config"]}
    ),
    "a storage that is a string": lambda endpoint, timeout: endpoint.run_sync(
        input=1, s3_config=SECRET
    ),
    "a body with an unknown part": lambda endpoint, timeout: endpoint.run({**BODY, "more": 1}),
    "a map with a storage that is a dict": lambda endpoint, timeout: endpoint.map(
        [1], s3_config=BODY["s3Config"]
    ),
}
