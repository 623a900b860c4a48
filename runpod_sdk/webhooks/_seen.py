"""Which calls have come before: RunPod may make the same one three times."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol

from runpod_sdk import _forks
from runpod_sdk.settings import whole_number


class InHandError(Exception):
    """A call that repeats one which is being dealt with: how that ends is not known yet."""


class SeenStore(Protocol):
    """Remembers keys; of a service of several processes, for all of them."""

    def add(self, key: str) -> bool:
        """Remember *key*, at once for everybody; tell whether it is new."""
        ...

    def discard(self, key: str) -> None:
        """Forget *key*, as what it stands for could not be dealt with."""
        ...


class Seen:
    """A `SeenStore` in memory, for all threads of this process: the last *most* keys."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = whole_number(most, "most", 1)
        self._keys: OrderedDict[str, None] = OrderedDict()
        self.after_fork()
        _forks.watch(self)

    def after_fork(self) -> None:
        """Use a lock that no thread of the parent holds."""
        self._lock = threading.Lock()

    def add(self, key: str) -> bool:
        """Remember *key*; tell whether it is new."""
        with self._lock:
            new = key not in self._keys
            self._keys[key] = None
            self._keys.move_to_end(key)
            if len(self._keys) > self._most:
                self._keys.popitem(last=False)
            return new

    def discard(self, key: str) -> None:
        """Forget *key*."""
        with self._lock:
            self._keys.pop(key, None)

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)
