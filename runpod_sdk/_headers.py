"""The headers of responses, and the check of headers that a program adds to requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_RESERVED: Final = frozenset(
    {
        *("accept", "accept-encoding", "authorization", "connection", "content-encoding"),
        *("content-length", "content-type", "expect", "host", "keep-alive"),
        *("proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding"),
        *("upgrade", "user-agent"),
    }
)
"""Headers that the SDK sets itself, or that belong to a connection."""
_HIDDEN: Final = frozenset({"authorization", "proxy-authorization", "set-cookie"})
"""Headers whose values are not shown."""


class ResponseHeaders(Mapping[str, str]):
    """
    The headers of a response.

    The case of a name has no meaning: `headers["X-Request-Id"]` is `headers["x-request-id"]`. The
    values of a repeated name are joined by ", ".
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    @classmethod
    def received(cls, fields: Iterable[tuple[bytes, bytes]]) -> ResponseHeaders:
        """Return the headers that a transport has received."""
        headers = cls({})
        values = headers._values
        for name, value in fields:
            key, text = _decoded(name).lower(), _decoded(value)
            values[key] = f"{values[key]}, {text}" if key in values else text
        return headers

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return self._values == {str(name).lower(): value for name, value in other.items()}

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = {
            name: "[not shown]" if name in _HIDDEN else value
            for name, value in self._values.items()
        }
        return f"{type(self).__name__}({shown})"


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def checked_headers(headers: Mapping[str, str] | None, argument: str) -> dict[str, str]:
    """
    Return *headers* with their names in lower case.

    Messages show no value, because it may be a secret.

    Raises:
        TypeError: *headers* is not a mapping of strings to strings.
        ValueError: The SDK sets a header itself, or a header is invalid in HTTP.
    """
    given: Any = {} if headers is None else headers
    if not isinstance(given, Mapping):
        raise TypeError(f"{argument} must be a mapping of names to values, not a {_type(given)}")
    checked: dict[str, str] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(
                f"{argument} must map strings to strings, not {_type(name)} to {_type(value)}"
            )
        if not _NAME.fullmatch(name):
            raise ValueError(f"{argument} has {name!r:.60}, which is no name of a header")
        if name.lower() in _RESERVED:
            raise ValueError(f"{argument} has {name!r}, which the SDK sets itself: leave it out")
        if not _VALUE.fullmatch(value) or value != value.strip():
            raise ValueError(
                f"{argument} has a value for {name!r} with a character that is not printable"
                " ASCII, such as a line end, or with white space at an end"
            )
        checked[name.lower()] = value
    return checked


def _type(value: object) -> str:
    return type(value).__name__
