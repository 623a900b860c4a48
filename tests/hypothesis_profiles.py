"""How often a property is tried."""

from __future__ import annotations

from typing import Any

from hypothesis import settings


def at_most(examples: int, **options: Any) -> settings:
    """Make the settings of a property that need not be tried more often than this."""
    return settings(max_examples=min(examples, settings().max_examples), **options)
