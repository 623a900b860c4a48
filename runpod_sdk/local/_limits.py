"""The limits of a local endpoint; by default, the real service's limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import lt

from runpod_sdk.settings import whole_number

_MIB = 1024 * 1024


def seconds(value: float | timedelta) -> float:
    """Return a duration in seconds."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a duration must be a number of seconds or a timedelta, not {value!r}")
    return float(value)


def _positive(_: object, attribute: Attribute[Any], value: float) -> None:
    if not value > 0:  # NaN too
        raise ValueError(f"{attribute.name} must be greater than zero, not {value}")


def _size(_: object, attribute: Attribute[Any], value: int) -> None:
    whole_number(value, attribute.name, 1)


def _all_seconds(values: Iterable[float | timedelta]) -> tuple[float, ...]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise TypeError(f"delays must be a list of durations, such as [5, 15], not {values!r:.60}")
    return tuple(seconds(value) for value in values)


def _not_negative(_: object, attribute: Attribute[Any], values: tuple[float, ...]) -> None:
    if not all(value >= 0 for value in values):  # NaN too
        raise ValueError(f"{attribute.name} must not be negative, not {values}")


@frozen(kw_only=True)
class Limits:
    """
    The timeouts, retention times and sizes of a `LocalEndpoint`.

    Times are seconds or `timedelta`, sizes are bytes. Shorten them to test what takes half an
    hour in the real service.

    Args:
        execution_timeout: The execution timeout of a job without `policy.executionTimeout`.
        ttl: The time to live, from its submission, of a job without `policy.ttl`.
        retention: How long an ended job of `/run` is kept.
        sync_retention: How long an ended job of `/runsync` is kept.
        sync_retention_after_wait: How long an ended job of `/runsync?wait=…` is kept.
        run_sync_wait: How long `/runsync` holds a request without `wait`.
        status_sync_wait: How long `/status-sync` holds a request without `wait`.
        stream_wait: How long `/stream` holds a request without `wait`.
        run_body: The largest body of `/run`.
        run_sync_body: The largest body of `/runsync`.
        webhook_timeout: The timeout of each attempt to deliver a webhook.
        webhook_retry_delays: The pauses before further attempts to deliver a webhook, one for
            each attempt; an empty tuple means no retries.
        job_take_wait: How long a worker's request for jobs, or for jobs to stop, is held; below
            90 seconds, the timeout of RunPod's package.
        worker_timeout: After how long without any request a worker that pulls counts as lost.
        stop_grace: How long a worker process may keep running a job that was cancelled or has
            reached its execution timeout, before the process is ended. It pings each second to
            say which jobs it runs.
        process_grace: How long a worker process may take to end before it is killed.
        result_body: The largest body of a worker's report; a larger result is lost.
        chunk_size: The largest chunk of a stream, as JSON; longer text is split.
        sweep_interval: The longest time between two checks for expired jobs while no request
            comes in. A job may exceed its execution timeout by this much, as it does by some
            seconds in the real service.
        shutdown_grace: How long `close` waits for handlers that were asked to stop.
    """

    execution_timeout: float = field(default=600.0, converter=seconds, validator=_positive)
    ttl: float = field(default=86_400.0, converter=seconds, validator=_positive)
    retention: float = field(default=1_800.0, converter=seconds, validator=_positive)
    sync_retention: float = field(default=60.0, converter=seconds, validator=_positive)
    sync_retention_after_wait: float = field(default=300.0, converter=seconds, validator=_positive)
    run_sync_wait: float = field(default=90.0, converter=seconds, validator=_positive)
    status_sync_wait: float = field(default=90.0, converter=seconds, validator=_positive)
    stream_wait: float = field(default=10.0, converter=seconds, validator=_positive)
    run_body: int = field(default=10 * _MIB, validator=_size)
    run_sync_body: int = field(default=20 * _MIB, validator=_size)
    webhook_timeout: float = field(default=10.0, converter=seconds, validator=_positive)
    webhook_retry_delays: tuple[float, ...] = field(
        default=(5.0, 15.0), converter=_all_seconds, validator=_not_negative
    )
    job_take_wait: float = field(default=5.0, converter=seconds, validator=[_positive, lt(90)])
    worker_timeout: float = field(default=60.0, converter=seconds, validator=_positive)
    stop_grace: float = field(default=5.0, converter=seconds, validator=_positive)
    process_grace: float = field(default=5.0, converter=seconds, validator=_positive)
    result_body: int = field(default=20 * _MIB, validator=_size)
    chunk_size: int = field(default=_MIB, validator=_size)
    sweep_interval: float = field(default=1.0, converter=seconds, validator=_positive)
    shutdown_grace: float = field(default=1.0, converter=seconds, validator=_positive)
