"""
Values and errors of jobs as the page shows them.

Files that a value contains as base64 are replaced by their type and size; `file_at` returns one.
Which strings are files is decided in `runpod_sdk.media`, and how an error is taken apart in
`runpod_sdk.error_text`, as for notebooks and the command line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice
from typing import Any, cast

from attrs import Factory, frozen

from runpod_sdk import error_text
from runpod_sdk.media import Media, media_of

_DEEPEST = 100
"""The levels of a value that are shown."""
_MAX_FILES = 100
_MAX_ERROR = 64 * 1024
"""The characters of a message or a traceback that are shown."""

_TELLING = ("prompt", "text", "message", "question", "query", "input", "messages", "content", "url")
"""Keys whose values say more about a job than others; in a line, they come first."""
_MAX_MEMBERS = 12
"""The members of an object or a list that a line shows."""

_quote = cast("Callable[[Any], str]", json.JSONEncoder(ensure_ascii=False).encode)


@frozen
class FileReference:
    """A file in a value: its place as a JSON pointer, and what it is."""

    pointer: str
    type: str
    size: int
    kind: str | None
    """`image`, `audio` or `video`, if browsers can show it; see `Media.kind`."""


@frozen(eq=False)
class Excerpt:
    """The beginning of a value as JSON, with its files replaced."""

    value: Any
    text: str
    whole: bool
    """Whether the text is the whole value, apart from the files."""
    files: tuple[FileReference, ...]
    serial: int = Factory(partial(next, count()))
    """A number that no other excerpt has: equal texts may stand for different files."""

    @classmethod
    def of(cls, value: Any, length: int) -> Excerpt:
        """Return the first *length* characters of a value's JSON."""
        files: list[FileReference] = []
        text = ""
        for piece in _pieces(value, "", 0, files):
            text += piece
            if len(text) > length:
                return cls(value, text[:length], False, tuple(files))
        return cls(value, text, True, tuple(files))


def file_at(value: Any, pointer: str) -> Media | None:
    """Return the file at a JSON pointer; None if there is none."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = cast("dict[str, Any]", value).get(key)
        elif isinstance(value, list) and key.isascii() and key.isdigit():
            value = next(islice(value, int(key[:9]), None), None)
        else:
            return None
    return media_of(value) if isinstance(value, str) else None


def size_text(size: int) -> str:
    """Return a number of bytes in the largest unit of which there is one."""
    if size < 1_000:
        return f"{size} B"
    for unit in ("kB", "MB"):
        size_in_unit = size / (1_000 if unit == "kB" else 1_000_000)
        if size_in_unit < 1_000:
            return f"{size_in_unit:.1f} {unit}"
    return f"{size / 1_000_000_000:.1f} GB"


def _described(media: Media) -> str:
    return f"({media.type}, {size_text(media.size)})"


def _pieces(value: Any, at: str, depth: int, files: list[FileReference]) -> Iterator[str]:
    """Yield the JSON of a value in pieces, and add its files to *files*."""
    if isinstance(value, str):
        media = media_of(value)
        if media is not None and len(files) < _MAX_FILES:
            files.append(FileReference(at, media.type, media.size, media.kind))
        yield _quote(value if media is None else _described(media))
    elif isinstance(value, dict) and value:
        if depth > _DEEPEST:
            yield '{"…": "…"}'
            return
        comma = "{"
        for key, inner in cast("dict[str, Any]", value).items():
            yield f"{comma}{_quote(key)}:"
            step = key.replace("~", "~0").replace("/", "~1")
            yield from _pieces(inner, f"{at}/{step}", depth + 1, files)
            comma = ","
        yield "}"
    elif isinstance(value, list) and value:
        if depth > _DEEPEST:
            yield '["…"]'
            return
        comma = "["
        for index, inner in enumerate(value):
            yield comma
            yield from _pieces(inner, f"{at}/{index}", depth + 1, files)
            comma = ","
        yield "]"
    else:
        yield _quote(value)


# -- in a line


def gist(value: Any, length: int) -> str:
    """Return JSON without its syntax, in a line of at most *length* characters."""
    text = _line(value, 0)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _line(value: Any, depth: int) -> str:
    if isinstance(value, str):
        media = media_of(value)
        return " ".join(value[:1_000].split()) if media is None else _described(media)
    if isinstance(value, dict) and value:
        return _members(cast("dict[str, Any]", value), depth)
    if isinstance(value, list) and value:
        items: list[Any] = value
        if depth > 2 or (depth and len(items) > _MAX_MEMBERS):
            return f"[{len(items)}]"
        shown = ", ".join(_line(item, depth + 1) for item in items[:_MAX_MEMBERS])
        return shown if len(items) <= _MAX_MEMBERS else f"{shown}, … {len(items)} in all"
    return _quote(value)


def _members(value: dict[str, Any], depth: int) -> str:
    if depth > 2:
        return "{…}"
    telling = [key for key in _TELLING if key in value]
    others = islice((key for key in value if key not in telling), _MAX_MEMBERS)
    return (", " if depth else " · ").join(
        # The first one needs no name where it speaks for itself.
        _line(value[key], depth + 1)
        if number == 0 and key in telling and isinstance(value[key], str)
        else f"{key}{':' * isinstance(value[key], str)} {_line(value[key], depth + 1)}"
        for number, key in enumerate([*telling, *others])
    )


# -- errors


def error_document(error: str) -> dict[str, Any]:
    """
    Return the error of a job in parts.

    These are its `type` (of an exception) and `message`, the last `frame` of the handler, and the
    `traceback`, whole and `folded`.
    """
    details = error_text.details_of(error)
    traceback = error_text.traceback_of(error)
    named = details.type is not None and details.message is not None
    parts = {
        "type": details.type,
        "message": details.message if named else _without_traceback(error, traceback),
        "frame": traceback and error_text.last_frame(traceback),
        "folded": traceback and error_text.folded(traceback),
        "traceback": traceback and traceback.strip("\n"),
    }
    return {name: _cut(text) for name, text in parts.items() if text}


def error_line(error: str, length: int) -> str:
    """Return the error of a job in a line."""
    return error_text.line_of(error)[:length]


def _without_traceback(error: str, traceback: str | None) -> str:
    return error if traceback is None else error_text.reason_of(error)


def _cut(text: str) -> str:
    """Shorten a text to its beginning and its end, where an exception's frames are."""
    if len(text) <= _MAX_ERROR:
        return text
    half = _MAX_ERROR // 2
    return f"{text[:half]}\n… {len(text) - _MAX_ERROR} characters …\n{text[-half:]}"
