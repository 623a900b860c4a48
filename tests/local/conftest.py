"""Fixtures of the local endpoint's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from runpod_sdk.local import Handler, LocalEndpoint

from .support import Api, Clock, echo

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


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """Share one endpoint that echoes among the tests of a module."""
    with LocalEndpoint(echo) as local:
        api = Api(local)
        yield api
        api.http.close()
