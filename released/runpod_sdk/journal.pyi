"""Public names of `runpod_sdk.journal`; written by scripts/release."""

from runpod_sdk import Journal as Journal
from runpod_sdk import JournalEntry as JournalEntry
from runpod_sdk import JournalStatus as JournalStatus
