"""Values that Python reads and does not easily write, show or pickle again."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import (
    APIResponseValidationError,
    APIStatusError,
    EndpointHealth,
    JobFailedError,
    JobState,
    json_text,
)
from tests.hypothesis_profiles import at_most
from tests.wire.test_values import endpoint

LONG = "7" * 5_000
COPIES = pytest.mark.parametrize(
    "copied",
    [lambda value: pickle.loads(pickle.dumps(value)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)


def nested(depth: int) -> Any:
    """Make lists and dicts by turns, with something beside what is nested."""
    value: Any = {"a": [1, None], "b": "x"}
    for level in range(depth):
        value = {"k": value, "z": level} if level % 2 else [level, value, "y"]
    return value


def check_same(first: Any, second: Any) -> None:
    """Compare values of any depth, the order of names included."""
    rest = [(first, second)]
    while rest:
        one, other = rest.pop()
        assert type(one) is type(other)
        if isinstance(one, dict):
            assert list(one) == list(other)
            rest += zip(one.values(), other.values(), strict=True)
        elif isinstance(one, list):
            rest += zip(one, other, strict=True)
        else:
            assert one == other


@at_most(50)
@given(st.integers(0, 13_000), st.integers(0, 9), st.sampled_from(["", "-"]))
def test_integers_of_any_length(length: int, digit: int, sign: str) -> None:
    """They are read, and written with the same digits, next to whatever else."""
    digits = f"{sign}1{str(digit) * length}"
    text = f'[{digits}, {{"a": {digits}, "b": [1, 2.5, "{digits}"]}}, true]'
    value = json_text.read(text)
    assert abs(value[0]) % 10**9 == int(digits.lstrip("-")[-9:])
    assert (value[0] < 0) == (sign == "-")
    assert json_text.write(value) == text
    assert json_text.read(json_text.write(value, indent=1, sort_keys=True)) == value


def test_a_limit_of_the_process_does_not_count_and_stays() -> None:
    """The strictest one that Python allows changes nothing, and nothing changes it."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert json_text.write(json_text.read(f"[{LONG}]")) == f"[{LONG}]"
        assert json_text.write(json_text.read(f"[{LONG[:1000]}]")) == f"[{LONG[:1000]}]"
        assert sys.get_int_max_str_digits() == 640
    finally:
        sys.set_int_max_str_digits(before)


@pytest.mark.parametrize("text", ["[1,]", f"[{LONG}", f"[{LONG}x]", '"\t"'])
def test_what_is_no_json_is_none(text: str) -> None:
    """With a long integer in it or not."""
    with pytest.raises(json.JSONDecodeError):
        json_text.read(text)


def test_nan_can_be_refused_beside_a_long_integer() -> None:
    value = json_text.read(f"[{LONG}, NaN]")
    assert json_text.write(value) == f"[{LONG}, NaN]"
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text.write(value, allow_nan=False)


def test_an_answer_with_long_integers() -> None:
    """Wherever they are, the state can be had, shown and written."""
    number = json_text.read(LONG)
    body = (
        f'{{"id": "x", "status": "COMPLETED", "output": {{"n": {LONG}}}, "odd": -{LONG},'
        f' "retries": {LONG}, "delayTime": {LONG}, "error": {LONG}}}'
    )
    for large in ("", " " * 70_000):
        state = endpoint((body + large).encode()).status("x")
        assert state.output == {"n": number}
        assert state.extra == {"odd": -number}
        assert (state.retries, state.delay_time, state.error) == (None, None, LONG)
        assert "7777" in repr(state)
        assert "7777" in state._repr_html_()
        assert json_text.read(json_text.write(state.to_dict())) == state.to_dict()
    failed = endpoint(f'{{"id": "x", "status": "FAILED", "error": {{"n": {LONG}}}}}'.encode())
    with pytest.raises(JobFailedError, match="7777"):
        failed.job("x").output()
    refused = endpoint(f'{{"detail": [{LONG}]}}'.encode(), code=400)
    with pytest.raises(APIStatusError, match=r"HTTP 400.*7777") as caught:
        refused.status("x")
    assert caught.value.body == {"detail": [number]}


@COPIES
@pytest.mark.parametrize("depth", [0, 99, 5_000])
def test_an_error_with_a_deep_body(copied: Callable[[Any], Any], depth: int) -> None:
    """It can be carried to another process, and shown."""
    error = APIResponseValidationError("what", body=nested(depth))
    other = copied(error)
    check_same(other.body, error.body)
    assert repr(other) == repr(error) == "APIResponseValidationError('what')"


@COPIES
def test_a_state_with_a_deep_output(copied: Callable[[Any], Any]) -> None:
    """And the error that carries it."""
    wire = {"id": "x", "status": "FAILED", "output": nested(5_000), "odd": nested(4_000)}
    state: JobState = JobState(
        id="x",
        status="FAILED",
        output=wire["output"],
        has_output=True,
        extra={"odd": wire["odd"]},
        wire=wire,
    )
    with pytest.raises(JobFailedError) as caught:
        state.raise_for_status()
    for other in (copied(state), copied(caught.value).state):
        check_same(other.to_dict(), wire)
        check_same(other.output, wire["output"])
        check_same(dict(other.extra), {"odd": wire["odd"]})
        assert repr(other) == repr(state)
        assert attrs.evolve(other, output=1, extra={}, wire={}) == attrs.evolve(
            state, output=1, extra={}, wire={}
        )


@COPIES
def test_a_health_with_deep_fields(copied: Callable[[Any], Any]) -> None:
    deep = nested(200)
    health = endpoint({"jobs": {"odd": deep, "inQueue": 3}, "more": deep}).health()
    other = copied(health)
    assert isinstance(other, EndpointHealth)
    assert other.jobs.in_queue == 3
    check_same(other.jobs.extra["odd"], deep)
    check_same(other.extra["more"], deep)
    assert repr(other) == repr(health)
