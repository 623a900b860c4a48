"""Which kind of file a text of base64 is."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from runpod_sdk._media_types import media_type_of
from runpod_sdk.media import hint_of, media_of


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def iso(major: str, *others: str) -> bytes:
    """Make the beginning of an ISO media file of some brands."""
    brands = b"".join(brand.encode() for brand in others)
    box = b"ftyp" + major.encode() + bytes(4) + brands
    return (len(box) + 4).to_bytes(4, "big") + box


def ebml(kind: str) -> bytes:
    """Make the beginning of a file of Matroska's family."""
    name = kind.encode()
    head = bytes.fromhex("4286810142f7810142f2810442f38108") + b"\x42\x82"
    return (
        b"\x1a\x45\xdf\xa3"
        + bytes([0x80 | len(head) + 1 + len(name)])
        + head
        + (bytes([0x80 | len(name)]) + name)
    )


@pytest.mark.parametrize(
    ("head", "type_", "ending"),
    [
        (iso("avif", "avif", "mif1"), "image/avif", "avif"),
        (iso("avis", "avif"), "image/avif", "avif"),
        (iso("mif1", "mif1", "avif"), "image/avif", "avif"),
        (iso("heic", "mif1", "heic"), "image/heic", "heic"),
        (iso("mif1", "mif1", "heic"), "image/heic", "heic"),
        (iso("mif1"), "image/heif", "heif"),
        (iso("M4A ", "M4A ", "mp42", "isom"), "audio/mp4", "m4a"),
        (iso("mp42", "M4A ", "isom"), "audio/mp4", "m4a"),
        (iso("M4V ", "M4V ", "M4A ", "mp42"), "video/mp4", "mp4"),
        (iso("mp42", "M4V ", "M4A "), "video/mp4", "mp4"),
        (iso("isom", "isom", "iso2", "avc1", "mp41"), "video/mp4", "mp4"),
        (iso("isom", *["iso6"] * 12), "video/mp4", "mp4"),
        (iso("qt  ", "qt  "), "video/quicktime", "mov"),
        (ebml("matroska"), "video/x-matroska", "mkv"),
        (ebml("webm"), "video/webm", "webm"),
        (b"ID3\x04\x00\x00", "audio/mpeg", "mp3"),
        (b"\xff\xfb\x90\x64", "audio/mpeg", "mp3"),
        (b"\xff\xfa\xb0\x00", "audio/mpeg", "mp3"),
        (b"\xff\xf3\x84\xc4", "audio/mpeg", "mp3"),
        (b"\xff\xe3\x48\xc4", "audio/mpeg", "mp3"),
        (b"\xff\xd8\xff\xe0", "image/jpeg", "jpg"),
    ],
)
def test_a_file_is_known_by_how_it_begins(head: bytes, type_: str, ending: str) -> None:
    media = media_of(encoded(head + bytes(100)))
    assert media is not None
    assert (media.type, media.ending) == (type_, ending)


def test_a_sound_without_a_zero_in_its_head() -> None:
    """It is one if a second frame follows where the first says that it ends."""
    header = b"\xff\xfb\x90\x64"
    frame = header + b"\x55" * (144 * 128_000 // 44_100 - 4)
    media = media_of(encoded(frame + frame))
    assert media is not None
    assert media.type == "audio/mpeg"
    assert media_of(encoded(frame + b"U" * 400)) is None


@pytest.mark.parametrize(
    "text",
    [
        "//shared/folder/with/models/and/a/long/name",
        encoded(b"\xff\xf1\x50\x80" + bytes(100)),  # AAC
        encoded(b"\xff\xfb\xf0\x00" + bytes(100)),  # no such bit rate
        encoded(b"\xff\xeb\x90\x00" + bytes(100)),  # no such version
        encoded(b"abcdftypmp42" + bytes(100)),
        "a text of letters only, which is of no kind",
    ],
)
def test_what_is_no_file(text: str) -> None:
    assert media_of(text) is None
    assert hint_of(text) is None


FILES = [
    b"\x89PNG\r\n\x1a\n" + bytes(60),
    b"\xff\xd8\xff\xe0" + bytes(60),
    b"RIFF\x00\x01'\x00WEBP" + b'"' * 60,
]


@pytest.mark.parametrize("data", FILES)
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
def test_base64_that_was_written_as_bytes(data: bytes, encode: Callable[[bytes], bytes]) -> None:
    """`str` of base64, alone or in a `data:` URL, loses nothing, so the file is found."""
    text = str(encode(data))
    for given in (text, text.replace("'", '"')):
        media = media_of(given)
        assert media is not None
        assert media.data() == data
        assert media.type == media_type_of(data)
        assert hint_of(given) is None
    declared = media_of(f"data:image/png;base64,{text}")
    assert declared is not None
    assert declared.data() == data


@pytest.mark.parametrize("data", FILES)
def test_a_file_that_was_written_as_bytes(data: bytes) -> None:
    """`str` of the file itself is not taken for a file: the message says what to change."""
    text = str(data)
    assert media_of(text) is None
    hint = hint_of(text)
    assert hint is not None
    assert "base64.b64encode(data).decode()" in hint
    assert hint.startswith(("image/png", "image/jpeg", "image/webp"))


PNG = base64.b64encode(FILES[0]).decode()


@pytest.mark.parametrize(
    "text",
    [
        *["b'", "b''", "b'" + "x" * 60 + "'", "b'" + "x" * 60, ""],
        *[f"b'{PNG}", f"{PNG}'", f"b'{PNG}\"", f"b'{PNG}'.", f"B'{PNG}'", f"u'{PNG}'"],
        *[f"b'{PNG[:40]}' b'{PNG[40:]}'", f"b'{PNG}\\x00'", f"b'{PNG}', b'{PNG}'"],
    ],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert media_of(text) is None
    assert hint_of(text) is None
