"""
The files in a job's output: base64 text, `data:` URLs and links, as objects that can be saved.

`JobState.files` and `Job.save_output` are made of it. Files are found by content, and by the
shapes in which workers return them, ComfyUI's among them; see docs/files.md.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from attrs import field, frozen

from runpod_sdk import _messages as messages
from runpod_sdk._files.finding import find, safe
from runpod_sdk._files.time_left import TimeLeft, in_thread
from runpod_sdk._files.writing import Directory, write_file
from runpod_sdk._secret import Secret
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk.errors import DownloadError, RunpodTimeoutError, SaveOutputError, WebPageError
from runpod_sdk.media import Media
from runpod_sdk.settings import Timeout, checked_bool, checked_string, length_of_time, whole_number

if TYPE_CHECKING:
    from runpod_sdk.models import JobState

__all__ = ["FileSaver", "OutputFile", "files_of"]

DOWNLOAD_TIMEOUT: Final = 600.0
"""Seconds for one link."""
MAX_SIZE: Final = 2**30
"""Bytes of one file."""
MAX_FILES: Final = 1_000
"""Files that are saved of one output."""


def _without_query(url: str | None) -> str:
    """Show a link without its query, which may be a signature."""
    return "None" if url is None else repr(url.partition("?")[0] + ("?…" if "?" in url else ""))


@frozen(kw_only=True)
class OutputFile:
    """A file in the output of a job: its content, or a link to it."""

    path: str
    """Its place in the output, as a JSON pointer such as `/images/0/data`; empty for the whole."""
    name: str
    """A safe file name: what the output calls it, the end of its link, or after its place."""
    media_type: str | None
    """The media type in lower case, such as `image/png`; None if a link's type is unknown."""
    size: int | None
    """Bytes; None of a link."""
    url: str | None = field(default=None, repr=_without_query)
    """The link to it; None where the output has the content itself."""
    copies: tuple[str, ...] = ()
    """The other places in the output where the same file is."""
    _media: Media | None = field(default=None, repr=False, alias="media")
    _endpoint_url: str | None = field(default=None, repr=False, eq=False, alias="endpoint_url")

    @property
    def data(self) -> bytes | None:
        """The content, where the output has it itself; None of a link."""
        return None if self._media is None else self._media.data()

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        timeout: Timeout = DOWNLOAD_TIMEOUT,
        max_size: int = MAX_SIZE,
    ) -> Path:
        """
        Write the file to the disk, and return its path.

        A link is downloaded without the API key, over http and https, and from hosts of the public
        network only, unless the endpoint is in a private one.

        Args:
            path: The name of the new file, or a directory that exists: the file then gets its own
                name in it.
            overwrite: Whether a file that is there already is replaced.
            timeout: The longest total time of a download, in seconds; None is no limit.
            max_size: The most bytes that a download may have; 1 GiB unless given.

        Raises:
            FileExistsError: There is a file of that name, and *overwrite* is false.
            DownloadError: The link can't be followed.
            WebPageError: The link leads to a web page.
            RunpodTimeoutError: *timeout* passed.
            OSError: The file can't be written.
        """
        return self._save(path, overwrite, TimeLeft(length_of_time(timeout)), max_size)

    async def asave(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        timeout: Timeout = DOWNLOAD_TIMEOUT,
        max_size: int = MAX_SIZE,
    ) -> Path:
        """
        Save the file as `save` does, in a thread, without blocking the event loop.

        A cancelled task does not wait for the thread, which ends soon and leaves no file.
        """
        time_left = TimeLeft(length_of_time(timeout))
        return await in_thread(lambda: self._save(path, overwrite, time_left, max_size), time_left)

    def _save(
        self, path: str | os.PathLike[str], overwrite: bool, time_left: TimeLeft, max_size: int
    ) -> Path:
        checked_bool(overwrite, "overwrite")
        whole_number(max_size, "max_size", 1)
        target = Path(path)
        if target.is_dir():
            target /= self.name
        write_file(target, partial(self._write_to, time_left, max_size), overwrite=overwrite)
        return target

    def _write_to(self, time_left: TimeLeft, max_size: int, file: BinaryIO) -> None:
        if self._media is not None:
            file.write(self._media.data())
            return
        from runpod_sdk._files.download import download  # brings httpx

        time_left.begin()
        link, origin = Secret(str(self.url)), self._endpoint_url
        download(link, file, time_left, endpoint_url=origin, max_size=max_size)


def files_of(
    output: Any, *, root_name: str = "output", endpoint_url: str | None = None
) -> list[OutputFile]:
    """
    Return the files in an output, in order; equal files with the same name count once.

    Args:
        root_name: The name of a file that is the whole output, if it has no name.
        endpoint_url: The endpoint's base URL. If it is in a private network, such as this machine,
            links may lead there too. None uses the environment's base URL.
    """
    checked_string(root_name, "root_name")
    if endpoint_url is not None:
        checked_string(endpoint_url, "endpoint_url")
    return [
        OutputFile(
            path=found.places[0],
            name=found.name,
            media_type=found.media_type,
            size=None if found.media is None else found.media.size,
            url=found.text if found.media is None else None,
            copies=tuple(found.places[1:]),
            media=found.media,
            endpoint_url=endpoint_url,
        )
        for found in find(output, root_name)
    ]


class FileSaver:
    """Saves files into one directory, which is made for the first; nothing is written elsewhere."""

    def __init__(self, directory: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """
        Prepare to save; nothing is written yet.

        Args:
            overwrite: Whether files that are there already are replaced.
        """
        if not isinstance(directory, str | os.PathLike):
            raise TypeError(f"directory must be a path, not {directory!r:.60}")
        self._directory = Directory(directory)
        self._overwrite = checked_bool(overwrite, "overwrite")

    def fault(self) -> str | None:
        """Say why the directory can't be made or written to; None if it can."""
        return self._directory.fault()

    def save(
        self, file: OutputFile, *, prefix: str = "", time_left: TimeLeft | None = None
    ) -> tuple[Path, int]:
        """
        Save one file; return its path and its size in bytes.

        Files with the same name get numbers.

        Args:
            prefix: The start of the file's name.
            time_left: Limit of the download; None means 10 minutes.

        Raises:
            FileExistsError: A file with this name already exists.
            DownloadError, RunpodTimeoutError, OSError: As in `OutputFile.save`.
        """
        if not isinstance(file, OutputFile):
            raise TypeError(f"file must be an OutputFile, such as of state.files, not {file!r:.60}")
        checked_string(prefix, "prefix")
        if not (time_left is None or isinstance(time_left, TimeLeft)):
            raise TypeError(f"time_left must be a TimeLeft, not {time_left!r:.60}")
        name = self._directory.new_name("-".join(filter(None, (safe(prefix), file.name))))
        limit = TimeLeft(None, DOWNLOAD_TIMEOUT) if time_left is None else time_left
        fill = partial(file._write_to, limit, MAX_SIZE)
        return self._directory.write(name, fill, overwrite=self._overwrite)


def save_all(state: JobState[Any], saver: FileSaver, *, time_left: TimeLeft) -> list[Path]:
    """
    Save the files of an output, each although others fail; links to web pages are no files.

    Args:
        time_left: For all of them.

    Raises:
        SaveOutputError: Some could not be saved.
    """
    files = state.files
    saved: list[Path] = []
    failed: dict[str, Exception] = {}
    for file in files[:MAX_FILES]:
        try:
            saved.append(saver.save(file, time_left=time_left)[0])
        except WebPageError as error:
            if file.media_type is not None:  # by its name it should be a file
                failed[file.path] = error
        except (DownloadError, RunpodTimeoutError, OSError) as error:
            if raised_by_signal_handler(error):
                raise
            failed[file.path] = error
    for file in files[MAX_FILES:]:
        failed[file.path] = DownloadError(f"an output has at most {MAX_FILES} files that are saved")
    if failed:
        raise SaveOutputError(
            messages.not_saved(state.id, failed, saved), saved=saved, failed=failed
        )
    return saved
