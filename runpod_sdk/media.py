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

__all__ = ["Media", "hint_of", "is_ending_of", "media_of", "strings_of"]

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
    (b"%PDF-", b"", "application/pdf", "pdf"),
    (b"PK\x03\x04", b"", "application/zip", "zip"),
    (b"glTF", b"", "model/gltf-binary", "glb"),
)
_BRANDS: Final = {
    # what an ISO media file says that it is, where it is no mp4
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"M4V ": "video/mp4",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
_GENERAL: Final = ("image/heif", "video/mp4")
"""The types of brands that leave it to the other brands of a file to say more."""
_ENDINGS: Final = {type_: ending for _, _, type_, ending in _KINDS} | {
    "application/json": "json",
    "audio/mp3": "mp3",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/x-wav": "wav",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/jpg": "jpg",
    "image/svg+xml": "svg",
    "text/plain": "txt",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
}
_HEAD: Final = 128
"""Characters of base64 that say which kind of file it is."""
_KBITS: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_LOW: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""Bit rates of MPEG-1 and of MPEG-2 audio, layer III."""
_RATES: Final = (44_100, 48_000, 32_000)


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
    kind = _kind(text)
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


def hint_of(text: str) -> str | None:
    """Say what is wrong with *text*, if it is a file that Python wrote as the text of bytes."""
    if not (text.startswith(("b'", 'b"')) and text.endswith(text[1]) and len(text) > _SHORTEST):
        return None
    inner = text[2:-1]
    media = media_of(inner)
    kind = _kind_of(_unescaped(inner[:_HEAD])) if media is None else media.type
    if kind is None:
        return None
    return (
        f"{kind} as str(bytes), which begins with b': the handler must return"
        " base64.b64encode(data).decode()"
    )


def is_ending_of(ending: str, type_: str) -> bool:
    """Tell whether the names of files of a media type end so."""
    return _ENDINGS.get(type_) == {"jpeg": "jpg"}.get(ending.lower(), ending.lower())


def _kind(text: str) -> str | None:
    head = _decoded(text[:_HEAD])
    return _kind_of(head) or ("audio/mpeg" if _is_mp3(head, text) else None)


def _kind_of(head: bytes) -> str | None:
    for beginning, at_8, type_, _ in _KINDS:
        if head.startswith(beginning) and head.startswith(at_8, 8):
            return type_
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/x-matroska" if b"matroska" in head else "video/webm"
    size = int.from_bytes(head[:4], "big")
    if head[4:8] == b"ftyp" and 16 <= size <= 512 and size % 4 == 0:
        return _kind_of_brands(head[8:12], head[16:size])
    return None


def _kind_of_brands(major: bytes, others: bytes) -> str:
    """Tell the kind of an ISO media file by its brands, four letters each."""
    kind = _BRANDS.get(major, "video/mp4")
    if kind not in _GENERAL or major == b"M4V ":
        return kind
    brands = [others[at : at + 4] for at in range(0, len(others), 4)]
    if b"M4V " in brands:
        return kind
    kinds = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    return next((other for other in kinds if other not in _GENERAL), kind)


def _is_mp3(head: bytes, text: str) -> bool:
    """Tell whether *head* begins a frame of MPEG audio, layer III, as a file without tags does."""
    length = _frame_length(head)
    if length is None:
        return False
    if 0 in head[4:]:  # not to take a text of letters and slashes for one
        return True
    start = length // 3 * 4
    following = _decoded(text[start : start + 8])[length % 3 :]
    return _frame_length(following) is not None


def _frame_length(header: bytes) -> int | None:
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, rate, sampling = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or sampling == 3:
        return None
    mpeg_1 = version == 3
    bits = (_KBITS if mpeg_1 else _KBITS_LOW)[rate - 1] * 1000
    hertz = _RATES[sampling] // {3: 1, 2: 2, 0: 4}[version]
    return (144 if mpeg_1 else 72) * bits // hertz + (header[2] >> 1 & 1)


def _decoded(text: str) -> bytes:
    """Decode the beginning of base64; empty where it is none."""
    text = "".join(text.split())
    encoded = _standard(text[: len(text) // 4 * 4])
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


def _standard(text: str) -> str | None:
    """Spell base64 of any alphabet in the standard one; None for what is no base64."""
    text = "".join(text.split())
    if not _BASE64.fullmatch(text):
        return None
    bare = text.rstrip("=").translate(_STANDARD)
    return None if len(bare) % 4 == 1 else bare + "=" * (-len(bare) % 4)
