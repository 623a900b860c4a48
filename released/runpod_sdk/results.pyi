"""Public names of `runpod_sdk.results`; written by scripts/release."""

from runpod_sdk import JobResult as JobResult
from runpod_sdk import MapProgress as MapProgress
from runpod_sdk import MapResult as MapResult

NO_OUTPUT = 'the job completed without an output. Possible causes: the result is larger than RunPod keeps (20 MB); the handler returned nothing or an empty object (look for a missing `return`, also in rp_handler.py); or the handler yields without return_aggregate_stream (read its chunks with stream())'
