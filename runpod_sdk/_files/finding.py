"""
Find the files in an output, by the shapes in which workers return them.

A string is a file if it is a `data:` URL, base64 of a file of a known type, or a link. An object
that has such a string may also have the file's name and media type, as ComfyUI's worker does:
`{"filename": "ComfyUI_1_.png", "type": "base64", "data": …}`. With a name, and the word that it is
base64, any base64 is a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from attrs import define

from runpod_sdk._media_types import ENDINGS, type_of_name
from runpod_sdk.media import Media, base64_of, is_ending_of, media_of

_MAX_DEPTH: Final = 64
_LINK = re.compile(r"https?://[^\s\"'<>]+", re.I)
_UNSAFE = re.compile(r"[^\w.-]+")
_MAX_STEM: Final = 60
_MAX_ENDING: Final = 10
_NAMES: Final = ("filename", "file_name", "fileName", "name")
_TYPES: Final = ("media_type", "mediaType", "mime_type", "mimeType", "content_type", "contentType")
_BASE64_KEYS: Final = frozenset({"base64", "b64", "b64_json"})
_DATA_KEYS: Final = _BASE64_KEYS | {"data", "content", "body", "file", "image", "video", "audio"}
_ENDING = re.compile(r"\.\w{1,5}$")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.I)
"""Names that Windows gives to devices."""


@define
class Found:
    """A string of an output that is a file."""

    places: list[str]
    """Where it is, once for each time that it is there, as JSON pointers."""
    name: str
    media_type: str | None
    media: Media | None
    """Its content; None of a link."""
    text: str


def find(output: Any, root_name: str) -> list[Found]:
    """
    Return the files of *output*; equal files with the same name count once.

    Args:
        root_name: The name of a file that is the whole output, if it has no name.
    """
    found: dict[tuple[str, str], Found] = {}
    for steps, text, holder in _strings(output, (), None):
        given = _given_name(holder)
        if (known := found.get((text, given))) is not None:
            known.places.append(_pointer(steps))
            continue
        media = media_of(text) or _declared(text, steps, holder, given)
        if media is not None or _LINK.fullmatch(text):
            name = safe_name(given, text, "-".join(steps) or root_name, media)
            media_type = _given_type(holder) if media is None else media.type
            media_type = media_type or type_of_name(name)
            found[text, given] = Found([_pointer(steps)], name, media_type, media, text)
    return list(found.values())


def _pointer(steps: tuple[str, ...]) -> str:
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps)


def _strings(
    value: Any, steps: tuple[str, ...], holder: dict[str, Any] | None
) -> Iterator[tuple[tuple[str, ...], str, dict[str, Any] | None]]:
    """Go through the strings of a JSON value, each with its place and the object that has it."""
    if isinstance(value, str):
        yield steps, value, holder
    elif len(steps) >= _MAX_DEPTH:
        return
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, (*steps, str(key)), value)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, (*steps, str(index)), None)


def _given_name(holder: dict[str, Any] | None) -> str:
    """Return the name that stands beside a file, without directories; empty if there is none."""
    for key in _NAMES if holder else ():
        name = (holder or {}).get(key)
        last = re.split(r"[/\\]", name)[-1] if isinstance(name, str) else ""
        if safe(last) and (key != "name" or _ENDING.search(last)):  # else that of a model, say
            return last
    return ""


def _given_type(holder: dict[str, Any] | None) -> str | None:
    for key in _TYPES if holder else ():
        media_type = (holder or {}).get(key)
        if isinstance(media_type, str) and re.fullmatch(r"[\w.+-]+/[\w.+-]+", media_type):
            return media_type.lower()
    return None


def _declared(
    text: str, steps: tuple[str, ...], holder: dict[str, Any] | None, given: str
) -> Media | None:
    """Return the file of any type that *text* is by the words of the object that has it."""
    media_type = _given_type(holder)
    key = steps[-1] if steps else ""
    if holder is None or key not in _DATA_KEYS or not (given or media_type):
        return None
    if key not in _BASE64_KEYS and "base64" not in (holder.get("type"), holder.get("encoding")):
        return None
    encoded = base64_of(text)
    if encoded is None:
        return None
    media_type = media_type or type_of_name(given) or "application/octet-stream"
    return Media(type=media_type, base64=encoded)


def safe_name(given: str, text: str, stem: str, media: Media | None) -> str:
    """
    Return a safe name of a file, for any output.

    Args:
        given: The file's name in the output.
        text: The link, if the file is a link.
        stem: The default name.
    """
    name, ending = _split(given or ("" if media else _last_segment(text)))
    if media is not None and not (ending and media.type not in ENDINGS):
        ending = ending if is_ending_of(ending, media.type) else media.ending
    base = _cut(safe(name), _MAX_STEM) or _cut(safe(stem), _MAX_STEM) or "file"
    whole = ".".join(filter(None, (base, _cut(safe(ending), _MAX_ENDING))))
    return f"file-{whole}" if _RESERVED.fullmatch(whole) else whole


def safe(text: str) -> str:
    """Replace what a name of a file had better not contain."""
    return _UNSAFE.sub("-", text).strip(".-")


def _cut(text: str, most: int) -> str:
    """Cut *text* to so many characters, and so that file systems, which count bytes, take it."""
    return text[:most].encode()[: 2 * most].decode(errors="ignore").rstrip(".-")


def _last_segment(url: str) -> str:
    try:
        return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return ""


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return (stem, ending) if dot and stem else (dot + ending, "")
