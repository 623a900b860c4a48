"""Create the workers of an endpoint by the type of its handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runpod_sdk.local._broker import Broker, WorkerPool
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.jobs import Run

from .command import WorkerAddresses, WorkerCommand
from .handler import Handler
from .process import ProcessWorkers
from .thread import ThreadWorkers


def make_worker_pool(
    handler: Handler | WorkerCommand | None,
    *,
    aggregate: bool,
    broker: Broker,
    limits: Limits,
    addresses: Callable[[], WorkerAddresses],
) -> WorkerPool:
    """
    Return the pool of workers for a handler.

    Raises:
        FileNotFoundError: The command's program or folder does not exist.
        TypeError: The handler is not callable.
        ValueError: *aggregate* is set, but the handler does not run in this process.
    """
    if handler is not None and not isinstance(handler, WorkerCommand):
        grace = limits.shutdown_grace
        return ThreadWorkers(handler, aggregate=aggregate, reports=broker, grace=grace)
    if aggregate:
        raise ValueError(
            "return_aggregate_stream is for a handler function; a worker program passes it to"
            " runpod.serverless.start()"
        )
    if handler is None:
        return NoWorkers()
    return ProcessWorkers(handler, addresses=addresses, reports=broker, grace=limits.process_grace)


class NoWorkers:
    """A pool without workers, for endpoints that only external workers serve."""

    def launch(self, worker: str) -> None:
        raise AssertionError("this endpoint starts no workers")

    def assign(self, run: Run, request: Mapping[str, Any]) -> None:
        raise AssertionError("external workers ask for their jobs")

    def stop(self, run: Run) -> None: ...
    def retire(self, worker: str) -> None: ...
    def close(self) -> None: ...
    def join(self) -> None: ...
