"""The parts of a client's base URL, in the form that HTTP sends."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

from runpod_sdk._hosts import DEFAULT_PORTS

_IN_A_PATH: Final = "".join(set(map(chr, range(0x21, 0x7F))) - set('"#<>?`{}'))
"""ASCII characters of a path that are not percent-encoded."""


class ServerURL:
    """A server's URL in ASCII: other characters of the host and the path are encoded."""

    def __init__(self, base_url: str) -> None:
        """Split a base URL that was checked before."""
        parts = urlsplit(base_url)
        self.scheme = parts.scheme
        self.host = _in_ascii(parts.hostname or "")
        """The host's name or address, without the brackets of an IPv6 address."""
        self.port = parts.port or DEFAULT_PORTS[parts.scheme]
        self.path = quote(parts.path, safe=_IN_A_PATH).rstrip("/")
        """The path, without a slash at its end."""

    @property
    def address(self) -> str:
        """The host and the port."""
        return f"{self._written_host}:{self.port}"

    @property
    def authority(self) -> str:
        """The host, with the port unless it is the scheme's default: the header `Host`."""
        return self._written_host if self.port == DEFAULT_PORTS[self.scheme] else self.address

    @property
    def _written_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def _in_ascii(host: str) -> str:
    if host.isascii():
        return host
    import idna  # a dependency of anyio, for such names

    return idna.encode(host).decode()
