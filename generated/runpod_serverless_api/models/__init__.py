"""Contains all the data models used in inputs/outputs"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .batch import Batch
    from .batch_addition import BatchAddition
    from .batch_change import BatchChange
    from .batch_event import BatchEvent
    from .batch_listing import BatchListing
    from .batch_request import BatchRequest
    from .batch_request_page import BatchRequestPage
    from .batch_status import BatchStatus
    from .batch_update import BatchUpdate
    from .error import Error
    from .execution_policy import ExecutionPolicy
    from .health import Health
    from .job import Job
    from .job_counts import JobCounts
    from .job_request import JobRequest
    from .job_status import JobStatus
    from .job_stream import JobStream
    from .purge_result import PurgeResult
    from .s3_config import S3Config
    from .stream_chunk import StreamChunk
    from .webhook_payload import WebhookPayload
    from .worker_counts import WorkerCounts

__all__ = (
    "Batch",
    "BatchAddition",
    "BatchChange",
    "BatchEvent",
    "BatchListing",
    "BatchRequest",
    "BatchRequestPage",
    "BatchStatus",
    "BatchUpdate",
    "Error",
    "ExecutionPolicy",
    "Health",
    "Job",
    "JobCounts",
    "JobRequest",
    "JobStatus",
    "JobStream",
    "PurgeResult",
    "S3Config",
    "StreamChunk",
    "WebhookPayload",
    "WorkerCounts",
)

_MODULES = {
    "Batch": "batch",
    "BatchAddition": "batch_addition",
    "BatchChange": "batch_change",
    "BatchEvent": "batch_event",
    "BatchListing": "batch_listing",
    "BatchRequest": "batch_request",
    "BatchRequestPage": "batch_request_page",
    "BatchStatus": "batch_status",
    "BatchUpdate": "batch_update",
    "Error": "error",
    "ExecutionPolicy": "execution_policy",
    "Health": "health",
    "Job": "job",
    "JobCounts": "job_counts",
    "JobRequest": "job_request",
    "JobStatus": "job_status",
    "JobStream": "job_stream",
    "PurgeResult": "purge_result",
    "S3Config": "s3_config",
    "StreamChunk": "stream_chunk",
    "WebhookPayload": "webhook_payload",
    "WorkerCounts": "worker_counts",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a class, or a module, when it is first used."""
        if name in _MODULES.values():
            return import_module(f".{name}", __name__)
        if name in _MODULES:
            globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
            return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_MODULES, *_MODULES.values()})
