"""The rate limits of the service, as a middleware."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._rules.rates import Meter, RateExceeded

from .app import Middleware
from .http import HTTPRequest, HTTPResponse
from .routing import HTTPRoute


def rate_limits(broker: Broker, clock: Callable[[], float]) -> Middleware:
    """Return a middleware that refuses requests over the documented rates with 429."""

    def running() -> int:
        return broker.apply(broker.queue.counts).running

    meters = {operation: Meter(rate) for operation, rate in _wire.RATES.items()}

    async def limit(
        request: HTTPRequest, route: HTTPRoute, ask: Callable[[], Awaitable[HTTPResponse]]
    ) -> HTTPResponse:
        meter = meters.get(route.name)
        if meter is None:
            return await ask()
        try:
            meter.enter(clock(), running)
        except RateExceeded as refusal:
            return HTTPResponse.problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"rate limit exceeded: {route.name} allows {refusal}",
                **{_wire.RETRY_AFTER: str(max(1, math.ceil(refusal.wait)))},
            )
        request.on_close(meter.leave)
        return await ask()

    return limit
