"""The input of a job, as it is typed."""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk.cli.history import preview
from runpod_sdk.cli.inputs import job_input
from tests.hypothesis_profiles import at_most

keys = st.text(st.characters(exclude_characters="=@:-", exclude_categories=["Cs"]), min_size=1)
texts = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: text[:1] != "@")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(keys, texts), st.dictionaries(keys, values))
@at_most(40)
def test_pairs_are_members_of_the_input(words: dict[str, str], others: dict[str, Any]) -> None:
    """Text with =, JSON with :=, whatever the text or the JSON holds."""
    others = {key: value for key, value in others.items() if key not in words}
    pairs = [f"{key}={value}" for key, value in words.items()]
    pairs += [f"{key}:={json.dumps(value)}" for key, value in others.items()]
    if pairs:
        assert job_input(None, pairs) == {**words, **others}


@given(values)
@at_most(50)
def test_a_preview_of_an_input_is_a_short_line(value: Any) -> None:
    for whole in (value, {"a": value}):
        text = preview(whole)
        assert len(text) <= 80
        assert len(text.splitlines()) <= 1


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("url=http://host/?a=b@c", {"url": "http://host/?a=b@c"}),
        ("mail=me@host", {"mail": "me@host"}),
        ("a:b=c", {"a:b": "c"}),
        ("a.b=c", {"a.b": "c"}),
        ("a=", {"a": ""}),
        ("a=5", {"a": "5"}),
        ("a=:=1", {"a": ":=1"}),
        ('a:="@x"', {"a": "@x"}),
        ("a= b ", {"a": " b "}),
    ],
)
def test_the_first_sign_tells_what_follows(pair: str, expected: Any) -> None:
    assert job_input(None, [pair]) == expected


def test_files_are_text_json_or_bytes(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("größer\n", "utf-8")
    (tmp_path / "json").write_text('{"n": [1]}', "utf-8")
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    there = f"@{tmp_path}"
    given = [f"a={there}/text", f"b:={there}/json", f"c{there}/bytes"]
    assert job_input(None, given) == {
        "a": "größer\n",
        "b": {"n": [1]},
        "c": base64.b64encode(bytes(range(256))).decode(),
    }


def test_pairs_are_added_to_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    assert job_input('{"a": 1, "b": 2}', ["b=x", "c:=3"]) == {"a": 1, "b": "x", "c": 3}
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b'{"a": 1}')))
    assert job_input(None, ["-", "b=x"]) == {"a": 1, "b": "x"}


@pytest.mark.parametrize("source", ["[1]", "null", '"text"'])
def test_an_input_of_any_kind_is_sent_as_it_is(source: str) -> None:
    assert job_input(source, []) == json.loads(source)


@pytest.mark.parametrize(
    ("source", "pairs", "reason"),
    [
        (None, [], "no input: write key=text"),
        ("[1]", ["a=1"], "added to a JSON object only"),
        ("{}", ["-"], "not both"),
        (None, ["a"], "'a' is not a KEY=VALUE pair: write key=text"),
        (None, ["=a"], "'=a' is not a KEY=VALUE pair"),
        (None, [":=1"], "':=1' is not a KEY=VALUE pair"),
        (None, ["@file"], "'@file' is not a KEY=VALUE pair"),
        (None, ['{"prompt": "x"}'], """pair: write --input '{"prompt": "x"}'"""),
        (None, ["a=1", "a:=2"], "'a' is given twice"),
        (None, ["a:={"], "not JSON"),
        (None, ["a:=NaN"], "NaN is not a JSON value"),
        (None, ["a=@no/such"], "can't read no/such: No such file"),
        (None, ["a@no/such"], "can't read no/such: No such file"),
        (None, ["a@nul\0"], "can't read nul"),
        ("[" * 100_000, [], "not JSON"),
    ],
)
def test_what_is_wrong_is_told(
    source: str | None, pairs: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(typer.BadParameter) as caught:
        job_input(source, pairs)
    assert reason in caught.value.message


def test_bytes_are_not_taken_for_text(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(typer.BadParameter, match="is not text") as caught:
        job_input(None, [f"a=@{tmp_path}/bytes"])
    assert f"a@{tmp_path}/bytes" in caught.value.message
