"""The transports: own connections under each port and loop, aiohttp, and an httpx client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.facade.clients import Driver
from tests.h11_only import h11_only

WAYS = ("sync", "asyncio", "uvloop", "trio", "aiohttp", "sync by httpx", "asyncio by httpx")
H11_WAYS = ("trio", "sync by httpx")
"""The ways that use h11 although httptools is installed."""
BACKENDS: dict[str, dict[str, Any]] = {
    "asyncio": {"backend": "asyncio"},
    "aiohttp": {"backend": "asyncio"},
    "asyncio by httpx": {"backend": "asyncio"},
    "uvloop": {"backend": "asyncio", "backend_options": {"use_uvloop": True}},
    "trio": {"backend": "trio"},
}


class Way(Driver):
    """Creates clients with one transport."""

    def client(self, **options: Any) -> Any:
        transport = self.mode.rpartition(" by ")[2]
        if transport in ("aiohttp", "httpx"):
            if "http_client" in options:
                pytest.skip("a caller's client goes its own way")
            options = {"transport": transport, **options}
        return super().client(rate_limits=False, **options)


@pytest.fixture(scope="session")
def portal_of() -> Iterator[Callable[[str], BlockingPortal]]:
    """Return the event loop of a mode, which begins with its first test, and all of them share."""
    with ExitStack() as stack:
        yield cache(lambda mode: stack.enter_context(start_blocking_portal(**BACKENDS[mode])))


@pytest.fixture(params=WAYS)
def way(
    request: pytest.FixtureRequest, portal_of: Callable[[str], BlockingPortal]
) -> Iterator[Way]:
    """Run the test with each transport."""
    mode: str = request.param
    if mode in ("aiohttp", "uvloop"):
        pytest.importorskip(mode)
    with ExitStack() as stack:
        if mode in H11_WAYS:
            stack.enter_context(h11_only())
        yield Way(mode, portal_of(mode) if mode in BACKENDS else None, stack)
