"""A large response has the same value with msgspec and without."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runpod_sdk import json_text
from runpod_sdk._flows import json_codec

numbers = st.integers() | st.floats() | st.integers(2**63 - 2, 2**64 + 2)
texts = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["\ud800", "\x00", "\x7f", "é", "𝄞"]
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
MEANT = ["utf-8", "utf-16", "utf-32", "utf-8-sig"]


def meaning(read: Any, content: bytes) -> object:
    """Return *read*'s value of *content*, with types and signs; or that it is not JSON."""
    try:
        return spelled(read(content))
    except ValueError:
        return ValueError
    except RecursionError:
        return RecursionError


def spelled(value: Any) -> object:
    """Describe a value so that 1 differs from 1.0, and NaN equals NaN."""
    if isinstance(value, float) and math.isnan(value):
        return "float", "nan"
    if isinstance(value, list):
        return [spelled(one) for one in value]
    if isinstance(value, dict):
        return [(name, spelled(one)) for name, one in value.items()]
    return type(value).__name__, value if isinstance(value, int) else repr(value)


def check(content: bytes) -> None:
    """Compare the value of a large *content* with the standard library's value."""
    space = " ".encode("utf-16-le") if content.startswith(b"\xff\xfe") else b" "
    space = " ".encode("utf-32-le") if content.startswith(b"\xff\xfe\0\0") else space
    large = content + space * (json_codec.LARGE // len(space))
    assert meaning(json_codec.decode, large) == meaning(json_text.read, large)


@pytest.fixture(autouse=True, scope="module")
def msgspec_is_there() -> None:
    """msgspec is installed: without it, there is nothing to compare."""
    pytest.importorskip("msgspec")


@given(values, st.booleans(), st.sampled_from(MEANT))
def test_what_json_writes(value: Any, ascii_: bool, encoding: str) -> None:
    """Any value has the same result, in each encoding of JSON."""
    text = json.dumps(value, ensure_ascii=ascii_)
    check(text.encode(encoding, "surrogatepass"))


@given(values, st.integers(0), st.binary(max_size=3))
@example([1e400], 0, b"")
@example({"a": 1}, 2, b'"a": 2, ')
def test_what_json_does_not_write(value: Any, place: int, inserted: bytes) -> None:
    """For any bytes, both refuse them or both return the same value."""
    content = json.dumps(value).encode()
    place %= len(content) + 1
    check(content[:place] + inserted + content[place:])


@pytest.mark.parametrize(
    "text",
    [
        "1e400",
        "-1e400",
        "1" * 400,
        "1" * 5_000,
        "-0",
        "-0.0",
        "1E5",
        "[1,]",
        "01",
        '{"a":1,"a":2}',
        '"\t"',
        "",
    ],
)
def test_corners(text: str) -> None:
    """Huge numbers, repeated names, and almost valid JSON have the same result."""
    check(text.encode())


@pytest.mark.parametrize("depth", [10, 500])
def test_depths(depth: int) -> None:
    """Nested values are read by both."""
    check(b"[" * depth + b"]" * depth)


def test_without_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library reads a large response if the extra is not installed."""
    monkeypatch.setitem(sys.modules, "msgspec", None)
    json_codec._fast.cache_clear()
    try:
        assert json_codec.decode(b" " * json_codec.LARGE + b"[NaN]")[0] != 0
        assert json_codec._fast() is None
    finally:
        json_codec._fast.cache_clear()
