"""
Files that are too large for a request, in storage that speaks the protocol of S3.

`S3Storage.upload` puts a file into a bucket and returns a link to it that expires. The handler
downloads from that link. Needs boto3, of the extra `s3`.
"""

from __future__ import annotations

import io
import math
import re
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

from runpod_sdk._files.finding import safe
from runpod_sdk._files.time_left import TimeLeft, in_thread
from runpod_sdk._importing import whole_imports
from runpod_sdk._media_types import type_of_content, type_of_name
from runpod_sdk._secret import clear_frames
from runpod_sdk._signals import interruption_in, raised_by_signal_handler
from runpod_sdk._sources import Content, Source, opened, read_bytes
from runpod_sdk.errors import ConfigurationError, RunpodError, StorageError
from runpod_sdk.models import S3Config
from runpod_sdk.settings import Timeout, length_of_time

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["S3Storage", "UploadProgress"]

UploadProgress: TypeAlias = Callable[[int, int | None], object]
"""Is called with the bytes that were sent so far, and all of them, or None if that is not known."""

_PART: Final = 8 * 2**20
"""Bytes of a part; a larger file is sent in parts, some at a time."""
_PARTS_AT_ONCE: Final = 4
_LONGEST: Final = 7 * 86_400
"""Seconds that a signed link can live, at most."""
_HEAD: Final = 1_024
_RUNPOD = re.compile(r"s3api-(.+)\.runpod\.io")
_AWS = re.compile(r"(?:.+\.)?s3[.-]([a-z]+(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?")
"""Hosts that name the region."""


class S3Storage:
    """
    A bucket of S3-compatible storage. Can be used by several threads; cannot be pickled.

    Args:
        config: Where the bucket is, and the key to it: the same that a request may carry. Files
            go below its `object_path`, if it has one.
        region: The bucket's region. By default it is taken from the hosts of AWS and RunPod, and
            is `us-east-1` elsewhere, which most other services accept.

    Raises:
        ConfigurationError: boto3, of the extra `s3`, is not installed.
        TypeError: *config* is no `S3Config`.
    """

    def __init__(self, config: S3Config, *, region: str | None = None) -> None:
        if not isinstance(config, S3Config):
            raise TypeError(f"config must be an S3Config, not a {type(config).__name__}")
        config._check()
        self._config = config
        self._region = region or _region_of(config.endpoint_url)
        self._client: Any = None
        self._lock = threading.Lock()
        _boto3()

    def upload(
        self,
        source: Source,
        name: str | None = None,
        *,
        expires: float | timedelta = 86_400.0,
        media_type: str | None = None,
        progress: UploadProgress | None = None,
        timeout: Timeout = None,
    ) -> str:
        """
        Upload a file, and return a link to it.

        A file of more than 8 MiB is sent in parts, several at a time. An upload that fails or is
        interrupted leaves nothing in the bucket.

        Args:
            source: A path, bytes, a file that is open in binary mode, or an image of PIL.
            name: The object's name in the bucket. An object of that name is replaced. By default
                the file's own name, in a folder with a new random name.
            expires: Seconds until the link expires, at most 7 days.
            media_type: Its media type, which downloads then have. By default by the file's
                content, else by its name.
            progress: A function, called after each piece with the sent and the total bytes, in a
                thread of the upload. An exception in it ends the upload.
            timeout: Longest total time in seconds; None is no limit.

        Returns:
            A link to download the file until it expires, without a password. Treat it as a secret.

        Raises:
            StorageError: The storage refused the file, or could not be reached.
            RunpodTimeoutError: *timeout* passed.
            ValueError: *expires* is longer than 7 days, or *name* is empty.
            TypeError: *source* is not a file in one of these forms.
            OSError: The file can't be read.
        """
        time_left = TimeLeft(length_of_time(timeout))
        return self._upload(source, name, _seconds(expires), media_type, progress, time_left)

    async def aupload(
        self,
        source: Source,
        name: str | None = None,
        *,
        expires: float | timedelta = 86_400.0,
        media_type: str | None = None,
        progress: UploadProgress | None = None,
        timeout: Timeout = None,
    ) -> str:
        """
        Do what `upload` does, in a thread, so that the event loop is not blocked.

        If the task is cancelled, the upload ends soon after it.
        """
        time_left, life = TimeLeft(length_of_time(timeout)), _seconds(expires)
        return await in_thread(
            lambda: self._upload(source, name, life, media_type, progress, time_left), time_left
        )

    def close(self) -> None:
        """Close the connections. They are opened again when they are needed."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def __enter__(self) -> S3Storage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        where = f"{self._config.endpoint_url}/{self._config.bucket_name}"
        return f"{type(self).__name__}({where!r})"

    def __reduce__(self) -> Any:
        raise TypeError(
            "an S3Storage has a secret, so it can't be pickled: make one where you need it"
        )

    def _upload(
        self,
        source: Source,
        name: str | None,
        expires: int,
        media_type: str | None,
        progress: UploadProgress | None,
        time_left: TimeLeft,
    ) -> str:
        before = sys.exception()
        try:
            with opened(source) as content:
                key = self._key(name, content.name)
                kind, file, size = _described(content, media_type)
                sent = _Sent(size, progress, time_left)
                self._connected().upload_fileobj(
                    file,
                    self._config.bucket_name,
                    key,
                    ExtraArgs={"ContentType": kind},
                    Callback=sent.add,
                    Config=_transfer(),
                )
            return self._link(key, expires)
        except BaseException as reason:
            clear_frames(reason, before)  # those of boto3 have the secret in them
            if (interruption := interruption_in(reason, before)) is not None:
                raise interruption from interruption.__cause__
            if isinstance(reason, RunpodError) or not _is_of_boto3(reason):
                raise
            failure = StorageError(f"{self!r}: {self._shown(reason)}")
        raise failure

    def _key(self, name: str | None, own_name: str | None) -> str:
        if name is None:
            name = f"{uuid4().hex}/{safe(own_name or '') or 'file'}"
        elif not name.strip("/"):
            raise ValueError("name must not be empty")
        return "/".join(filter(None, ((self._config.object_path or "").strip("/"), name)))

    def _link(self, key: str, expires: int) -> str:
        link: str = self._connected().generate_presigned_url(
            "get_object",
            Params={"Bucket": self._config.bucket_name, "Key": key},
            ExpiresIn=expires,
        )
        return link

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _client(self._config, self._region)
            return self._client

    def _shown(self, reason: BaseException) -> str:
        """Return what *reason* says, without the secret."""
        return str(reason).replace(self._config.access_secret, "[not shown]")


class _Sent:
    """Counts what was sent, for whoever looks on."""

    def __init__(
        self, total: int | None, progress: UploadProgress | None, time_left: TimeLeft
    ) -> None:
        self._total = total
        self._progress = progress
        self._time_left = time_left
        self._count = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Count a piece; a piece that is sent again was taken back before."""
        self._time_left.of(None)
        with self._lock:
            self._count += count
            if self._progress is not None and count > 0:
                self._progress(self._count, self._total)


def _described(content: Content, media_type: str | None) -> tuple[str, Any, int | None]:
    """Return the media type of a file, the file, and its size, if that can be told."""
    file: Any = content.file
    try:
        start = file.tell()
        end = file.seek(0, io.SEEK_END)
        file.seek(start)
    except (AttributeError, OSError, ValueError) as error:
        if raised_by_signal_handler(error):
            raise
        named = None if content.name is None else type_of_name(content.name)
        return media_type or named or "application/octet-stream", file, None
    head = read_bytes(file, _HEAD)
    file.seek(start)
    kind = media_type or type_of_content(head) or type_of_name(content.name or "")
    return kind or "application/octet-stream", file, end - start


def _seconds(expires: float | timedelta) -> int:
    seconds = length_of_time(expires, "expires")
    if seconds is None or seconds > _LONGEST:
        raise ValueError(f"expires must be at most 7 days, not {expires!r}")
    return math.ceil(seconds)


def _region_of(endpoint_url: str) -> str:
    host = urlsplit(endpoint_url).hostname or ""
    if found := _RUNPOD.fullmatch(host):
        return found[1].upper()
    found = _AWS.fullmatch(host)
    return found[1] if found else "us-east-1"


def _boto3() -> Any:
    try:
        with whole_imports():
            return import_module("boto3")
    except ImportError as missing:
        raise ConfigurationError('S3Storage needs boto3: pip install "runpod_sdk[s3]"') from missing


def _client(config: S3Config, region: str) -> Any:
    options = import_module("botocore.config").Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},  # which every service takes
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 5},
        # Newer checksums are unknown to many services.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=2 * _PARTS_AT_ONCE,
    )
    session = import_module("boto3.session").Session(
        aws_access_key_id=config.access_id,
        aws_secret_access_key=config.access_secret,
        region_name=region,
    )
    return session.client("s3", endpoint_url=config.endpoint_url, config=options)


def _transfer() -> Any:
    return import_module("boto3.s3.transfer").TransferConfig(
        multipart_threshold=_PART, multipart_chunksize=_PART, max_concurrency=_PARTS_AT_ONCE
    )


def _is_of_boto3(reason: BaseException) -> bool:
    return type(reason).__module__.partition(".")[0] in ("boto3", "botocore", "s3transfer")
