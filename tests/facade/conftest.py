"""The fixtures of the tests through the public API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal

from tests.facade.clients import MODES, Driver, open_portal
from tests.facade.clients import driver as drive


@pytest.fixture(scope="session")
def portal_of() -> Iterator[Callable[[str], BlockingPortal]]:
    """Return the event loop of a mode, which begins with its first test, and all of them share."""
    with ExitStack() as stack:
        yield cache(lambda mode: stack.enter_context(open_portal(mode)))


@pytest.fixture(params=MODES)
def driver(
    request: pytest.FixtureRequest, portal_of: Callable[[str], BlockingPortal]
) -> Iterator[Driver]:
    """Run the test in each of the three modes."""
    mode: str = request.param
    with drive(mode, None if mode.startswith("sync") else portal_of(mode)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, empty_home: Path) -> None:
    """Hide the configuration of the user who runs the tests."""
    monkeypatch.setenv("HOME", str(empty_home))
    monkeypatch.setenv("USERPROFILE", str(empty_home))
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    monkeypatch.delenv("RUNPOD_ENDPOINT_BASE_URL", raising=False)
