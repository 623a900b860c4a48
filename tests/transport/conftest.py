"""The ways to a server: connections of our own under each port, and aiohttp."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from tests.facade.clients import Driver

WAYS = ("sync", "asyncio", "trio", "aiohttp")


class Way(Driver):
    """Makes clients that go one way to their server."""

    def client(self, **options: Any) -> Any:
        if self.mode == "aiohttp":
            options = {"transport": "aiohttp", **options}
        return super().client(rate_limits=False, **options)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Run the test on each way."""
    mode: str = request.param
    with ExitStack() as stack:
        if mode == "aiohttp":
            pytest.importorskip("aiohttp")
        backend = "asyncio" if mode == "aiohttp" else mode
        portal = None if mode == "sync" else stack.enter_context(start_blocking_portal(backend))
        yield Way(mode, portal, stack)
