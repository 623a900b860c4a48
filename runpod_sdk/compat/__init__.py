"""
The client of RunPod's own package, by the same names: you migrate by changing an import.

    from runpod_sdk import compat as runpod          # was: import runpod

    runpod.api_key = os.getenv("RUNPOD_API_KEY")
    endpoint = runpod.Endpoint("ENDPOINT_ID")
    print(endpoint.run_sync({"prompt": "Hello, World!"}, timeout=60))

Names, arguments and results are as RunPod documents them for `Endpoint`, `Job`,
`AsyncioEndpoint` and `AsyncioJob`. Known faults of that package are not copied:
docs/from-runpod-python.md lists the differences.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from runpod_sdk import __version__, settings
from runpod_sdk.compat._endpoint import Endpoint, Job
from runpod_sdk.compat._shared import NoKeyError, UnauthorizedError, missing

if TYPE_CHECKING:
    from runpod_sdk.compat import http_client
    from runpod_sdk.compat._asyncio import AsyncioEndpoint, AsyncioJob
    from runpod_sdk.compat._logger import RunPodLogger

__all__ = [
    "AsyncioEndpoint",
    "AsyncioJob",
    "Endpoint",
    "Job",
    "NoKeyError",
    "RunPodLogger",
    "UnauthorizedError",
    "__version__",
    "api_key",
    "endpoint_url_base",
    "http_client",
]

api_key: str | None = None
"""The API key of endpoints created from now on; None means the key that `Runpod` finds."""
endpoint_url_base: str = os.environ.get(settings.BASE_URL_VARIABLE) or settings.BASE_URL
"""The base URL of endpoints created from now on."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in ("AsyncioEndpoint", "AsyncioJob"):
            from runpod_sdk.compat import _asyncio

            return getattr(_asyncio, name)
        if name == "RunPodLogger":
            from runpod_sdk.compat._logger import RunPodLogger

            return RunPodLogger
        if name == "http_client":
            return import_module("runpod_sdk.compat.http_client")
        if name.startswith("_"):  # a module of this package may be about to be imported
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        raise missing(
            f"runpod_sdk.compat has no {name!r}: it contains the endpoint client only; serverless"
            " workers, pods and templates are in RunPod's own package `runpod`, and both packages"
            " can be installed"
        )
