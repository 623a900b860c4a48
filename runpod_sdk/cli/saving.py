"""
`--save DIR`: the files of an output, decoded or fetched, into a directory.

A file is named after the job and its place in the output, or the end of its link. It is
written beside its final name first; one that is there already is left alone, unless told
otherwise. Nothing is written outside the directory, whatever the output says.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

import typer

from runpod_sdk.cli.terminal import print_note, size
from runpod_sdk.media import hint_of, is_ending_of, media_of, strings_of

_MOST: Final = 100
"""Files of one output."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LINK = re.compile(r"https?://[^\s\"'<>]+", re.I)


class NotSaved(Exception):
    """Why a file could not be saved."""


class Saver:
    """Saves what outputs hold, and puts the names of the files in their place."""

    def __init__(self, directory: str, *, force: bool) -> None:
        """
        See that the directory is there, or can be made when there is something to save.

        Raises:
            typer.BadParameter: It can't be made, or not be written to.
        """
        self._directory = Path(directory)
        self._force = force
        self._names: set[str] = set()
        self._made: list[Path] = []
        self.found = False
        """Whether there was anything that could have been saved."""
        self.complete = True
        """Whether all that was to be saved was."""
        fault = _fault_of(self._directory)
        if fault is not None:
            raise typer.BadParameter(fault, param_hint="--save")

    def save(self, output: Any, job_id: str, place: str = "output") -> Any:
        """Save what *output* holds; return it with the names of the files instead."""
        replaced: dict[str, str] = {}
        for path, text in strings_of(output):
            if text in replaced:
                continue
            if (write := _writer(text)) is None:
                if (hint := hint_of(text)) is not None:
                    print_note(f"left alone: {'.'.join((place, *path))} ({hint})")
                continue
            self.found = True
            where = ".".join((place, *path))
            if len(self._names) >= _MOST:
                self.complete = False
                print_note(f"not saved: {where}, and what follows: {_MOST} files are enough")
                break
            try:
                name = self._name(text, _file_name(output, path), job_id, (place, *path))
                target, count = self._save(name, write)
            except _NotAFile as reason:
                print_note(f"left alone: {where} ({reason})")
            except NotSaved as reason:
                self.complete = False
                print_note(f"not saved: {where} ({reason})")
            else:
                print_note(f"saved {target} ({size(count)})")
                replaced[text] = str(target)
        return _with(output, replaced) if replaced else output

    def _name(self, text: str, given: str, job_id: str, path: tuple[str, ...]) -> str:
        """Choose a name that is safe, whatever the output says, and new in this run."""
        media = media_of(text)
        stem, ending = _split(given or ("" if media else _last(text)))
        if media is not None and not is_ending_of(ending, media.type):
            stem, ending = stem or "-".join(path[1:] or path), media.ending
        begin = _safe(job_id.removeprefix("sync-"))[:8] or "job"
        base = f"{begin}-{_safe(stem)[:60] or 'file'}"
        end = f".{_safe(ending)[:10]}" if _safe(ending) else ""
        name, number = base + end, 1
        while name.lower() in self._names:
            number += 1
            name = f"{base}-{number}{end}"
        self._names.add(name.lower())
        return name

    def _save(self, name: str, write: Callable[[BinaryIO], None]) -> tuple[Path, int]:
        target = self._directory / name
        try:
            self._make()
            if not self._force:
                target.touch(mode=0o666, exist_ok=False)  # ours from here on
            try:
                return target, self._write(target, write)
            except BaseException:
                if not self._force:
                    target.unlink(missing_ok=True)
                self._unmake()
                raise
        except FileExistsError:
            raise NotSaved(f"{target} is there already; --force replaces it") from None
        except OSError as error:
            raise NotSaved(f"{target}: {error.strerror}") from None

    def _make(self) -> None:
        """Make the directory, if it is not there."""
        missing = [path for path in _upwards(self._directory) if not path.exists()]
        if missing:
            self._made = missing
            self._directory.mkdir(parents=True, exist_ok=True)

    def _unmake(self) -> None:
        """Remove what was made of the directory, as far as nothing is in it."""
        with suppress(OSError):
            for path in self._made:
                path.rmdir()

    def _write(self, target: Path, write: Callable[[BinaryIO], None]) -> int:
        handle, partial = tempfile.mkstemp(dir=self._directory, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                write(file)
                count = file.tell()
            with suppress(OSError):  # mkstemp's are for the owner alone; be as others are
                mask = os.umask(0)
                os.umask(mask)
                os.chmod(partial, 0o666 & ~mask)
            os.replace(partial, target)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
        return count


def _upwards(directory: Path) -> list[Path]:
    return [directory, *directory.parents]


def _fault_of(directory: Path) -> str | None:
    """Say why *directory* can't be written to, or be made and then be; None if it can."""
    try:
        there = next(path for path in _upwards(directory) if path.exists())
    except OSError as error:
        return f"can't make {directory}: {error.strerror}"
    if not there.is_dir():
        return f"can't make {directory}: {there} is a file"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"can't write to {there}"
    return None


class _NotAFile(Exception):
    """Why a link is not fetched, though nothing is wrong with it."""


def _writer(text: str) -> Callable[[BinaryIO], None] | None:
    """Return what writes the file that *text* is, or links to; None where it does neither."""
    if (media := media_of(text)) is not None:
        data = media.data()

        def write(file: BinaryIO) -> None:
            file.write(data)

        return write
    if _LINK.fullmatch(text):
        return lambda file: _fetch(text, file)
    return None


def _fetch(url: str, file: BinaryIO) -> None:
    from runpod_sdk.cli.fetching import NotFetched, fetch  # brings httpx

    try:
        if not fetch(url, file):
            raise _NotAFile("a web page")
    except NotFetched as reason:
        raise NotSaved(str(reason)) from None


def _last(url: str) -> str:
    """Return the last segment of the path of *url*."""
    from urllib.parse import unquote, urlsplit

    try:
        return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return ""


def _file_name(output: Any, path: tuple[str, ...]) -> str:
    """Return the name that stands beside a file in *output*, as ComfyUI's worker puts it."""
    for step in path[:-1]:
        output = output[int(step) if isinstance(output, list) else step]
    name = output.get("filename") if isinstance(output, dict) else None
    last = re.split(r"[/\\]", name)[-1] if isinstance(name, str) else ""
    return last if _safe(last) else ""


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return (stem, ending) if dot and stem else (dot + ending, "")


def _safe(text: str) -> str:
    return _UNSAFE.sub("-", text).strip(".-")


def _with(value: Any, replaced: dict[str, str]) -> Any:
    if isinstance(value, str):
        return replaced.get(value, value)
    if isinstance(value, dict):
        return {key: _with(inner, replaced) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with(inner, replaced) for inner in value]
    return value
