"""Public names of `runpod_sdk.explanation`; written by scripts/release."""

from runpod_sdk import Explanation as Explanation
from runpod_sdk import JobReason as JobReason
