"""Fixtures of the local endpoint's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from runpod_sdk.local import Handler, LocalEndpoint

from .support import Api, Clock

Serve = Callable[..., Api]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve handlers for the length of a test."""
    with ExitStack() as stack:

        def start(handler: Handler, **settings: Any) -> Api:
            local = stack.enter_context(LocalEndpoint(handler, **settings))
            api = Api(local)
            stack.callback(api.http.close)
            return api

        yield start
