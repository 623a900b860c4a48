"""Files of the caller as base64 text and data: URLs."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk.media import media_of, to_base64, to_data_url

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(100))
MP3 = b"\xff\xfb\x90\x64" + bytes(413) + b"\xff\xfb\x90\x64"


def decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def test_each_form_of_a_file(tmp_path: Path) -> None:
    """A path as str or Path, bytes in their three types, an open file."""
    path = tmp_path / "picture.png"
    path.write_bytes(PNG)
    for source in (str(path), path, PNG, bytearray(PNG), memoryview(PNG)):
        assert decoded(to_base64(source)) == PNG
        assert to_data_url(source) == f"data:image/png;base64,{to_base64(PNG)}"
    assert decoded(to_base64(io.BytesIO(PNG))) == PNG


def test_an_open_file_is_read_from_where_it_stands_and_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"head" + PNG)
    with path.open("rb") as file:
        file.seek(4)
        assert decoded(to_base64(file)) == PNG
        assert not file.closed
        with pytest.raises(ValueError, match=r"read to its end.*seek\(0\)"):
            to_base64(file)


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert to_base64(tmp_path / "empty") == to_base64(b"") == to_base64(io.BytesIO()) == ""


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("x.txt", PNG, "image/png"),
        ("x.bin", MP3, "audio/mpeg"),
        ("x.svg", b"<svg/>", "image/svg+xml"),
        ("x.JPEG", b"", "image/jpeg"),
        ("x.webm", b"?", "video/webm"),
        ("x.csv", b"a,b", "text/csv"),
        ("x.unheard-of", b"?", "application/octet-stream"),
        ("x", b"?", "application/octet-stream"),
    ],
)
def test_the_media_type(tmp_path: Path, name: str, content: bytes, media_type: str) -> None:
    """The content decides, then the name."""
    path = tmp_path / name
    path.write_bytes(content)
    with path.open("rb") as file:
        for source in (path, file):
            assert to_data_url(source).startswith(f"data:{media_type};base64,")


def test_a_media_type_that_is_given_is_kept() -> None:
    assert to_data_url(PNG, "image/x-mine") == f"data:image/x-mine;base64,{to_base64(PNG)}"
    assert to_data_url(b"a", "text/plain; charset=utf-8").startswith("data:text/plain; charset")
    for wrong in ("png", "image/png,evil", "", "image/png\n"):
        with pytest.raises(ValueError, match="media_type must be"):
            to_data_url(PNG, wrong)
    with pytest.raises(TypeError, match="media_type must be a string, not b'image/png'"):
        to_data_url(PNG, b"image/png")  # type: ignore[arg-type]


def test_what_was_encoded_is_found_again() -> None:
    for text in (to_base64(PNG), to_data_url(PNG)):
        media = media_of(text)
        assert media is not None
        assert (media.type, media.data()) == ("image/png", PNG)


@pytest.mark.parametrize("url", ["https://host.test/x.png", "HTTP://host.test", "data:,x"])
def test_a_url_is_no_file(url: str) -> None:
    with pytest.raises(ValueError, match="not a URL: pass the URL itself in the input"):
        to_base64(url)


@pytest.mark.parametrize(
    "value", [None, 5, ["a.png"], {"path": "a.png"}, pytest.param(object(), id="object")], ids=repr
)
def test_other_types_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="a path, bytes, a file open in binary mode, or an image"):
        to_data_url(value)


def test_a_file_in_text_mode_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with (tmp_path / "a.txt").open() as file, pytest.raises(TypeError, match="binary mode"):
        to_base64(file)  # type: ignore[arg-type]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        to_base64(tmp_path / "missing.png")
