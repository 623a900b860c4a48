"""Public names of `runpod_sdk.models`; written by scripts/release."""

from runpod_sdk import EndpointHealth as EndpointHealth
from runpod_sdk import ExecutionPolicy as ExecutionPolicy
from runpod_sdk import InputValue as InputValue
from runpod_sdk import JSONValue as JSONValue
from runpod_sdk import JobCounts as JobCounts
from runpod_sdk import JobState as JobState
from runpod_sdk import JobStatus as JobStatus
from runpod_sdk import PurgeResult as PurgeResult
from runpod_sdk import S3Config as S3Config
from runpod_sdk import StreamChunk as StreamChunk
from runpod_sdk import WorkerCounts as WorkerCounts
