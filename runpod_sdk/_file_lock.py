"""
A lock on a file that its holder cannot lose by reading the file.

SQLite locks a database with POSIX record locks. A process releases them when it closes *any*
descriptor of the file, as every copy or checksum of the file does. This lock belongs to one open
file description instead:

    Linux, macOS    an open-file-description lock on one byte
    Linux, else     `flock`, if the kernel or the file system has no such lock
    Windows         `msvcrt.locking` on one byte
    elsewhere       only SQLite's lock, which `FileLock.check` acquires again

The lock is on the file, not on its name, so symbolic and hard links exclude each other. The
process's end releases the lock.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys
import threading
from typing import Final

from runpod_sdk import _forks

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_SQLITE_BYTES: Final = 0x4000_0000, 512
"""The first of the bytes that SQLite locks, and their number."""
_OUR_BYTE: Final = _SQLITE_BYTES[0] + 1024
"""The byte that this lock uses, in the page of SQLite's bytes, which contains no data."""
_TAKEN: Final = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_UNSUPPORTED: Final = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY}

Identity = tuple[int, int]
"""The device and the inode of a file."""


class FileTakenError(Exception):
    """The file is locked, by another process or elsewhere in this one."""


class FileLostError(Exception):
    """The path no longer leads to the file that is locked."""


class FileLock:
    """
    A lock on the file *path*, which is created if it does not exist.

    Raises:
        FileTakenError: The file is locked already.
        OSError: The file cannot be opened for writing, is not a regular file, or cannot be locked.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        with _registry.guard:
            # Without opening the file: closing it would release this process's SQLite locks.
            if _identity(path) in _registry.held:
                raise FileTakenError
            if os.path.lexists(path) and not stat.S_ISREG(os.stat(path).st_mode):
                raise OSError(errno.EINVAL, "it is not a regular file")
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(path, flags, 0o644)
            try:
                _lock(self._descriptor)
                found = os.fstat(self._descriptor)
                self._identity = found.st_dev, found.st_ino
                self._expected = {path: self._identity}
                self._check_names()
            except BaseException:
                os.close(self._descriptor)
                raise
            _registry.held.add(self._identity)

    def watch(self, path: str) -> None:
        """Let `check` also fail if *path* is replaced by another file."""
        identity = _identity(path)
        if identity is None:
            raise FileLostError(path)
        self._expected[path] = identity

    def check(self) -> None:
        """
        Check that this lock still has exclusive access to the file, at its path.

        Raises:
            FileLostError: The file, or a watched file, was deleted, moved or replaced.
            FileTakenError: Another program uses the file.
            OSError: The file cannot be locked.
        """
        self._check_names()
        if sys.platform != "win32":
            start, length = _SQLITE_BYTES
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
            except OSError as error:
                if error.errno in _TAKEN:
                    raise FileTakenError from None
                raise

    def release(self) -> None:
        """Unlock the file."""
        with _registry.guard:
            _registry.held.discard(self._identity)
            os.close(self._descriptor)

    def after_fork(self) -> None:
        """Close the copied descriptor, which would keep the parent's lock after its end."""
        os.close(self._descriptor)

    def _check_names(self) -> None:
        for path, identity in self._expected.items():
            if _identity(path) != identity:
                raise FileLostError(path)


class _Registry:
    """The files that this process has locked; a forked process starts with none."""

    def __init__(self) -> None:
        self.after_fork()
        _forks.watch(self)

    def after_fork(self) -> None:
        # Reentrant, because the garbage collector may release a file.
        self.guard = threading.RLock()
        self.held = set[Identity]()


_registry: Final = _Registry()


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _lock(descriptor: int) -> None:
    """
    Lock an open file description, by the platform's method.

    Raises:
        FileTakenError: The file is locked.
        OSError: The file cannot be locked.
    """
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _OUR_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        elif not _lock_description(descriptor) and sys.platform == "linux":
            # On other systems, `flock` would exclude SQLite's own locks.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            raise FileTakenError from None
        raise


if sys.platform != "win32":

    def _lock_description(descriptor: int) -> bool:
        """Lock one byte for the open file description; return whether that is supported."""
        if not hasattr(fcntl, "F_OFD_SETLK"):
            return False
        record = fcntl.F_WRLCK, os.SEEK_SET, _OUR_BYTE, 1, 0
        # A `struct flock`, with the padding of a C compiler.
        packed = struct.pack("hhqqi0q", *record)
        if sys.platform == "darwin":
            kind, whence, start, length, process = record
            packed = struct.pack("qqihh", start, length, process, kind, whence)
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, packed)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return False
            raise
        return True
