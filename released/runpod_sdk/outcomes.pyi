"""Public names of `runpod_sdk.outcomes`; written by scripts/release."""

from runpod_sdk import JobResult as JobResult
from runpod_sdk import MapProgress as MapProgress
from runpod_sdk import MapResult as MapResult
