"""The fixtures of the tests through the public API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.facade.clients import MODES, Driver
from tests.facade.clients import driver as drive


@pytest.fixture(params=MODES)
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    """Run the test in each of the three modes."""
    with drive(request.param) as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, empty_home: Path) -> None:
    """Hide the configuration of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(empty_home))
    monkeypatch.setenv("USERPROFILE", str(empty_home))
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    monkeypatch.delenv("RUNPOD_ENDPOINT_BASE_URL", raising=False)
