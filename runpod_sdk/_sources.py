"""Sources of a file's content: a path, bytes, an open file, or a PIL image."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeAlias, cast

from attrs import frozen

from runpod_sdk._signals import raised_by_signal_handler

_MAX_PATH: Final = 4_096
"""Characters of a path; no system has longer ones."""


class BinaryFile(Protocol):
    """A file that is open in binary mode."""

    def read(self, size: int = -1, /) -> bytes: ...


class Image(Protocol):
    """A PIL image."""

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None: ...


Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryFile | Image
"""A file: its path, its content as bytes, the file open in binary mode, or a PIL image."""


@frozen
class Content:
    """A file that can be read."""

    file: BinaryFile
    name: str | None
    """The file's own name, if it has one."""

    def read(self) -> bytes:
        """
        Return the whole content.

        Raises:
            ValueError: The file was already read to its end.
        """
        data = read_bytes(self.file)
        if not data:
            check_not_at_end(self.file)
        return data


@contextmanager
def opened(source: Source) -> Iterator[Content]:
    """
    Open *source* for reading; leave a file open that the caller has opened.

    Raises:
        TypeError: *source* is not a path, bytes, a file or an image.
        ValueError: *source* is a URL.
    """
    given: Any = source  # checked, because untyped callers may pass any value
    if isinstance(given, bytes | bytearray | memoryview):
        yield Content(io.BytesIO(given), None)
    elif isinstance(given, str | os.PathLike):
        path = os.fspath(given)
        if isinstance(path, str) and path[:8].lower().startswith(("http://", "https://", "data:")):
            raise ValueError("expected a file, not a URL: pass the URL itself in the input")
        if len(path) > _MAX_PATH:
            raise ValueError("a path is needed; this text is longer: is it base64 already?")
        with open(path, "rb") as file:
            yield Content(file, os.path.basename(os.fsdecode(path)))
    elif _is_image(given):
        buffer = io.BytesIO()
        given.save(buffer, "PNG")
        buffer.seek(0)
        name = getattr(given, "filename", None)
        yield Content(buffer, _with_extension(name, ".png"))
    elif callable(getattr(given, "read", None)):
        name = getattr(given, "name", None)
        yield Content(
            cast(BinaryFile, given), os.path.basename(name) if isinstance(name, str) else None
        )
    else:
        raise TypeError(
            "a file must be a path, bytes, a file open in binary mode, or an image of PIL, not"
            f" {type(given).__module__}.{type(given).__qualname__}"
        )


def read_bytes(file: BinaryFile, size: int = -1) -> bytes:
    """
    Read from *file*.

    Raises:
        TypeError: *file* is open in text mode.
    """
    data: Any = file.read(size)
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(
            'the file is open in text mode: open it in binary mode, as in open(…, "rb")'
        )
    return bytes(data)


def check_not_at_end(file: Any) -> None:
    """
    Check that *file*, which returned no data, was not read before.

    Raises:
        ValueError: The file was read to its end before.
    """
    try:
        position = file.tell()
    except (AttributeError, OSError, ValueError) as error:
        if raised_by_signal_handler(error):
            raise
        return
    if position:
        raise ValueError("the file was read to its end before: go back with its seek(0)")


def _is_image(value: Any) -> bool:
    """Return whether *value* is a PIL image; without an import, because the program has PIL."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def _with_extension(name: object, extension: str) -> str | None:
    if not isinstance(name, str) or not name:
        return None
    return os.path.splitext(os.path.basename(name))[0] + extension
