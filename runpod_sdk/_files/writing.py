"""
Write files safely: beside their final name first, and never over a file that is there already.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from runpod_sdk._signals import ignored, raised_by_signal_handler


def write_file(target: Path, fill: Callable[[BinaryIO], None], *, overwrite: bool) -> int:
    """
    Write a file, and return its size in bytes.

    Args:
        fill: Writes the content into the file that it is given.

    Raises:
        FileExistsError: There is a file of that name, and *overwrite* is false.
        OSError: It can't be written.
    """
    if overwrite:
        return _write(target, fill)
    target.touch(mode=0o666, exist_ok=False)  # ours from here on
    try:
        return _write(target, fill)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _write(target: Path, fill: Callable[[BinaryIO], None]) -> int:
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file)
            count = file.tell()
        with ignored(OSError):  # mkstemp's are for the owner alone; be as others are
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(partial, 0o666 & ~mask)
        os.replace(partial, target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return count


class Directory:
    """A directory that is made for its first file, and removed again if that can't be written."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._made: list[Path] = []
        self._names: set[str] = set()

    def fault(self) -> str | None:
        """Say why it can't be written to, or be made and then be; None if it can."""
        try:
            there = next(path for path in self._upwards() if path.exists())
        except OSError as error:
            if raised_by_signal_handler(error):
                raise
            return f"can't make {self.path}: {error.strerror}"
        if not there.is_dir():
            return f"can't make {self.path}: {there} is a file"
        if not os.access(there, os.W_OK | os.X_OK):
            return f"can't write to {there}"
        return None

    def new_name(self, name: str) -> str:
        """Return *name*, with a number if it was returned before."""
        stem, ending = os.path.splitext(name)
        chosen, number = name, 1
        while chosen.lower() in self._names:
            number += 1
            chosen = f"{stem}-{number}{ending}"
        self._names.add(chosen.lower())
        return chosen

    def write(
        self, name: str, fill: Callable[[BinaryIO], None], *, overwrite: bool
    ) -> tuple[Path, int]:
        """
        Write a file, and return its path and size.

        Raises:
            FileExistsError: There is a file of that name, and *overwrite* is false.
            OSError: It can't be written.
        """
        target = self.path / name
        missing = [path for path in self._upwards() if not path.exists()]
        if missing:
            self._made = missing
            self.path.mkdir(parents=True, exist_ok=True)
        try:
            return target, write_file(target, fill, overwrite=overwrite)
        except BaseException:
            with ignored(OSError):
                for path in self._made:
                    path.rmdir()
            raise

    def _upwards(self) -> list[Path]:
        return [self.path, *self.path.parents]
