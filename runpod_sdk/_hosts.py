"""Classification of host names and addresses, without DNS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

Address: TypeAlias = "IPv4Address | IPv6Address"

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
"""The port of a URL without one, by its scheme."""

_PRIVATE_NAMES: Final = (
    "corp",
    "example",
    "home",
    "home.arpa",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "private",
    "svc",
    "test",
)
"""Endings of names that no public DNS server resolves."""
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,63}")


def address_of(host: str) -> Address | None:
    """Return *host* as an address, or None if it is a name; unwrap an embedded IPv4 address."""
    host = host.strip("[]").partition("%")[0]
    if ":" not in host and not host[-1:].isdecimal():
        return None  # like nearly all hosts, without the import
    import ipaddress

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_host(host: str) -> bool:
    """Return whether *host* is an address, or a valid DNS name."""
    if address_of(host) is not None:
        return True
    if not host.isascii():
        import idna  # a dependency of httpx, for such names

        try:
            host = idna.encode(host).decode()
        except UnicodeError:
            return False
    labels = host.removesuffix(".").split(".")
    return (
        len(host) < 255
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdecimal()  # an invalid address
    )


def is_loopback(host: str | None) -> bool:
    """Return whether *host* is this machine."""
    host = (host or "").lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = address_of(host)
    return address is not None and address.is_loopback


def is_public(host: str) -> bool:
    """Return whether *host*, as written, is outside of this machine and private networks."""
    address = address_of(host)
    if address is not None:
        return address.is_global
    name = host.lower().rstrip(".")
    if "." not in name or is_loopback(name):
        return False
    return not name.endswith(tuple(f".{ending}" for ending in _PRIVATE_NAMES))
