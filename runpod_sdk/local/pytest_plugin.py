"""
Fixtures for the tests of applications; pytest finds them if the SDK is installed.

    def test_it(runpod_local):
        local = runpod_local(lambda job: job["input"])
        assert my_application.ask(local.client()) == …

The SDK is imported when a test uses one of them. `-p no:runpod_sdk` disables them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from . import LocalEndpoint, VirtualClock


@pytest.fixture
def runpod_clock() -> VirtualClock:
    """
    Return a clock that stands still until `advance`; the endpoints of `runpod_local` use it.

    Use it to test what takes long: the retention of results, TTL, execution timeouts.
    """
    from . import VirtualClock

    return VirtualClock()


@pytest.fixture
def runpod_local(request: pytest.FixtureRequest) -> Iterator[type[LocalEndpoint]]:
    """
    Return a `LocalEndpoint` class whose instances start at once and are closed after the test.

    Call it with a handler and the other arguments of `LocalEndpoint`, as often as needed. During
    the test, the environment variables `RUNPOD_API_KEY`, `RUNPOD_ENDPOINT_BASE_URL` and
    `RUNPOD_ENDPOINT_ID` lead to the endpoint created last, so that an application that creates
    its own client reaches it. Clients created by the endpoints are closed after the test too;
    async clients, only if the test is async.
    """
    from ._testing import endpoints_for

    follows = "runpod_clock" in request.fixturenames
    clock: VirtualClock | None = request.getfixturevalue("runpod_clock") if follows else None
    with pytest.MonkeyPatch.context() as patch, endpoints_for(request.node, patch, clock) as made:
        yield made
