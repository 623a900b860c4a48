"""All that clients may ask an endpoint for."""

from __future__ import annotations

from collections.abc import Callable

from runpod_sdk.local._broker import Broker
from runpod_sdk.local._limits import Limits

from . import batches, jobs, openai, overview
from .routing import Route


def routes(
    broker: Broker, limits: Limits, clock: Callable[[], float], endpoint_id: str
) -> list[Route]:
    """List the routes of the clients' API."""
    return [
        *jobs.routes(broker, limits),
        *openai.routes(broker, limits),
        *batches.routes(broker, limits, clock, endpoint_id),
        *overview.routes(broker),
    ]
