"""
The bytes of HTTP/1.1: what a library that implements the protocol does for a connection.

There are two: by h11, and by httptools, a parser in C that the extra `fast` installs.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

LONGEST_HEAD: Final = 100 * 1024
"""Bytes of a response's head that are read."""


class ResponseReceiver(Protocol):
    """Gets the parts of a response, in order."""

    @property
    def has_ended(self) -> bool:
        """Whether the response is complete, or the rest is not needed."""
        ...

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None: ...

    def content(self, data: bytes | bytearray) -> None:
        """Get a piece of the body, with its transfer coding removed."""
        ...

    def end(self) -> None: ...


class Codec(Protocol):
    """
    Encodes the requests of one connection, and decodes the responses, one after another.

    Its errors are `LocalProtocolError` and `RemoteProtocolError`.
    """

    @staticmethod
    def headers(fields: tuple[tuple[str, str], ...]) -> Any:
        """Check and encode a request's headers, in the form that `request` takes."""
        ...

    @staticmethod
    def request(method: str, target: str, headers: Any) -> Any:
        """Encode a request's head, in the form that `start` takes."""
        ...

    def start(self, request: Any, content: bytes | None) -> tuple[bytes, bytes]:
        """Start an exchange; return the bytes of the request's head, and the bytes of its body."""
        ...

    def receive(self, data: bytes, receiver: ResponseReceiver) -> None:
        """Decode received data, or b"" at the connection's end."""
        ...

    def renew(self) -> bool:
        """Prepare for the next exchange; return whether the connection can be used again."""
        ...
