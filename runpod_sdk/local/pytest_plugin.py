"""
Fixtures for the tests of applications; pytest finds them by itself where the SDK is installed.

    def test_it(runpod_local):
        local = runpod_local(lambda job: job["input"])
        assert my_application.ask(local.client()) == …

Nothing of the SDK is loaded before a test asks for one of them. `-p no:runpod_sdk` leaves them out.
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
    Give a clock that stands still until `advance`; the endpoints of `runpod_local` follow it.

    Of use to see what takes half an hour: the retention of results, TTL, execution timeouts.
    """
    from . import VirtualClock

    return VirtualClock()


@pytest.fixture
def runpod_local(request: pytest.FixtureRequest) -> Iterator[type[LocalEndpoint]]:
    """
    Give a `LocalEndpoint` whose instances start when they are made, and end with the test.

    Call it with a handler, and what else `LocalEndpoint` takes, as often as needed. For the
    time of the test, the environment points to the last one that was made: `RUNPOD_API_KEY`,
    `RUNPOD_ENDPOINT_BASE_URL` and `RUNPOD_ENDPOINT_ID`, so that an application that makes a
    client of its own reaches it. The clients that it makes end with the test as well; the async
    ones, if the test is async.
    """
    from ._testing import endpoints_for

    follows = "runpod_clock" in request.fixturenames
    clock: VirtualClock | None = request.getfixturevalue("runpod_clock") if follows else None
    with pytest.MonkeyPatch.context() as patch, endpoints_for(request.node, patch, clock) as made:
        yield made
