"""
The input of a job, from the arguments of the command.

    --input JSON, --input @FILE, --input -, or - alone      the input, to which pairs are added
    key=text        key=@FILE       a text, or a file's
    key:=JSON       key:=@FILE      any JSON value, or a file's
    key@FILE                        the bytes of a file, as base64
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import stat
import sys
from pathlib import Path
from typing import Any, NoReturn

import typer

_PAIR = re.compile(r"(?P<key>(?!:=)[^=@]+?)(?P<how>:=|=|@)(?P<what>.*)", re.DOTALL)
_HOW = "write key=text, key:=JSON, key=@FILE, key:=@FILE or key@FILE"
_EMPTY = "an empty input is --input '{}'"


def job_input(source: str | None, pairs: list[str]) -> Any:
    """
    Build the input from *source*, the value of `--input`, and from pairs.

    Without either, piped standard input is read.

    Raises:
        typer.BadParameter: There is no input, or it can't be read.
    """
    if "-" in pairs:
        pairs = [pair for pair in pairs if pair != "-"]
        if source is not None:
            _fail("give either - (standard input) or --input, not both", "-")
        source = "-"
    if source is None and not pairs:
        if not (piped := _piped().strip()):
            _fail(f"no input: {_HOW}, --input JSON, or - for standard input; {_EMPTY}")
        return _decoded(piped, "standard input")
    base: Any = {} if source is None else read_json(source)
    if not pairs:
        return base
    if not isinstance(base, dict):
        _fail("pairs can be added to a JSON object only, and this --input is none")
    return {**base, **_read_pairs(pairs)}


def read_json(source: str) -> Any:
    """Decode JSON, or the file or stream that *source* names."""
    if source == "-":
        return _decoded(sys.stdin.buffer.read(), "--input")
    if source.startswith("@"):
        return _decoded(_bytes(source[1:], "--input"), "--input")
    return _decoded(source, "--input")


def _piped() -> bytes:
    """Return standard input if it is a pipe or a file; of anything else, nothing."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):  # replaced by an object in memory
        is_piped = not sys.stdin.isatty()
    else:
        is_piped = stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
    return sys.stdin.buffer.read() if is_piped else b""


def _read_pairs(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        match = _PAIR.fullmatch(pair)
        if match is None:
            hint = f"write --input {shlex.quote(pair)}" if pair[:1] in ("{", "[") else _HOW
            _fail(f"{pair!r} is not a KEY=VALUE pair: {hint}", "KEY=VALUE")
        key = match["key"]
        if key in found:
            _fail(f"{key!r} is given twice", "KEY=VALUE")
        found[key] = _value(match["how"], match["what"], key)
    return found


def _value(how: str, what: str, key: str) -> Any:
    if how == "@":
        return base64.b64encode(_bytes(what, key)).decode()
    if not what.startswith("@"):
        return what if how == "=" else _decoded(what, key)
    content = _bytes(what[1:], key)
    if how == ":=":
        return _decoded(content, key)
    try:
        return content.decode()
    except UnicodeDecodeError:
        _fail(f"{what[1:]} is not text; for its bytes as base64 write {key}{what}", key)


def _bytes(name: str, hint: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = str(error)
    _fail(f"can't read {name}: {reason}", hint)


def _decoded(text: bytes | str, hint: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = str(error)
    _fail(f"not JSON: {reason}", hint)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON value")


def _fail(reason: str, hint: str = "--input") -> NoReturn:
    raise typer.BadParameter(reason, param_hint=hint)
