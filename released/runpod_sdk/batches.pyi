"""Public names of `runpod_sdk.batches`; written by scripts/release."""

from runpod_sdk import BatchResult as BatchResult
from runpod_sdk import BatchState as BatchState
from runpod_sdk import BatchStatus as BatchStatus
