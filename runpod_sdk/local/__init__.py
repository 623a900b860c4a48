"""
A RunPod endpoint on this machine: a real server with a queue and workers, for tests.

Needs the extra: `pip install 'runpod_sdk[local]'`. Handlers may import `progress_update`
without it. Names are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._active_faults import ActiveFault, Faults
    from ._clock import VirtualClock
    from ._endpoint import LocalEndpoint
    from ._faults import (
        ExpiredResult,
        Fault,
        GatewayTimeout,
        LostReply,
        LostRequest,
        NoOutput,
        RateLimited,
        ServerFailure,
        SlowReply,
        SlowStart,
    )
    from ._limits import Limits
    from ._workers.command import WorkerCommand
    from ._workers.handler import Handler
    from ._workers.progress import progress_update

_HOMES = {
    "_active_faults": ["ActiveFault", "Faults"],
    "_clock": ["VirtualClock"],
    "_endpoint": ["LocalEndpoint"],
    "_faults": [
        "ExpiredResult",
        "Fault",
        "GatewayTimeout",
        "LostReply",
        "LostRequest",
        "NoOutput",
        "RateLimited",
        "ServerFailure",
        "SlowReply",
        "SlowStart",
    ],
    "_limits": ["Limits"],
    "_workers.command": ["WorkerCommand"],
    "_workers.handler": ["Handler"],
    "_workers.progress": ["progress_update"],
}
_HOME_OF = {name: home for home, make_id in _HOMES.items() for name in make_id}

__all__ = [
    "ActiveFault",
    "ExpiredResult",
    "Fault",
    "Faults",
    "GatewayTimeout",
    "Handler",
    "Limits",
    "LocalEndpoint",
    "LostReply",
    "LostRequest",
    "NoOutput",
    "RateLimited",
    "ServerFailure",
    "SlowReply",
    "SlowStart",
    "VirtualClock",
    "WorkerCommand",
    "progress_update",
]


if not TYPE_CHECKING:  # or any name would pass for one of ours

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
