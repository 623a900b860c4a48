"""
The API's operations: the mapping between wire names and this package's names.

Only this package imports the generated client. URLs, parameters and field names come from its
functions and models: `operations` sends, `build` makes requests, `parse` reads responses, and
`status_errors` reads error responses.
"""

from runpod_sdk._flows.api.build import request, warn_if_nested
from runpod_sdk._flows.api.operations import (
    authorization,
    cancel,
    health,
    purge,
    retry,
    run,
    run_sync,
    status,
    status_sync,
    stream,
)
from runpod_sdk._flows.api.parse import bare_state, kept_state
from runpod_serverless_api.models import JobRequest

__all__ = [
    "JobRequest",
    "authorization",
    "bare_state",
    "cancel",
    "health",
    "kept_state",
    "purge",
    "request",
    "retry",
    "run",
    "run_sync",
    "status",
    "status_sync",
    "stream",
    "warn_if_nested",
]
