"""What nobody has documented: the requests of an endpoint, and its workers."""

from __future__ import annotations

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._rules.fleet import Phase
from runpod_sdk.local._wire import Operation

from . import requests
from .http import Answer, Request
from .routing import Route


def routes(broker: Broker) -> list[Route]:
    """List the routes of these two."""

    async def list_requests(request: Request) -> Answer:
        offset, limit = requests.page(request.query)
        broker.apply(broker.queue.sweep)
        jobs = [*broker.queue.jobs.values()][::-1]
        return Answer.of(
            _wire.job_list(
                jobs[offset : offset + limit], total=len(jobs), offset=offset, limit=limit
            )
        )

    async def metrics(_: Request) -> Answer:
        counts = broker.apply(broker.queue.counts)
        ready = [worker.id for worker in broker.queue.fleet if worker.phase is Phase.IDLE]
        return Answer.of(_wire.metrics(counts, ready))

    return [
        Route(Operation.REQUESTS, ("GET",), list_requests),
        Route(Operation.METRICS, ("GET",), metrics),
    ]
