"""Contains all the data models used in inputs/outputs"""

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
