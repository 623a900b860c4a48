"""
A client of RunPod's serverless endpoints, sync and async.

Importing this package is cheap: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from runpod_sdk._version import __version__

if TYPE_CHECKING:
    from runpod_sdk._async.batches import AsyncBatch, AsyncEndpointBatches
    from runpod_sdk._async.client import AsyncRunpod
    from runpod_sdk._async.endpoint import AsyncEndpoint
    from runpod_sdk._async.job import AsyncJob
    from runpod_sdk._async.journaled import AsyncJournaledEndpoint
    from runpod_sdk._async.results import AsyncResults
    from runpod_sdk._async.stream import AsyncStream
    from runpod_sdk._sync.batches import Batch, EndpointBatches
    from runpod_sdk._sync.client import Runpod
    from runpod_sdk._sync.endpoint import Endpoint
    from runpod_sdk._sync.job import Job
    from runpod_sdk._sync.journaled import JournaledEndpoint
    from runpod_sdk._sync.results import Results
    from runpod_sdk._sync.stream import Stream
    from runpod_sdk._types import InputValue, JobHandle, JSONValue
    from runpod_sdk.batches import BatchResult, BatchState, BatchStatus
    from runpod_sdk.errors import (
        APIConnectionError,
        APIResponseValidationError,
        APIStatusError,
        AuthenticationError,
        BadRequestError,
        ClientClosedError,
        ConfigurationError,
        ConflictError,
        DownloadError,
        JobCancelledError,
        JobError,
        JobFailedError,
        JobTimedOutError,
        JournalError,
        NotFoundError,
        OutputValidationError,
        PayloadTooLargeError,
        PermissionDeniedError,
        RateLimitError,
        RequestTooLargeError,
        RunpodError,
        RunpodTimeoutError,
        SaveOutputError,
        ServerError,
        StorageError,
        StreamInterruptedError,
        SubmissionResponseError,
        SubmissionServerError,
        SubmissionTimeoutError,
        SubmissionUncertainError,
        WebPageError,
    )
    from runpod_sdk.explanation import Explanation, JobReason
    from runpod_sdk.files import OutputFile
    from runpod_sdk.journal import Journal, JournalEntry, JournalStatus
    from runpod_sdk.journal_store import JournalRow, JournalStore
    from runpod_sdk.models import (
        EndpointHealth,
        ExecutionPolicy,
        JobCounts,
        JobState,
        JobStatus,
        PurgeResult,
        S3Config,
        StreamChunk,
        WorkerCounts,
    )
    from runpod_sdk.rate_budget import RateBudget
    from runpod_sdk.results import JobResult, MapProgress, MapResult, SubmitResult

_HOMES = {
    "_async.batches": ["AsyncBatch", "AsyncEndpointBatches"],
    "_async.client": ["AsyncRunpod"],
    "_async.endpoint": ["AsyncEndpoint"],
    "_async.job": ["AsyncJob"],
    "_async.journaled": ["AsyncJournaledEndpoint"],
    "_async.results": ["AsyncResults"],
    "_async.stream": ["AsyncStream"],
    "_sync.batches": ["Batch", "EndpointBatches"],
    "_sync.client": ["Runpod"],
    "_sync.endpoint": ["Endpoint"],
    "_sync.job": ["Job"],
    "_sync.journaled": ["JournaledEndpoint"],
    "_sync.results": ["Results"],
    "_sync.stream": ["Stream"],
    "_types": ["InputValue", "JSONValue", "JobHandle"],
    "batches": ["BatchResult", "BatchState", "BatchStatus"],
    "errors": [
        "APIConnectionError",
        "APIResponseValidationError",
        "APIStatusError",
        "AuthenticationError",
        "BadRequestError",
        "ClientClosedError",
        "ConfigurationError",
        "ConflictError",
        "DownloadError",
        "JobCancelledError",
        "JobError",
        "JobFailedError",
        "JobTimedOutError",
        "JournalError",
        "NotFoundError",
        "OutputValidationError",
        "PayloadTooLargeError",
        "PermissionDeniedError",
        "RateLimitError",
        "RequestTooLargeError",
        "RunpodError",
        "RunpodTimeoutError",
        "SaveOutputError",
        "ServerError",
        "StorageError",
        "StreamInterruptedError",
        "SubmissionResponseError",
        "SubmissionServerError",
        "SubmissionTimeoutError",
        "SubmissionUncertainError",
        "WebPageError",
    ],
    "explanation": ["Explanation", "JobReason"],
    "files": ["OutputFile"],
    "journal": ["Journal", "JournalEntry", "JournalStatus"],
    "journal_store": ["JournalRow", "JournalStore"],
    "models": [
        "EndpointHealth",
        "ExecutionPolicy",
        "JobCounts",
        "JobState",
        "JobStatus",
        "PurgeResult",
        "S3Config",
        "StreamChunk",
        "WorkerCounts",
    ],
    "rate_budget": ["RateBudget"],
    "results": ["JobResult", "MapProgress", "MapResult", "SubmitResult"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "APIConnectionError",
    "APIResponseValidationError",
    "APIStatusError",
    "AsyncBatch",
    "AsyncEndpoint",
    "AsyncEndpointBatches",
    "AsyncJob",
    "AsyncJournaledEndpoint",
    "AsyncResults",
    "AsyncRunpod",
    "AsyncStream",
    "AuthenticationError",
    "BadRequestError",
    "Batch",
    "BatchResult",
    "BatchState",
    "BatchStatus",
    "ClientClosedError",
    "ConfigurationError",
    "ConflictError",
    "DownloadError",
    "Endpoint",
    "EndpointBatches",
    "EndpointHealth",
    "ExecutionPolicy",
    "Explanation",
    "InputValue",
    "JSONValue",
    "Job",
    "JobCancelledError",
    "JobCounts",
    "JobError",
    "JobFailedError",
    "JobHandle",
    "JobReason",
    "JobResult",
    "JobState",
    "JobStatus",
    "JobTimedOutError",
    "Journal",
    "JournalEntry",
    "JournalError",
    "JournalRow",
    "JournalStatus",
    "JournalStore",
    "JournaledEndpoint",
    "MapProgress",
    "MapResult",
    "NotFoundError",
    "OutputFile",
    "OutputValidationError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "PurgeResult",
    "RateBudget",
    "RateLimitError",
    "RequestTooLargeError",
    "Results",
    "Runpod",
    "RunpodError",
    "RunpodTimeoutError",
    "S3Config",
    "SaveOutputError",
    "ServerError",
    "StorageError",
    "Stream",
    "StreamChunk",
    "StreamInterruptedError",
    "SubmissionResponseError",
    "SubmissionServerError",
    "SubmissionTimeoutError",
    "SubmissionUncertainError",
    "SubmitResult",
    "WebPageError",
    "WorkerCounts",
    "__version__",
]


if not TYPE_CHECKING:  # or any name would pass for one of ours

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from runpod_sdk._importing import whole_imports

        with whole_imports():
            value: object = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
