"""Fixtures of the tests of telemetry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.facade.clients import KEY
from tests.facade.conftest import driver, no_configuration, portal_of
from tests.otel.exported import Exported, exported

__all__ = ["driver", "no_configuration", "portal_of"]


@pytest.fixture
def told() -> Iterator[Exported]:
    """Run the test as a program with OpenTelemetry; return the exported data."""
    everything = exported()
    everything.show()
    everything.clear()
    yield everything
    everything.hide()
    assert KEY not in everything.everything()
