"""Public names of `runpod_sdk.outcomes`; written by scripts/release."""

from runpod_sdk import JobResult as JobResult
from runpod_sdk import MapProgress as MapProgress
from runpod_sdk import MapResult as MapResult

NO_OUTPUT = 'the job completed without an output: the result was larger than the service keeps (20 MB), the handler returned nothing or an empty object (look for a missing `return`, also in rp_handler.py), or it yields without return_aggregate_stream, and its chunks are in stream()'
