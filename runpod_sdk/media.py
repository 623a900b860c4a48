"""
Pictures, sounds and other files that an output carries as base64 text.

JSON has no bytes, so handlers return files as `data:` URLs or as bare base64. A `data:`
URL says what it is; bare base64 is believed to be a file only where it begins as files of
a known kind do, and all of it is base64.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any, Final

from attrs import field, frozen

__all__ = ["Media", "media_of", "strings_of"]

_SHORTEST: Final = 32
"""Characters; the smallest picture there is takes more."""
_DEEPEST: Final = 64

_DATA_URL = re.compile(r"data:([\w.+-]{1,64}/[\w.+-]{1,64})(?:;[\w.=+-]{1,64}){0,8};base64,", re.I)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_STANDARD = str.maketrans("-_", "+/")

_KINDS: Final = (
    # begins with, and has at 8, media type, how its files' names end
    (b"\x89PNG\r\n\x1a\n", b"", "image/png", "png"),
    (b"\xff\xd8\xff", b"", "image/jpeg", "jpg"),
    (b"GIF8", b"", "image/gif", "gif"),
    (b"RIFF", b"WEBP", "image/webp", "webp"),
    (b"RIFF", b"WAVE", "audio/wav", "wav"),
    (b"ID3", b"", "audio/mpeg", "mp3"),
    (b"OggS", b"", "audio/ogg", "ogg"),
    (b"fLaC", b"", "audio/flac", "flac"),
    (b"\x00\x00\x00\x18ftyp", b"", "video/mp4", "mp4"),
    (b"\x00\x00\x00\x1cftyp", b"", "video/mp4", "mp4"),
    (b"\x00\x00\x00\x20ftyp", b"", "video/mp4", "mp4"),
    (b"\x1a\x45\xdf\xa3", b"", "video/webm", "webm"),
    (b"%PDF-", b"", "application/pdf", "pdf"),
    (b"PK\x03\x04", b"", "application/zip", "zip"),
    (b"glTF", b"", "model/gltf-binary", "glb"),
)
_ENDINGS: Final = {type_: ending for _, _, type_, ending in _KINDS} | {
    "audio/mp3": "mp3",
    "audio/x-wav": "wav",
    "image/jpg": "jpg",
    "image/svg+xml": "svg",
    "text/plain": "txt",
    "application/json": "json",
}


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
    def ending(self) -> str:
        """How a file's name ends that holds it, without the dot; `bin` where that is not known."""
        return _ENDINGS.get(self.type, "bin")

    def data(self) -> bytes:
        """Decode it."""
        return base64.b64decode(self.base64)


def media_of(text: str) -> Media | None:
    """Return the file that *text* plausibly is, as a `data:` URL or as base64; else None."""
    declared = _DATA_URL.match(text)
    if declared is not None:
        encoded = _standard(text[declared.end() :])
        return None if encoded is None else Media(type=declared[1].lower(), base64=encoded)
    if len(text) < _SHORTEST:
        return None
    kind = _kind(text[:64])
    encoded = None if kind is None else _standard(text)
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


def _kind(head: str) -> str | None:
    head = "".join(head.split())
    encoded = _standard(head[: len(head) // 4 * 4])
    start = b"" if encoded is None else base64.b64decode(encoded)
    for beginning, at_8, type_, _ in _KINDS:
        if start.startswith(beginning) and start.startswith(at_8, 8):
            return type_
    return None


def _standard(text: str) -> str | None:
    """Spell base64 of any alphabet in the standard one; None for what is no base64."""
    text = "".join(text.split())
    if not _BASE64.fullmatch(text):
        return None
    bare = text.rstrip("=").translate(_STANDARD)
    return None if len(bare) % 4 == 1 else bare + "=" * (-len(bare) % 4)
