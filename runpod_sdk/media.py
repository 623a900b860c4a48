"""
Files as base64 text, in inputs and outputs.

JSON has no bytes, so files are sent as `data:` URLs or as bare base64. `to_base64` and
`to_data_url` convert a file for an input. `media_of` finds a file in a string of an output. A
`data:` URL states its media type. Bare base64 counts as a file only if its content begins like a
file of a known type, and all of it is base64. Base64 that a worker wrote as `str(bytes)`, which is
`b'iVBOR…'`, is read like the text without `b'…'`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any, Final

from attrs import field, frozen

from runpod_sdk._media_types import (
    ENDINGS,
    frame_length,
    media_type_of,
    type_of_content,
    type_of_name,
)
from runpod_sdk._sources import Source, opened
from runpod_sdk.settings import checked_string

__all__ = [
    "Media",
    "Source",
    "base64_of",
    "hint_of",
    "is_ending_of",
    "media_of",
    "strings_of",
    "to_base64",
    "to_data_url",
]

_SHORTEST: Final = 32
"""Characters; the smallest picture there is takes more."""
_DEEPEST: Final = 64

_DATA_URL = re.compile(r"data:([\w.+-]{1,64}/[\w.+-]{1,64})(?:;[\w.=+-]{1,64}){0,8};base64,", re.I)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_STANDARD = str.maketrans("-_", "+/")

_SHOWN: Final = {
    "image": {"image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp", "image/avif"},
    "audio": {
        *("audio/wav", "audio/x-wav", "audio/mpeg", "audio/mp3", "audio/ogg", "audio/flac"),
        *("audio/aac", "audio/mp4", "audio/x-m4a", "audio/webm"),
    },
    "video": {"video/mp4", "video/webm", "video/ogg"},
}
"""Types that browsers show and can't execute: no SVG, PDF or HTML."""

_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:;\s*[\w.+-]+=[\w.+-]+)*")
_UNKNOWN_TYPE: Final = "application/octet-stream"
_HEAD: Final = 128
"""Characters of base64 that say which kind of file it is."""


def to_base64(source: Source) -> str:
    """
    Return the content of a file as base64 text, for an input.

    Args:
        source: A path, bytes, a file that is open in binary mode (it is read from where it
            stands, and stays open), or an image of PIL (it is written as PNG).

    Raises:
        TypeError: *source* is something else, or a file that is open in text mode.
        ValueError: *source* is a URL, or a file that was read to its end before.
        OSError: The file can't be read.
    """
    with opened(source) as content:
        return base64.b64encode(content.read()).decode()


def to_data_url(source: Source, media_type: str | None = None) -> str:
    """
    Return the content of a file as a `data:` URL, for an input.

    Args:
        source: The file, as in `to_base64`.
        media_type: Its media type, such as `image/png`. If it is not given, the content's first
            bytes decide, else the file's name, else it is `application/octet-stream`.

    Raises:
        TypeError: *source* is of another type, or a file that is open in text mode.
        ValueError: *source* is a URL, or a file that was read to its end before; or *media_type*
            is not a media type.
        OSError: The file can't be read.
    """
    if media_type is not None and not _MEDIA_TYPE.fullmatch(
        checked_string(media_type, "media_type")
    ):
        raise ValueError(f"media_type must be a media type such as image/png, not {media_type!r}")
    with opened(source) as content:
        data = content.read()
        kind = media_type or type_of_content(data) or type_of_name(content.name or "")
    return f"data:{kind or _UNKNOWN_TYPE};base64,{base64.b64encode(data).decode()}"


@frozen(kw_only=True)
class Media:
    """A file that a string of an output holds."""

    type: str
    """Its media type, such as `image/png`, in lower case: as it was declared, or as it begins."""
    base64: str = field(repr=False)
    """Its bytes as base64, in the standard alphabet, without white space, padded."""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.base64) * 3 // 4 - self.base64[-2:].count("=")

    @property
    def kind(self) -> str | None:
        """`image`, `audio` or `video` if browsers show it without executing it; None if not."""
        return next((kind for kind, types in _SHOWN.items() if self.type in types), None)

    @property
    def ending(self) -> str:
        """How a file's name ends that holds it, without the dot; `bin` where that is not known."""
        return ENDINGS.get(self.type, "bin")

    def data(self) -> bytes:
        """Decode it."""
        return base64.b64decode(self.base64)


def media_of(text: str) -> Media | None:
    """Return the file that *text* plausibly is, as a `data:` URL or as base64; else None."""
    declared = _DATA_URL.match(text)
    if declared is not None:
        encoded = base64_of(text[declared.end() :])
        return None if encoded is None else Media(type=declared[1].lower(), base64=encoded)
    text = _without_literal(text)
    if len(text) < _SHORTEST:
        return None
    kind = _kind(text)
    encoded = None if kind is None else base64_of(text)
    return None if kind is None or encoded is None else Media(type=kind, base64=encoded)


def strings_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Go through the strings of a JSON value, each with the keys and indexes that lead to it."""
    if isinstance(value, str):
        yield path, value
    elif len(path) >= _DEEPEST:
        return
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from strings_of(inner, (*path, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from strings_of(inner, (*path, str(index)))


def hint_of(text: str) -> str | None:
    """Return what is wrong with *text*, if it is a file's own bytes, written as `str(bytes)`."""
    if not _is_literal(text) or len(text) <= _SHORTEST:
        return None
    kind = media_type_of(_unescaped(text[2:-1][:_HEAD]))
    if kind is None:
        return None
    return (
        f"{kind} as str(bytes), which begins with b': the handler must return"
        " base64.b64encode(data).decode()"
    )


def is_ending_of(ending: str, type_: str) -> bool:
    """Return whether *ending* is the file name extension of a media type."""
    return ENDINGS.get(type_) == {"jpeg": "jpg"}.get(ending.lower(), ending.lower())


def base64_of(text: str) -> str | None:
    """
    Return base64 of any alphabet in the standard one, padded and without white space.

    None if *text* is not base64.
    """
    text = "".join(_without_literal(text).split())
    if not _BASE64.fullmatch(text):
        return None
    bare = text.rstrip("=").translate(_STANDARD)
    return None if len(bare) % 4 == 1 else bare + "=" * (-len(bare) % 4)


def _is_literal(text: str) -> bool:
    return text.startswith(("b'", 'b"')) and len(text) > 2 and text.endswith(text[1])


def _without_literal(text: str) -> str:
    r"""Return *text* without `b'…'` and its line ends, which are a backslash and an n."""
    return text[2:-1].replace("\\n", "") if _is_literal(text) else text


def _kind(text: str) -> str | None:
    head = _decoded(text[:_HEAD])
    return media_type_of(head) or ("audio/mpeg" if _is_mp3(head, text) else None)


def _is_mp3(head: bytes, text: str) -> bool:
    """Tell whether *head* begins a frame of MPEG audio, layer III, as a file without tags does."""
    length = frame_length(head)
    if length is None:
        return False
    if 0 in head[4:]:  # not to take a text of letters and slashes for one
        return True
    start = length // 3 * 4
    following = _decoded(text[start : start + 8])[length % 3 :]
    return frame_length(following) is not None


def _decoded(text: str) -> bytes:
    """Decode the beginning of base64; empty where it is none."""
    text = "".join(text.split())
    encoded = base64_of(text[: len(text) // 4 * 4])
    return b"" if encoded is None else base64.b64decode(encoded)


def _unescaped(text: str) -> bytes:
    """Return the bytes that *text*, of a bytes literal, begins with."""
    parts = re.findall(r"\\x([0-9a-f]{2})|\\([nrt\\'])|([^\\])", text)
    named = {"n": "\n", "r": "\r", "t": "\t"}
    return b"".join(
        bytes.fromhex(code)
        if code
        else (named.get(name, name) or plain).encode("latin-1", "replace")
        for code, name, plain in parts
    )
