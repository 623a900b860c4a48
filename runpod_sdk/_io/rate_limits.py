"""The rate limiters of a client, by its option."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runpod_sdk._flows.rate_limit import RateLimiters
from runpod_sdk._importing import whole_imports

if TYPE_CHECKING:
    from runpod_sdk.rate_budget import RateBudget


def rate_limiters(option: bool | float | RateBudget) -> RateLimiters | None:
    """Return new limiters; None if the client does not limit its rates."""
    if option is False:
        return None
    if isinstance(option, float | int):
        return RateLimiters(float(option))
    with whole_imports():
        from runpod_sdk._io.rate_keeper import SharedRateLimiters

    return SharedRateLimiters(option)
