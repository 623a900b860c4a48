"""The tracer and the metrics; they do nothing if the program has set no provider."""

from __future__ import annotations

from functools import partial
from typing import Final

from opentelemetry import metrics, trace
from opentelemetry.metrics import Histogram

from runpod_sdk._version import __version__


def _histogram(name: str, description: str, bounds: list[float]) -> Histogram:
    make = partial(meter.create_histogram, name, unit="s", description=description)
    try:
        return make(explicit_bucket_boundaries_advisory=bounds)
    except TypeError:  # before 1.30
        return make()


tracer = trace.get_tracer("runpod_sdk", __version__)
meter = metrics.get_meter("runpod_sdk", __version__)
attempts = _histogram(
    "http.client.request.duration",
    "Duration of HTTP client requests.",
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
)
_LENGTHS: Final[list[float]] = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]
queue_time = _histogram(
    "runpod.job.queue_time", "Time that jobs waited for a worker, by the server.", _LENGTHS
)
execution_time = _histogram(
    "runpod.job.execution_time", "Time that handlers ran, by the server.", _LENGTHS
)
jobs = meter.create_counter(
    "runpod.jobs", unit="{job}", description="Jobs whose end was seen, by their status."
)
