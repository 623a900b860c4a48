"""The endpoints that pytest's fixtures make, and what has to be tidied up after them."""

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
    Give a class of endpoints that run until the end of the block, at the latest.

    Args:
        item: The test, whose async clients are closed where it ends.
        patch: Through which the environment is pointed to them.
        clock: What they follow if they are not told otherwise.
    """
    clients: list[AsyncRunpod] = []
    _finally_close(clients, item)
    with ExitStack() as stack:

        class Endpoint(LocalEndpoint):
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
                patch.setenv("no_proxy", _with_this_machine())
                return self

            def client(self) -> Runpod:
                return stack.enter_context(super().client())

            def async_client(self) -> AsyncRunpod:
                clients.append(super().async_client())
                return clients[-1]

        yield Endpoint


def _with_this_machine() -> str:
    """List the hosts that are asked without a proxy, and this one."""
    hosts = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return ",".join(dict.fromkeys([*filter(None, hosts.split(",")), "127.0.0.1"]))


def _finally_close(clients: list[AsyncRunpod], item: Any) -> None:
    """Let an async test close *clients* at its end: connections belong to its event loop."""
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
