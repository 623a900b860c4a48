"""
A RunPod endpoint on this machine: a real server with a queue and workers, for tests.

Needs the extra: `pip install 'runpod_sdk[local]'`. Handlers may import `progress_update`
without it.
"""

from ._endpoint import LocalEndpoint
from ._limits import Limits
from ._workers.handler import Handler
from ._workers.progress import progress_update

__all__ = ["Handler", "Limits", "LocalEndpoint", "progress_update"]
