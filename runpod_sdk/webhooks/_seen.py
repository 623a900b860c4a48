"""Recognition of duplicate calls: RunPod may call three times."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Awaitable
from typing import Protocol, cast

from runpod_sdk import _forks
from runpod_sdk.settings import whole_number


class InHandError(Exception):
    """Raised when a call repeats a call that is still being handled."""


class SeenStore(Protocol):
    """A store of keys, shared by all processes of a service."""

    def add(self, key: str) -> bool:
        """Add *key* atomically; return whether it is new."""
        ...

    def discard(self, key: str) -> None:
        """Remove *key*, because its call could not be handled."""
        ...


def checked_store(store: SeenStore) -> SeenStore:
    """Return *store* if it has a store's methods; a set's `add` returns nothing."""
    methods = (getattr(store, name, None) for name in ("add", "discard"))
    if isinstance(store, type | set) or not all(map(callable, methods)):
        raise TypeError(
            "seen must be a SeenStore, such as webhooks.Seen(): an object with discard(key) and"
            f" add(key), which returns whether the key is new; not {store!r:.60}"
        )
    return store


def is_new(store: SeenStore, key: str) -> bool:
    """Add *key* to *store*; return whether it is new."""
    new = cast(object, store.add(key))
    if new is None or isinstance(new, Awaitable):  # None would make each call a duplicate
        raise TypeError(
            f"{type(store).__name__}.add() must return whether the key is new, not {new!r:.60}"
        )
    return bool(new)


class Seen:
    """A `SeenStore` in memory for the threads of this process, with the last *most* keys."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = whole_number(most, "most", 1)
        self._keys: OrderedDict[str, None] = OrderedDict()
        self.after_fork()
        _forks.watch(self)

    def after_fork(self) -> None:
        """Create a new lock, which no thread of the parent process holds."""
        self._lock = threading.Lock()

    def add(self, key: str) -> bool:
        """Add *key*; return whether it is new."""
        with self._lock:
            new = key not in self._keys
            self._keys[key] = None
            self._keys.move_to_end(key)
            if len(self._keys) > self._most:
                self._keys.popitem(last=False)
            return new

    def discard(self, key: str) -> None:
        """Remove *key*."""
        with self._lock:
            self._keys.pop(key, None)

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)
