"""How options become arguments of the SDK."""

from __future__ import annotations

import pytest
import typer

from runpod_sdk import ExecutionPolicy
from runpod_sdk.cli import arguments


def test_a_policy_is_made_of_the_options_that_are_given() -> None:
    assert arguments.request("1", None, None, None, None, False) == {"input": 1}
    assert arguments.request("null", [], "https://example.com", 5.0, None, True) == {
        "input": None,
        "webhook": "https://example.com",
        "policy": ExecutionPolicy(execution_timeout=5.0, low_priority=True),
    }


def test_a_timeout_may_be_left_out_or_be_none() -> None:
    assert arguments.limit(None) == {}
    assert arguments.limit("none") == {"timeout": None}
    assert arguments.limit("2.5") == {"timeout": 2.5}
    with pytest.raises(typer.BadParameter, match="soon"):
        arguments.limit("soon")
