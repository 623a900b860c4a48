"""Keys of inputs: strings and integers that identify an input instead of its position."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from runpod_sdk.json_text import read_integer

Key: TypeAlias = str | int

_LONGEST: Final = 512
"""Characters of the longest key, which fits into an index of every store."""


def checked_key(value: Any) -> Key:
    """
    Return a key as a plain string or integer.

    Raises:
        TypeError: It is neither; a bool is no integer here.
        ValueError: It is too long, or no text that can be stored.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(
            f"key must return a str or an int, not {type(value).__name__} ({value!r:.60}):"
            " convert it with str() or int()"
        )
    key = str.__str__(value) if isinstance(value, str) else int(value)
    if len(key) > _LONGEST if isinstance(key, str) else abs(key) >= 10**_LONGEST:
        raise ValueError(f"a key must have at most {_LONGEST} characters: return a digest of it")
    if isinstance(key, str):
        try:
            key.encode()
        except UnicodeEncodeError:
            raise ValueError(f"key {key!r:.60} contains a lone surrogate") from None
    return key


def key_to_text(key: Key) -> str:
    """Return a key as JSON text, in which the string "7" differs from the number 7."""
    return json.dumps(key, ensure_ascii=False)


def key_from_text(text: Any) -> Key:
    """
    Return the key of its JSON text.

    Raises:
        ValueError, TypeError: *text* is not what `key_to_text` returns.
    """
    key = checked_key(json.loads(text, parse_int=read_integer))
    if key_to_text(key) != text:
        raise ValueError("it is written in another way")
    return key


class KeyReader:
    """Reads the keys of inputs, and refuses a key that an earlier input has."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._seen: dict[Key, int] = {}
        """The index of each key's input."""

    def read(self, index: int, input: Any) -> Key:
        """
        Return the key of the input at *index*.

        Raises:
            ValueError, TypeError: It is no key, or the key of two inputs.
            Exception: The caller's function raised it.
        """
        try:
            key = checked_key(self._function(input))
            first = self._seen.setdefault(key, index)
            if first != index:
                raise ValueError(
                    f"inputs {first} and {index} have the same key {key!r:.60}: keys must be unique"
                )
        except Exception as error:
            error.add_note(f"input {index} of the map")
            raise
        return key
