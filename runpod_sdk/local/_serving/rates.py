"""The rate limits of the service, as a layer."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._rules.rates import Meter, TooMany

from .app import Layer
from .http import Answer, Request
from .routing import Route


def rate_limits(broker: Broker, clock: Callable[[], float]) -> Layer:
    """Make the layer that refuses with 429 what is over the documented rates."""

    def running() -> int:
        return broker.apply(broker.queue.counts).running

    meters = {operation: Meter(rate) for operation, rate in _wire.RATES.items()}

    async def limit(request: Request, route: Route, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        meter = meters.get(route.name)
        if meter is None:
            return await ask()
        try:
            meter.enter(clock(), running)
        except TooMany as refusal:
            return Answer.problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"rate limit exceeded: {route.name} may be asked for {refusal}",
                **{_wire.RETRY_AFTER: str(max(1, math.ceil(refusal.wait)))},
            )
        request.on_close(meter.leave)
        return await ask()

    return limit
