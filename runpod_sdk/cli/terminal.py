"""Printing: JSON and text to standard output, notes for a person to standard error."""

from __future__ import annotations

import json
import math
import os
import re
import select
import stat
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO
from unicodedata import category

import typer

from runpod_sdk.cli.exit_status import ExitStatus
from runpod_sdk.json_text import write
from runpod_sdk.media import hint_of, media_of

if TYPE_CHECKING:
    from rich.console import RenderableType

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters, which can command a terminal, except line ends and tabs."""
_SPECIAL = re.compile(r"[^\x00-\x7f]")
_LONG = 400
"""Characters from which base64 is not shown to a person."""

_READER_LEAVES = 20
"""Milliseconds in which the reader of a pipe can leave, before more is fetched for it."""

_NOT_FINITE = "NaN and Infinity, which JSON does not have, are printed as null"
_TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\]++|\\.)*+")(?P<key>(?=:))?'  # without a way back: a text may be long
    r"|(?P<word>\b(?:true|false|null)\b|-?\d[\d.eE+-]*)"
)
_COLOURS = {"key": "1", "text": "32", "word": "36"}
"""Bold keys, as no blue is readable on both black and white."""


def is_terminal(stream: TextIO) -> bool:
    """Return whether *stream* is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def uses_colour(stream: TextIO) -> bool:
    """Return whether *stream* is a terminal with colours. See no-color.org."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def styled(text: str, code: str, stream: TextIO) -> str:
    """Return *text* with a colour or weight, if *stream* shows them."""
    return f"\x1b[{code}m{text}\x1b[0m" if uses_colour(stream) else text


def without_controls(text: str) -> str:
    """
    Replace control characters, with which a server could command a terminal, and escape format
    characters, which reverse or hide the text around them or end its lines.
    """
    return _formats_escaped(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))


def _formats_escaped(text: str) -> str:
    if text.isprintable():
        return text
    return _SPECIAL.sub(
        lambda found: (
            json.dumps(found[0])[1:-1] if category(found[0]) in ("Cf", "Zl", "Zp") else found[0]
        ),
        text,
    )


def size(count: int) -> str:
    """Format a number of bytes."""
    if count < 1000:
        return f"{count} bytes"
    kilos = count / 1000
    return f"{kilos:.1f} kB" if kilos < 1000 else f"{kilos / 1000:.1f} MB"


def print_note(text: str, style: str | None = None) -> None:
    """Print *text* to standard error."""
    text = without_controls(text)
    _write(sys.stderr, (text if style is None else styled(text, style, sys.stderr)) + "\n")


def print_error(text: str) -> None:
    """Print a sentence to standard error; on a terminal, lines break between words."""
    print_note(wrapped(text, sys.stderr))


def wrapped(text: str, stream: TextIO) -> str:
    """Break the lines of a text between words, if *stream* is a terminal."""
    if not is_terminal(stream):
        return text
    width = columns(stream)
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.splitlines()
    )


def columns(stream: TextIO) -> int:
    """Return the columns of a line. The last one stays free, as some terminals wrap there."""
    try:
        return max(1, os.get_terminal_size(stream.fileno()).columns - 1)
    except (OSError, ValueError):
        return 79


def print_json(document: Any, *, indent: int | None = 2) -> None:
    """
    Print *document* to standard output as JSON, and flush.

    A terminal shows it in colours, with a description in place of each file.
    """
    watched = is_terminal(sys.stdout)
    text, whole = _json(_files_named(document) if watched else document, indent)
    if watched:
        text = _formats_escaped(text)
    if uses_colour(sys.stdout):
        text = _TOKEN.sub(_colour_token, text)
    _write(sys.stdout, text + "\n")
    if not whole:
        print_note(_NOT_FINITE)


def json_line_with_note(value: Any) -> str:
    """Return *value* as JSON in a line; print a note if part of it has no form in JSON."""
    text, whole = _json(value, None)
    if not whole:
        print_note(_NOT_FINITE)
    return text


def print_text(text: str, end: str = "\n") -> None:
    """Print *text* to standard output, and flush; to a terminal without control characters."""
    _write(sys.stdout, (without_controls(text) if is_terminal(sys.stdout) else text) + end)


def print_rich(renderable: RenderableType) -> None:
    """Print a table or the like to standard output, which is a terminal."""
    from rich.console import Console

    console = Console(
        file=sys.stdout, force_terminal=uses_colour(sys.stdout), width=columns(sys.stdout)
    )
    with console.capture() as captured:
        console.print(renderable)
    _write(sys.stdout, "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def print_raw(text: str) -> None:
    """Print *text* to standard output as UTF-8, exactly as it is, and flush."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        _write(sys.stdout, text)
    else:
        with _write_errors_handled(sys.stdout):
            sys.stdout.flush()
            buffer.write(text.encode("utf-8", "surrogatepass"))
            buffer.flush()


def json_line(value: Any) -> str:
    """Return *value* as JSON in one line."""
    return _json(value, None)[0]


def _json(document: Any, indent: int | None) -> tuple[str, bool]:
    """Return *document* as JSON, and whether all of it has a form in JSON."""
    whole = True
    try:
        text = write(document, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError:
        document, whole = _non_finite_as_null(document), False
        text = write(document, indent=indent, ensure_ascii=False)
    # The rest of the control characters JSON escapes by itself.
    text = re.sub(r"[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = write(document, indent=indent)
    return text, whole


def _non_finite_as_null(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _non_finite_as_null(inner) for key, inner in value.items()}
    return [_non_finite_as_null(inner) for inner in value] if isinstance(value, list) else value


def _write(stream: TextIO, text: str) -> None:
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        text = text.encode(encoding, "replace").decode(encoding)
    with _write_errors_handled(stream):
        stream.write(text)
        stream.flush()


def exit_if_reader_left() -> None:
    """
    End the process if standard output is a pipe that has lost its reader.

    A reader such as `head` leaves soon after the last line that it wants.
    """
    try:
        output = sys.stdout.fileno()
        if not stat.S_ISFIFO(os.fstat(output).st_mode):
            return
        pipe = select.poll()
    except (AttributeError, OSError, ValueError):  # no file, or a system without poll
        return
    pipe.register(output, 0)  # errors alone
    if pipe.poll(_READER_LEAVES):
        raise typer.Exit(ExitStatus.NOT_WRITTEN)


@contextmanager
def _write_errors_handled(stream: TextIO) -> Iterator[None]:
    """End the process if standard output can't be written to; ignore it of standard error."""
    try:
        yield
    except OSError as error:
        with open(os.devnull, "wb") as nowhere:  # for the rest of the stream's buffer
            os.dup2(nowhere.fileno(), stream.fileno())
        if stream is sys.stderr:
            return
        if not isinstance(error, BrokenPipeError):
            print_note(f"can't write to standard output: {error.strerror or 'it is closed'}")
        raise typer.Exit(ExitStatus.NOT_WRITTEN) from None


def _colour_token(token: re.Match[str]) -> str:
    code = _COLOURS[token.lastgroup or "word"]
    return f"\x1b[{code}m{token[0]}\x1b[0m"


def _files_named(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONG:
        if (media := media_of(value)) is not None:
            return f"({media.type}, {size(media.size)}; --save DIR writes it to a file)"
        return value if (hint := hint_of(value)) is None else f"({hint})"
    if isinstance(value, dict):
        return {key: _files_named(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_files_named(inner) for inner in value]
    return value
