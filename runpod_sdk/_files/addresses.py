"""Allowed hosts of links: hosts in the public network, unless the endpoint is private."""

from __future__ import annotations

import os
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from runpod_sdk import settings
from runpod_sdk._signals import raised_by_signal_handler

_LAST_32 = 2**32 - 1
_EMBEDDING: Final = (
    # network, and by how many bits the IPv4 address in it is shifted
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated (SIIT)
    (IPv6Network("::/96"), 0),  # compatible
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_LOCAL: Final = (
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of a network's own
    IPv6Network("2001::/32"),  # Teredo, which leads to hosts behind a NAT
    IPv6Network("fec0::/10"),  # site-local
)
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE)


class NotPublic(Exception):
    """Why a host is not connected to."""


def checked_addresses(host: str, port: int | None, endpoint_url: str | None = None) -> list[str]:
    """
    Look *host* up, and return its addresses.

    Args:
        endpoint_url: The base URL of the endpoint whose output contains the link; None uses the
            environment's base URL.

    Raises:
        NotPublic: The host has no address, or a private address although the endpoint is public.
    """
    found = _addresses(host, port)
    if not all(map(is_public, found)) and not _is_private(endpoint_url):
        raise NotPublic(f"{host} is not in the public network")
    return found


def is_public(address: str) -> bool:
    """Return whether *address* is public; an address that embeds an IPv4 address if that is."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if any(ip in network for network in _LOCAL):
            return False
        ip = _embedded(ip) or ip
    return ip.is_global and not ip.is_multicast


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that *ip* leads to, if it does."""
    number = int(ip)
    for network, shift in _EMBEDDING:
        if ip in network:
            return IPv4Address(number >> shift & _LAST_32)
    is_tunnel = number >> 32 & _LAST_32 in _ISATAP
    return IPv4Address(number & _LAST_32) if is_tunnel else None


def _addresses(host: str, port: int | None) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        if raised_by_signal_handler(error):
            raise
        raise NotPublic(f"{host} can't be looked up: {error}") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_private(endpoint_url: str | None) -> bool:
    """Tell whether an endpoint is in a private network, such as this machine."""
    base = endpoint_url or os.environ.get(settings.BASE_URL_VARIABLE) or settings.BASE_URL
    try:
        return not all(map(is_public, _addresses(urlsplit(base).hostname or "", None)))
    except (ValueError, NotPublic):
        return False
