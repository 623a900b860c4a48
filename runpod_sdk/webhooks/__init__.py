"""
Webhooks of a service that signs nothing: URLs that are signed here, and checked when called.

    sign_url, parse     a callback URL that expires, and what its call says, if it is genuine
    Receiver            both for one address: tells duplicates apart, wakes who waits for a job
    Receiver.asgi/.wsgi small applications that take the calls, to be mounted or served

RunPod calls the `webhook` of a job when it has ended, up to three times until it is answered
200. Nothing of the call proves that it is RunPod's: anybody who knows the address can make
one. So the proof goes into the address, which only RunPod was told.
"""

from runpod_sdk.webhooks._receiver import Receiver
from runpod_sdk.webhooks._seen import Seen, SeenStore
from runpod_sdk.webhooks._signing import (
    EXPIRES_IN,
    Delivery,
    ExpiredError,
    ForgedError,
    MalformedError,
    Secret,
    WebhookError,
    parse,
    sign_url,
)

__all__ = [
    "EXPIRES_IN",
    "Delivery",
    "ExpiredError",
    "ForgedError",
    "MalformedError",
    "Receiver",
    "Secret",
    "Seen",
    "SeenStore",
    "WebhookError",
    "parse",
    "sign_url",
]
