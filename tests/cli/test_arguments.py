"""How options become arguments of the SDK."""

from __future__ import annotations

import pytest
import typer

from runpod_sdk import ExecutionPolicy
from runpod_sdk.cli import arguments


def test_a_policy_is_made_of_the_options_that_are_given() -> None:
    assert arguments.request("1", None, None, None, None, False) == {"input": 1}
    assert arguments.request("null", [], "https://example.com", "5", None, True) == {
        "input": None,
        "webhook": "https://example.com",
        "policy": ExecutionPolicy(execution_timeout=5.0, low_priority=True),
    }


def test_a_timeout_may_be_left_out_or_be_none() -> None:
    assert arguments.timeout_option(None) == {}
    assert arguments.timeout_option("none") == {"timeout": None}
    assert arguments.timeout_option("2.5") == {"timeout": 2.5}
    with pytest.raises(typer.BadParameter, match="soon"):
        arguments.timeout_option("soon")


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("30s", "30"), ("1.5m", "90"), ("2h", "7200"), ("500ms", "0.5"), ("10 sec", "10")],
)
def test_a_duration_with_a_unit_is_told_in_seconds(typed: str, seconds: str) -> None:
    for given in (lambda: arguments.timeout_option(typed), lambda: policy(typed)):
        with pytest.raises(typer.BadParameter) as caught:
            given()
        assert f"{typed!r} is not a number of seconds" in caught.value.message
        assert caught.value.message.endswith(f"; for {typed} write {seconds}")


@pytest.mark.parametrize("typed", ["0", "-1", "nan", "-inf"])
def test_a_duration_is_greater_than_zero(typed: str) -> None:
    """The error is one of usage, and names the option."""
    for given in (lambda: arguments.timeout_option(typed), lambda: policy(typed)):
        with pytest.raises(typer.BadParameter) as caught:
            given()
        assert caught.value.message == f"{typed} is not greater than zero"
        assert caught.value.param_hint in ("--timeout", "--ttl")


def policy(ttl: str) -> object:
    return arguments.request("1", None, None, None, ttl, False)
