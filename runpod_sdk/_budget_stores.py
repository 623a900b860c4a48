"""
The stores of a `RateBudget`: a file on one machine, or Redis.

A store contains texts by key. `update` reads and changes one of them, and no other process changes
it in between. It may block for about a second.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from runpod_sdk import _forks
from runpod_sdk._secret import Secret
from runpod_sdk._signals import ignored, raised_by_signal_handler
from runpod_sdk.errors import ConfigurationError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    import redis

T = TypeVar("T")
Change = Callable[[str | None, float], tuple[str, T]]
"""
Takes a text, or None, and the store's time in seconds; returns the new text and a result. The store
may call it more than once.
"""

PATIENCE: Final = 1.0
"""Longest time for one step of an update, in seconds."""
KEPT: Final = 60.0
"""Seconds after which a text that was not changed may be deleted."""


class StoreAwayError(Exception):
    """The store cannot be reached now."""


class BudgetStore(Protocol):
    def update(self, key: str, change: Change[T]) -> T:
        """
        Change one text, and return the change's result.

        Raises:
            StoreAwayError: The store cannot be reached now.
            ConfigurationError: The store cannot be used.
        """
        ...


_SHOWN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?:[^@/?#]*@)?"
    r"(?P<rest>(?:\[[0-9a-f:.]*\]|[^:@/?#]*)(?::\d+)?(?:/[^@?#]*)?)(?:\?[^@#]*)?",
    re.IGNORECASE,
)
"""A URL in which it is certain which part is the password."""


def shown_location(location: Secret[str]) -> str:
    """Return a store's path, or its URL without user name, password and options."""
    if not is_url(location):
        return location.reveal()
    if parts := _SHOWN.fullmatch(location.reveal()):
        return parts["scheme"] + parts["rest"]
    return f"{location.reveal().partition('://')[0]}://…"


def is_url(location: Secret[str]) -> bool:
    return "://" in location.reveal()


def open_store(location: Secret[str]) -> BudgetStore:
    """
    Return the store at a path or a URL; nothing is read or sent.

    Raises:
        ConfigurationError: The store cannot be used.
    """
    return RedisStore(location) if is_url(location) else FileStore(location.reveal())


class FileStore:
    """
    A file, whose lock orders the processes.

    The kernel releases the lock when its process ends, and a write of a few kilobytes is complete
    although the process is killed. Times are of the machine's monotonic clock.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(os.path.expanduser(path))
        self._descriptor: int | None = None
        directory = os.path.dirname(self._path)
        if not os.path.isdir(directory):
            raise ConfigurationError(
                f"the rate budget {path} cannot be opened: there is no directory {directory}"
            )
        if remote := network_filesystem(self._path, _mounts()):
            raise ConfigurationError(
                f"the rate budget {path} is on a network file system ({remote}), whose machines"
                " have different clocks: use a local file, or Redis for several machines"
            )
        _forks.watch(self)

    def update(self, key: str, change: Change[T]) -> T:
        fault = ""
        try:
            with self._locked() as descriptor:
                texts = _read(descriptor, self._path)
                now = time.monotonic()
                found = texts.get(key)
                text, result = change(None if found is None else found[1], now)
                texts[key] = now, text
                current = {name: it for name, it in texts.items() if abs(now - it[0]) < KEPT}
                _write(descriptor, current)
            return result
        except OSError as error:
            if raised_by_signal_handler(error):
                raise
            fault = error.strerror or str(error)
        raise ConfigurationError(f"the rate budget {self._path} cannot be read or written: {fault}")

    def after_fork(self) -> None:
        """Close the copied descriptor, which would keep the parent's lock after its end."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        # Opened each time: the file may have been replaced, and closing it releases the lock.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._descriptor = descriptor = os.open(self._path, flags, 0o666)
        try:
            until = time.monotonic() + PATIENCE
            while not _lock(descriptor):
                if time.monotonic() > until:
                    raise StoreAwayError(f"another process keeps {self._path} locked")
                time.sleep(0.001)
            yield descriptor
        finally:
            self._descriptor = None
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; return whether it was free."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, 2**30, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


_HEAD: Final = b"runpod_sdk rate budget 1: %10d bytes\n"
_HEAD_LENGTH: Final = len(_HEAD % 0)


def _read(descriptor: int, path: str) -> dict[str, tuple[float, str]]:
    os.lseek(descriptor, 0, os.SEEK_SET)
    content = os.read(descriptor, os.fstat(descriptor).st_size)
    if content and content[: _HEAD.index(b"%")] != _HEAD[: _HEAD.index(b"%")]:
        raise ConfigurationError(f"{path} is not a rate budget: use another file")
    try:
        length = int(content[_HEAD.index(b"%") : _HEAD_LENGTH].split()[0])
        found = json.loads(content[_HEAD_LENGTH : _HEAD_LENGTH + length])
        return {key: (float(changed), str(text)) for key, (changed, text) in found.items()}
    except (ValueError, TypeError, AttributeError, IndexError):
        return {}  # a new file, or a power failure


def _write(descriptor: int, texts: dict[str, tuple[float, str]]) -> None:
    content = json.dumps(texts).encode()
    os.lseek(descriptor, 0, os.SEEK_SET)
    if os.write(descriptor, _HEAD % len(content) + content) < _HEAD_LENGTH + len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


_REMOTE: Final = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre"),
    *("nfs", "nfs4", "ocfs2", "smb3", "smbfs"),
    *("ceph-fuse", "gcsfuse", "juicefs", "mount-s3", "mountpoint-s3", "rclone", "s3fs", "sshfs"),
}
"""Types of file systems that several machines may use."""


def network_filesystem(path: str, mounts: str) -> str:
    """
    Return the type of the file system of *path* if other machines may use it, else nothing.

    Args:
        mounts: The content of Linux's `/proc/self/mountinfo`.
    """
    real, longest, found = os.path.realpath(path), -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5:
            continue
        point = fields[4].encode().decode("unicode_escape").rstrip("/")
        if len(point) >= longest and (real == point or real.startswith(f"{point}/")):
            longest, found = len(point), after.split(" ")[0]
    return found if found.removeprefix("fuse.") in _REMOTE else ""


def _mounts() -> str:
    with (
        ignored(OSError),
        open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file,
    ):
        return file.read()
    return ""


_SCHEMES: Final = {
    "redis": "redis",
    "rediss": "rediss",
    "unix": "unix",
    "valkey": "redis",
    "valkeys": "rediss",
}
_GET: Final = "local now = redis.call('TIME') return {now[1], now[2], redis.call('GET', KEYS[1])}"
_SWAP: Final = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""
"""Replaces a text if it is still the one that was read."""
_PREFIX: Final = "runpod_sdk:rate_budget:1:"


class RedisStore:
    """Keys of a Redis or Valkey server. Times are of its clock."""

    def __init__(self, url: Secret[str]) -> None:
        self._shown = shown_location(url)
        self._client = _redis_client(url)

    def update(self, key: str, change: Change[T]) -> T:
        from redis import exceptions

        away, fault = "", ""
        try:
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                seconds, micros, found = self._run(_GET, key)
                text, result = change(found, int(seconds) + int(micros) / 1e6)
                if self._run(_SWAP, key, found or "", text, int(KEPT)):
                    return result
            away = "other processes change it too often"
        except (exceptions.AuthenticationError, exceptions.AuthorizationError) as error:
            fault = str(error)
        except (exceptions.ReadOnlyError, exceptions.OutOfMemoryError) as error:
            away = str(error)
        except exceptions.ResponseError as error:
            fault = str(error)
        except (exceptions.RedisError, OSError) as error:
            away = str(error) or type(error).__name__
        # Not in `except`: the variables of redis-py's functions contain the password.
        if away:
            raise StoreAwayError(f"{self._shown}: {away}")
        raise ConfigurationError(f"the rate budget {self._shown} cannot be used: {fault}")

    def _run(self, script: str, key: str, *values: str | int) -> Any:
        return self._client.eval(script, 1, _PREFIX + key, *values)


def _redis_client(url: Secret[str]) -> redis.Redis:
    shown = shown_location(url)
    scheme = shown.partition("://")[0]
    if scheme not in _SCHEMES:
        raise ConfigurationError(
            f"{shown} is no rate budget: pass the path of a file, or a URL that begins with"
            " redis://, rediss:// or unix://"
        )
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as missing:
        raise ConfigurationError(
            f'the rate budget {shown} needs redis: pip install "runpod_sdk[redis]"'
        ) from missing
    with contextlib.suppress(ValueError):
        return redis.Redis.from_url(
            _SCHEMES[scheme] + url.reveal()[len(scheme) :],
            decode_responses=True,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 1),  # a connection that the server closed in between
        )
    raise ConfigurationError(
        f"the rate budget {shown} is no valid URL of Redis: percent-encode special characters of"
        " the password"
    )
