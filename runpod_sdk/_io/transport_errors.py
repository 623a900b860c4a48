"""
Exceptions of the transports, with the names and meanings of httpx's exceptions.

    HTTPError
    ├─ TransportError
    │  ├─ TimeoutException
    │  │  └─ ConnectTimeout  PoolTimeout  ReadTimeout  WriteTimeout
    │  ├─ ConnectError  ReadError  WriteError  CloseError
    │  ├─ LocalProtocolError  RemoteProtocolError
    │  └─ ProxyError  UnsupportedProtocol
    └─ DecodingError

Transports raise them, and the ports catch them. `httpx_client` raises them for exceptions of httpx,
so nothing else depends on httpx.
"""

from __future__ import annotations


class HTTPError(Exception):
    """A request failed in its transport."""

    def __init__(self, text: str, *, source: Exception | None = None) -> None:
        """
        Create the exception.

        Args:
            source: The exception of httpx or httpx2 that this one replaces.
        """
        super().__init__(text)
        self._source = source

    @property
    def source(self) -> Exception:
        """The exception that the caller's HTTP client raised; this one, if there is none."""
        return self._source or self


class TransportError(HTTPError):
    """The request or its response was not transferred."""


class TimeoutException(TransportError):
    """The time was not sufficient."""


class ConnectTimeout(TimeoutException):
    """No connection was made in time."""


class PoolTimeout(TimeoutException):
    """No connection of a pool became free in time."""


class ReadTimeout(TimeoutException):
    """The response did not arrive in time."""


class WriteTimeout(TimeoutException):
    """The request was not sent in time."""


class ConnectError(TransportError):
    """No connection was made."""


class ReadError(TransportError):
    """The connection broke before the whole response was received."""


class WriteError(TransportError):
    """The connection broke before the whole request was sent."""


class CloseError(TransportError):
    """The connection was closed."""


class LocalProtocolError(TransportError):
    """The request cannot be sent as HTTP."""


class RemoteProtocolError(TransportError):
    """The response is not HTTP."""


class ProxyError(TransportError):
    """The proxy refused the request or its tunnel."""


class UnsupportedProtocol(TransportError):
    """The transport does not support the URL's scheme."""


class DecodingError(HTTPError):
    """The body of the response cannot be decompressed."""
