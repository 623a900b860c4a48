"""What a terminal is shown, and what a pipe gets."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import json_text
from runpod_sdk.cli import terminal
from tests.cli.test_inputs import values
from tests.hypothesis_profiles import at_most

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(1000)).decode()
COMMANDS = "\x1b[31m\x1b]0;title\x07\x9b31m\r\b\x00"


class Screen(io.TextIOWrapper):
    """A terminal, as far as it says so."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    def isatty(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


@contextmanager
def watched(encoding: str = "utf-8", **environment: str) -> Iterator[Screen]:
    """Let standard output and standard error be one terminal."""
    screen = Screen(encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NO_COLOR", raising=False)
        for name, value in {"TERM": "xterm", **environment}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "stdout", screen)
        patch.setattr(sys, "stderr", screen)
        yield screen


@given(values | st.just(COMMANDS))
@at_most(30)
def test_json_can_be_read_again(value: object) -> None:
    """In colour or not, and whatever the encoding; and it commands no terminal."""
    for encoding in ("utf-8", "ascii", "latin-1"):
        with watched(encoding, NO_COLOR="1") as plain:
            terminal.print_json(value)
        assert json.loads(plain.shown) == value
        assert all(c == "\n" or c.isprintable() or ord(c) > 0x9F for c in plain.shown)
        with watched(encoding) as coloured:
            terminal.print_json(value)
        assert re.sub("\x1b\\[[0-9;]+m", "", coloured.shown) == plain.shown


def test_colours_take_little_memory() -> None:
    """Of a long text too, which is that of one token."""
    text = 'a "b" ' * 200_000
    with watched() as screen:
        tracemalloc.start()
        try:
            terminal.print_json({"key": text, "number": 7})
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 20 * len(text)
    for coloured in ('\x1b[1m"key"\x1b[0m: \x1b[32m"a ', "\x1b[36m7\x1b[0m"):
        assert coloured in screen.shown


@pytest.mark.parametrize("switch", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_colour_can_be_switched_off(switch: dict[str, str]) -> None:
    with watched() as screen:
        terminal.print_json({"a": 1})
    assert "\x1b[" in screen.shown
    with watched(**switch) as screen:
        terminal.print_json({"a": 1})
    assert screen.shown == '{\n  "a": 1\n}\n'


def test_a_pipe_gets_no_colour_and_whole_files(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_json({"image": PNG})
    assert json.loads(capsys.readouterr().out) == {"image": PNG}


def test_a_person_is_not_shown_base64() -> None:
    with watched() as screen:
        terminal.print_json({"images": [PNG]})
    assert PNG not in screen.shown
    assert "(image/png, 1.0 kB; --save DIR writes it to a file)" in screen.shown


def test_a_server_can_not_command_the_terminal() -> None:
    """Neither by what it returns nor by what it says of an error."""
    with watched() as screen:
        terminal.print_text(f"out{COMMANDS}")
        terminal.print_note(f"err{COMMANDS}")
        terminal.print_error(f"why{COMMANDS}")
    assert not set(screen.shown) & set("\x1b\x07\x9b\b\x00\r")


def test_a_server_can_not_change_how_its_words_look() -> None:
    """Nor turn them around, or hide some: such characters are escaped, as JSON would."""
    every = map(chr, range(sys.maxunicode + 1))
    text = "".join(one for one in every if category(one) == "Cf") + "\u2028\u2029"
    with watched() as screen:
        terminal.print_text(f"out{text}")
        terminal.print_note(f"err{text}")
        terminal.print_error(f"why{text}")
        terminal.print_json({f"key{text}": text})
    assert not set(screen.shown) & set(text)
    assert "\\u202e" in screen.shown
    with watched(NO_COLOR="1") as plain:
        terminal.print_json([text])
    assert json.loads(plain.shown) == [text]


@pytest.mark.parametrize("text", ["größer", "日本語", "\U0001f600\U0001f3fd", "e\u0301", "a\tb\nc"])
def test_what_can_be_seen_is_shown(text: str) -> None:
    with watched() as screen:
        terminal.print_text(text)
    assert screen.shown == f"{text}\n"


def test_a_pipe_gets_format_characters_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_json(["\u202e"])
    assert capsys.readouterr().out == '[\n  "\u202e"\n]\n'


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_what_json_has_no_form_for_is_null(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever reads the output can read all of it; that something is missing is said."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads(f'{{"a": [{number}, 1.5], "b": {number}, "n": {"9" * 4000}9}}')
    for indent in (2, None):
        terminal.print_json(document, indent=indent)
        shown = capsys.readouterr()
        assert json.loads(shown.out, parse_constant=refuse) == {
            **document,
            "a": [None, 1.5],
            "b": None,
        }
        assert shown.err == "NaN and Infinity, which JSON does not have, are printed as null\n"
    assert terminal.json_line(document["a"]) == "[null, 1.5]"
    terminal.print_json([1.5])
    assert capsys.readouterr().err == ""


def test_integers_of_any_length_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_json(json_text.read("[" + "7" * 5000 + "]"), indent=None)
    assert capsys.readouterr().out == "[" + "7" * 5000 + "]\n"


def test_a_sentence_breaks_between_words() -> None:
    """At 79 columns, where the terminal does not tell how many it has."""
    with watched() as screen:
        terminal.print_error("words and " * 20 + "x" * 100)
    assert max(len(line) for line in screen.shown.splitlines()[:-1]) <= 79
    assert screen.shown.splitlines()[-1] == "x" * 100


def test_a_pipe_gets_text_as_it_is(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """And raw is nothing but the string."""
    terminal.print_text(COMMANDS)
    terminal.print_raw("größer\udc80")
    assert capfdbinary.readouterr().out == (COMMANDS + "\ngrößer").encode() + b"\xed\xb2\x80"


def test_what_an_encoding_lacks_is_replaced() -> None:
    with watched("ascii") as screen:
        terminal.print_note("größer")
    assert screen.shown == "gr??er\n"


@pytest.mark.parametrize(
    ("count", "spelled"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (10**7, "10.0 MB")]
)
def test_sizes_are_spelled(count: int, spelled: str) -> None:
    assert terminal.size(count) == spelled
