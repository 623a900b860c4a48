"""
`--save DIR`: the files of an output, decoded or downloaded, into a directory.

A file is named after the job and its own name or place. The output is then printed with the paths
of the files in the place of their content.
"""

from __future__ import annotations

from typing import Any, Final

import typer

from runpod_sdk import DownloadError, RunpodTimeoutError, WebPageError
from runpod_sdk.cli.terminal import print_note, size
from runpod_sdk.files import FileSaver, OutputFile, files_of
from runpod_sdk.media import hint_of, strings_of

_MAX_FILES: Final = 100
"""Files of one command."""


class Saver:
    """Saves the files in outputs, and replaces them by their paths."""

    def __init__(self, directory: str, *, force: bool) -> None:
        """
        Check that the directory exists, or can be made when there is something to save.

        Raises:
            typer.BadParameter: It can't be made, or not be written to.
        """
        self._saver = FileSaver(directory, overwrite=force)
        self._count = 0
        self.found = False
        """Whether an output contained a file or a link."""
        self.complete = True
        """Whether all files were saved."""
        fault = self._saver.fault()
        if fault is not None:
            raise typer.BadParameter(fault, param_hint="--save")

    def save(self, output: Any, job_id: str, place: str = "output") -> Any:
        """Save the files in *output*; return it with their paths instead."""
        for path, text in strings_of(output):
            if (hint := hint_of(text)) is not None:
                print_note(f"left alone: {'.'.join((place, *path))} ({hint})")
        replaced: dict[str, str] = {}
        for file in files_of(output, root_name=place):
            self.found = True
            where = place + file.path.replace("/", ".").replace("~1", "/").replace("~0", "~")
            self._count += 1
            if self._count > _MAX_FILES:
                self.complete = False
                print_note(f"not saved: {where} and later files (the limit is {_MAX_FILES} files)")
                break
            self._save(file, job_id, where, replaced)
        return _with(output, replaced, "") if replaced else output

    def _save(self, file: OutputFile, job_id: str, where: str, replaced: dict[str, str]) -> None:
        prefix = job_id.removeprefix("sync-")[:8] or "job"
        try:
            target, count = self._saver.save(file, prefix=prefix)
        except WebPageError:
            print_note(f"left alone: {where} (a web page)")
        except FileExistsError as error:
            self._fail(where, f"{error.filename} exists; --force replaces it")
        except (DownloadError, RunpodTimeoutError) as error:
            self._fail(where, str(error))
        except OSError as error:
            self._fail(where, f"{error.filename}: {error.strerror}")
        else:
            print_note(f"saved {target} ({size(count)})")
            replaced.update(dict.fromkeys((file.path, *file.copies), str(target)))

    def _fail(self, where: str, reason: str) -> None:
        self.complete = False
        print_note(f"not saved: {where} ({reason})")


def _with(value: Any, replaced: dict[str, str], path: str) -> Any:
    """Return *value* with the texts of files replaced by their paths on the disk."""
    if isinstance(value, str):
        return replaced.get(path, value)
    if isinstance(value, dict):
        return {key: _with(inner, replaced, _below(path, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with(inner, replaced, f"{path}/{at}") for at, inner in enumerate(value)]
    return value


def _below(path: str, key: str) -> str:
    return f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
