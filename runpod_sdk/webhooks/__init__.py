"""
Webhooks: signed URLs for RunPod to call, and the verification of these calls.

    sign_url, parse         create a signed URL that expires; verify a call of it
    Receiver                both for one URL; removes duplicates, and wakes waiting callers
    Receiver.asgi, .wsgi    applications that receive the calls

RunPod calls a job's `webhook` URL when the job ends, up to three times until the response is 200.
The call has no signature, so any sender that knows the URL could forge it. The signature is
therefore part of the URL, which only RunPod receives.
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
