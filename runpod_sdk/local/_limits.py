"""What a local endpoint allows, and for how long; the values of the real service by default."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import lt

_MIB = 1024 * 1024


def seconds(value: float | timedelta) -> float:
    """Read a length of time, in seconds."""
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def _positive(_: object, attribute: Attribute[Any], value: float) -> None:
    if not value > 0:  # NaN too
        raise ValueError(f"{attribute.name} must be greater than zero, not {value}")


def _all_seconds(values: Iterable[float | timedelta]) -> tuple[float, ...]:
    return tuple(seconds(value) for value in values)


def _not_negative(_: object, attribute: Attribute[Any], values: tuple[float, ...]) -> None:
    if not all(value >= 0 for value in values):  # NaN too
        raise ValueError(f"{attribute.name} must not be negative, not {values}")


@frozen(kw_only=True)
class Limits:
    """
    Times and sizes that a `LocalEndpoint` holds to.

    Times are seconds or `timedelta`, sizes are bytes. Shorten them to see in a test what
    takes half an hour in the real service.

    Args:
        execution_timeout: Longest run of a job that brings no `policy.executionTimeout`.
        ttl: Longest time from submission to the end of a job that brings no `policy.ttl`.
        retention: How long a finished job of `/run` can be asked for.
        sync_retention: The same, of `/runsync`.
        sync_retention_after_wait: The same, of `/runsync?wait=…`.
        run_sync_wait: How long `/runsync` holds a request that brings no `wait`.
        status_sync_wait: The same, of `/status-sync`.
        stream_wait: The same, of `/stream`.
        run_body: Longest body of `/run`.
        run_sync_body: Longest body of `/runsync`.
        webhook_timeout: How long the receiver of a webhook has for its answer, each time.
        webhook_retry_delays: How long to wait before each further attempt at a webhook that was
            not taken; there are as many of these as lengths here, and none if it is empty.
        job_take_wait: How long a worker that asks for jobs, or for what to stop, is held; below
            90 seconds, after which RunPod's package gives up.
        worker_timeout: How long nothing has to be heard of a worker that pulls before it is
            taken to have vanished.
        stop_grace: How long a worker process may go on with a job that was cancelled or has
            overrun, before the process is ended. It pings each second to say what it runs.
        process_grace: How long a worker process that was told to end may take, before it is killed.
        result_body: Longest body of a worker's report; the result of a longer one is lost.
        chunk_size: Longest chunk of a stream, as JSON; a longer text comes as several.
        sweep_interval: Longest time between two looks at what has expired, when nobody asks
            for anything. A job may overrun its execution timeout by this much, as it does in
            the real service by some seconds.
        shutdown_grace: How long closing waits for handlers that were told to stop.
    """

    execution_timeout: float = field(default=600.0, converter=seconds, validator=_positive)
    ttl: float = field(default=86_400.0, converter=seconds, validator=_positive)
    retention: float = field(default=1_800.0, converter=seconds, validator=_positive)
    sync_retention: float = field(default=60.0, converter=seconds, validator=_positive)
    sync_retention_after_wait: float = field(default=300.0, converter=seconds, validator=_positive)
    run_sync_wait: float = field(default=90.0, converter=seconds, validator=_positive)
    status_sync_wait: float = field(default=90.0, converter=seconds, validator=_positive)
    stream_wait: float = field(default=10.0, converter=seconds, validator=_positive)
    run_body: int = field(default=10 * _MIB, validator=_positive)
    run_sync_body: int = field(default=20 * _MIB, validator=_positive)
    webhook_timeout: float = field(default=10.0, converter=seconds, validator=_positive)
    webhook_retry_delays: tuple[float, ...] = field(
        default=(5.0, 15.0), converter=_all_seconds, validator=_not_negative
    )
    job_take_wait: float = field(default=5.0, converter=seconds, validator=[_positive, lt(90)])
    worker_timeout: float = field(default=60.0, converter=seconds, validator=_positive)
    stop_grace: float = field(default=5.0, converter=seconds, validator=_positive)
    process_grace: float = field(default=5.0, converter=seconds, validator=_positive)
    result_body: int = field(default=20 * _MIB, validator=_positive)
    chunk_size: int = field(default=_MIB, validator=_positive)
    sweep_interval: float = field(default=1.0, converter=seconds, validator=_positive)
    shutdown_grace: float = field(default=1.0, converter=seconds, validator=_positive)
