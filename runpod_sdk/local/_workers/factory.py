"""Which kind of workers an endpoint has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runpod_sdk.local._broker import Broker, Workforce
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.jobs import Run

from .command import WorkerAddresses, WorkerCommand
from .handler import Handler
from .process import Processes
from .thread import Threads


def workforce(
    handler: Handler | WorkerCommand | None,
    *,
    aggregate: bool,
    broker: Broker,
    limits: Limits,
    addresses: Callable[[], WorkerAddresses],
) -> Workforce:
    """
    Make what runs the jobs of a broker.

    Raises:
        FileNotFoundError: There is no such program.
        TypeError: The handler is none.
        ValueError: The way of streams is that of a handler, and there is none.
    """
    if handler is not None and not isinstance(handler, WorkerCommand):
        grace = limits.shutdown_grace
        return Threads(handler, aggregate=aggregate, reports=broker, grace=grace)
    if aggregate:
        raise ValueError(
            "return_aggregate_stream is of a handler; a worker tells runpod.serverless.start()"
        )
    if handler is None:
        return Nobody()
    return Processes(handler, addresses=addresses, reports=broker, grace=limits.process_grace)


class Nobody:
    """No workers of ours: those that there are, somebody else has started."""

    def launch(self, worker: str) -> None:
        raise AssertionError("nobody is ours")

    def assign(self, run: Run, request: Mapping[str, Any]) -> None:
        raise AssertionError("nobody is pushed to")

    def stop(self, run: Run) -> None: ...
    def retire(self, worker: str) -> None: ...
    def close(self) -> None: ...
    def join(self) -> None: ...
