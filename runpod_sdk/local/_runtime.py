"""One endpoint of a local server: its queue, its workers and its routes."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from typing import TypeAlias

from attrs import frozen

from ._active_faults import ActiveJobFaults, Faults
from ._broker import Broker
from ._limits import Limits
from ._rules.fleet import Fleet, Scaling
from ._rules.queue import Queue
from ._serving.app import EndpointRoutes, Middleware, api_routes
from ._serving.rates import rate_limits
from ._serving.workers import routes as worker_routes
from ._workers.command import WorkerAddresses, WorkerCommand
from ._workers.factory import make_worker_pool
from ._workers.handler import Handler

Served: TypeAlias = Handler | WorkerCommand | None
"""The workers of an endpoint: a function, worker processes, or external workers only."""


@frozen(kw_only=True)
class EndpointSettings:
    """The settings that all endpoints of a server share; see `LocalEndpoint`."""

    workers: int
    min_workers: int
    cold_start: float
    idle_timeout: float
    return_aggregate_stream: bool
    limits: Limits
    rate_limits: bool
    clock: Callable[[], float]


class EndpointRuntime:
    """
    Run the jobs of one endpoint.

    Args:
        endpoint_id: The endpoint's id.
        handler: Runs the jobs.
        settings: The workers, limits and clock.
        faults: The faults of the server, which apply to this endpoint too.
        addresses: Returns the addresses for the endpoint's workers, once the server has a port.
    """

    def __init__(
        self,
        endpoint_id: str,
        handler: Served,
        settings: EndpointSettings,
        *,
        faults: Faults,
        addresses: Callable[[], WorkerAddresses],
    ) -> None:
        self._settings = settings
        self.endpoint_id = endpoint_id
        job_faults = ActiveJobFaults(faults)
        fleet = Fleet(
            Scaling(
                least=settings.min_workers,
                most=settings.workers,
                idle_timeout=settings.idle_timeout,
                pull=isinstance(handler, WorkerCommand),
            )
            if handler is not None
            else Scaling(),
            random_id,
        )
        fleet.start_delay = lambda: max(settings.cold_start, job_faults.start_delay())
        queue = Queue(fleet, job_faults, chunk_size=settings.limits.chunk_size)
        self.broker = Broker(queue, clock=settings.clock, limits=settings.limits)
        self._worker_pool = make_worker_pool(
            handler,
            aggregate=settings.return_aggregate_stream,
            broker=self.broker,
            limits=settings.limits,
            addresses=addresses,
        )

    def open(self) -> None:
        """Start the queue and the workers, on the running loop."""
        self.broker.open(self._worker_pool)

    def join(self) -> None:
        """Wait for the workers to end, after the broker was closed."""
        self._worker_pool.join()

    def routes(self, *middlewares: Middleware) -> EndpointRoutes:
        """Return the endpoint's routes, with *middlewares* around the clients' routes."""
        limits, clock = self._settings.limits, self._settings.clock
        layers = list(middlewares)
        if self._settings.rate_limits:
            layers.append(rate_limits(self.broker, clock))
        return EndpointRoutes(
            api_routes(self.broker, limits, clock, self.endpoint_id),
            worker_routes(self.broker, limits),
            layers,
        )

    def advance(self) -> None:
        """Act on the clock's time, from any thread."""
        self.broker.apply_from_any_thread(self.broker.queue.advance)

    def restart_workers(self) -> None:
        """Replace all workers, each when its runs have ended; from any thread."""
        self.broker.apply_from_any_thread(lambda _: self.broker.queue.fleet.replace_all())


def random_id() -> str:
    """Return a random id of an endpoint or a worker, in the form of the real ones."""
    return "".join(random.choices(string.ascii_lowercase + string.digits, k=14))
