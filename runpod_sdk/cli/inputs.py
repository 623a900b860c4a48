"""
The input of a job, from what was typed.

    --input JSON, --input @FILE, --input -, or - alone      the input, or what it begins with
    key=text        key=@FILE       a text, or a file's
    key:=JSON       key:=@FILE      any JSON value, or a file's
    key@FILE                        the bytes of a file, as base64
"""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

import typer

_PAIR = re.compile(r"(?P<key>(?!:=)[^=@]+?)(?P<how>:=|=|@)(?P<what>.*)", re.DOTALL)
_HOW = "write key=text, key:=JSON, key=@FILE, key:=@FILE or key@FILE"


def job_input(source: str | None, pairs: list[str]) -> Any:
    """
    Make the input of *source*, the value of `--input`, and of the words that follow.

    Raises:
        typer.BadParameter: There is none, or it can't be read.
    """
    if "-" in pairs:
        pairs = [pair for pair in pairs if pair != "-"]
        if source is not None:
            _fail("- is standard input, and --input another: give one of them", "-")
        source = "-"
    if source is None and not pairs:
        _fail(f"no input: give --input JSON, or pairs: {_HOW}; an empty one is --input '{{}}'")
    base: Any = {} if source is None else read_json(source)
    if not pairs:
        return base
    if not isinstance(base, dict):
        _fail("key=value goes with an --input that is a JSON object, which this one is not")
    return {**base, **_read_pairs(pairs)}


def read_json(source: str) -> Any:
    """Decode the JSON that *source* is, or names."""
    if source == "-":
        return _decoded(sys.stdin.buffer.read(), "--input")
    if source.startswith("@"):
        return _decoded(_bytes(source[1:], "--input"), "--input")
    return _decoded(source, "--input")


def _read_pairs(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        match = _PAIR.fullmatch(pair)
        if match is None:
            _fail(f"{pair!r} is no part of an input: {_HOW}", "KEY=VALUE")
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
        _fail(f"{what[1:]} is not text; its bytes, as base64, are {key}{what}", key)


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
