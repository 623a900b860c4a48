"""The endpoints of the pytest fixtures, and the clean-up after a test."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self

import pytest

from runpod_sdk import AsyncRunpod, Runpod

from ._endpoint import LocalEndpoint

if TYPE_CHECKING:
    from ._clock import VirtualClock


@contextmanager
def endpoints_for(
    item: Any, patch: pytest.MonkeyPatch, clock: VirtualClock | None
) -> Generator[type[LocalEndpoint], None, None]:
    """
    Yield a class of endpoints that are closed at the end of the block.

    Args:
        item: The test; async clients are closed in it, at its end.
        patch: Sets the environment variables that lead to the endpoints.
        clock: The endpoints' default clock.
    """
    clients: list[AsyncRunpod] = []
    _finally_close(clients, item)
    with ExitStack() as stack:

        class FixtureEndpoint(LocalEndpoint):
            __doc__ = LocalEndpoint.__doc__

            def __init__(self, *args: Any, **settings: Any) -> None:
                if clock is not None:
                    settings.setdefault("clock", clock)
                super().__init__(*args, **settings)
                stack.enter_context(self)

            def start(self) -> Self:
                try:
                    super().start()
                except ImportError as error:
                    pytest.fail(str(error), pytrace=False)
                patch.setenv("RUNPOD_API_KEY", self.api_key)
                patch.setenv("RUNPOD_ENDPOINT_BASE_URL", self.base_url)
                patch.setenv("RUNPOD_ENDPOINT_ID", self.endpoint_id)
                patch.setenv("no_proxy", _no_proxy_with_loopback())
                return self

            def client(self) -> Runpod:
                return stack.enter_context(super().client())

            def async_client(self) -> AsyncRunpod:
                clients.append(super().async_client())
                return clients[-1]

        yield FixtureEndpoint


def _no_proxy_with_loopback() -> str:
    """Return the variable no_proxy with 127.0.0.1 added."""
    hosts = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return ",".join(dict.fromkeys([*filter(None, hosts.split(",")), "127.0.0.1"]))


def _finally_close(clients: list[AsyncRunpod], item: Any) -> None:
    """Close *clients* at the end of an async test, as their connections belong to its loop."""
    test: Callable[..., Any] | None = getattr(item, "obj", None)
    if test is None or not inspect.iscoroutinefunction(test):
        return

    @functools.wraps(test)
    async def closing(*args: Any, **arguments: Any) -> Any:
        try:
            return await test(*args, **arguments)
        finally:
            for client in clients:
                await client.aclose()

    item.obj = closing
