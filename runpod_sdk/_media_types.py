"""Media types of files, by the first bytes of their content or by the extension of their name."""

from __future__ import annotations

import mimetypes
import os
from typing import Final

_KINDS: Final = (
    # first bytes, bytes at offset 8, media type, extension
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
    # media types of ISO media files' brands, except the default mp4
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
"""Media types for which a file's other brands may be more specific."""
ENDINGS: Final = {type_: ending for _, _, type_, ending in _KINDS} | {
    "application/gzip": "gz",
    "application/json": "json",
    "audio/aac": "aac",
    "audio/mp3": "mp3",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/x-wav": "wav",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/jpg": "jpg",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
}
_TYPES: Final = {ending: type_ for type_, ending in reversed(ENDINGS.items())}
_KBITS: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_LOW: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""Bit rates of MPEG-1 and of MPEG-2 audio, layer III, in kbit/s."""
_RATES: Final = (44_100, 48_000, 32_000)


def media_type_of(head: bytes) -> str | None:
    """Return the media type of a file that begins with *head*; None if unknown."""
    for beginning, at_8, type_, _ in _KINDS:
        if head.startswith(beginning) and head.startswith(at_8, 8):
            return type_
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/x-matroska" if b"matroska" in head else "video/webm"
    size = int.from_bytes(head[:4], "big")
    if head[4:8] == b"ftyp" and 16 <= size <= 512 and size % 4 == 0:
        return _type_of_brands(head[8:12], head[16:size])
    return None


def _type_of_brands(major: bytes, others: bytes) -> str:
    """Return the media type of an ISO media file by its brands, four letters each."""
    kind = _BRANDS.get(major, "video/mp4")
    if kind not in _GENERAL or major == b"M4V ":
        return kind
    brands = [others[at : at + 4] for at in range(0, len(others), 4)]
    if b"M4V " in brands:
        return kind
    kinds = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    return next((other for other in kinds if other not in _GENERAL), kind)


def frame_length(header: bytes) -> int | None:
    """Return the length in bytes of the MPEG audio frame with *header*; None if invalid."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, rate, sampling = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or sampling == 3:
        return None
    mpeg_1 = version == 3
    bits = (_KBITS if mpeg_1 else _KBITS_LOW)[rate - 1] * 1000
    hertz = _RATES[sampling] // {3: 1, 2: 2, 0: 4}[version]
    return (144 if mpeg_1 else 72) * bits // hertz + (header[2] >> 1 & 1)


def type_of_content(data: bytes) -> str | None:
    """Return the media type of a file by its first kilobyte or more; None if unknown."""
    found = media_type_of(data)
    if found is not None:
        return found
    length = frame_length(data)
    next_frame = b"" if length is None else data[length : length + 4]
    return None if frame_length(next_frame) is None else "audio/mpeg"


def type_of_name(name: str) -> str | None:
    """Return the media type for a file name; None if unknown."""
    ending = os.path.splitext(name)[1].removeprefix(".").lower()
    known = _TYPES.get({"jpeg": "jpg"}.get(ending, ending))
    return known or mimetypes.guess_type(f"file.{ending}")[0]
