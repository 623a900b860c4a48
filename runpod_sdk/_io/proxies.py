"""
The proxy from the environment for a client's base URL, for all transports.

It is `HTTPS_PROXY` or `HTTP_PROXY` by the URL's scheme, else `ALL_PROXY`, else the system settings
(macOS, Windows). Lower-case names take precedence, and an empty variable counts as unset. Hosts on
this machine and hosts in `NO_PROXY` are reached without a proxy.

A function of this module that raises has no proxy password in a local variable.
"""

from __future__ import annotations

import base64
import os
import re
import sys
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from attrs import field, frozen

from runpod_sdk._hosts import DEFAULT_PORTS, address_of, is_host, is_loopback
from runpod_sdk.errors import ConfigurationError
from runpod_sdk.settings import Config

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

_SYSTEM: Final = "the system's proxy settings"
_SOCKS: Final = ("socks5", "socks5h")
_ENCODE: Final = (
    "in a user name or a password, write special characters as percent codes:"
    " # as %23, / as %2F, ? as %3F, @ as %40"
)


@frozen
class Proxy:
    """A proxy, whose `repr` omits its credentials."""

    scheme: str
    url: str
    """Scheme, host and port."""
    credentials: tuple[str, str] | None = field(repr=False)
    """User name and password, decoded."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that authenticate the client to the proxy."""
        if self.credentials is None:
            return {}
        encoded = base64.b64encode(":".join(self.credentials).encode()).decode()
        return {"proxy-authorization": f"Basic {encoded}"}


def proxy_for(config: Config, *, socks: bool = True) -> Proxy | None:
    """
    Return the proxy that a client's requests go through, if any.

    Args:
        socks: Whether the transport can use a SOCKS proxy.

    Raises:
        ConfigurationError: The proxy from the environment is invalid or unsupported.
    """
    url = urlsplit(config.base_url)
    host = url.hostname or ""
    if is_loopback(host):
        return None
    source = _source(url.scheme)
    if source is None or _is_excepted(source, url.scheme, host, url.port):
        return None
    found = _read(source, url.scheme)
    if isinstance(found, Proxy):
        if found.scheme not in _SOCKS:
            return found
        from importlib.util import find_spec

        if not socks:
            found = 'transport="aiohttp" does not support SOCKS proxies: omit transport='
        elif find_spec("socksio") is None:
            found = 'a SOCKS proxy needs the package socksio: pip install "httpx[socks]"'
        else:
            return found
    raise ConfigurationError(f"{source}: {found}")


def _source(scheme: str) -> str | None:
    """Return the source of the proxy for *scheme*: a variable, or the system's settings."""
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"):
        if name == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ:
            continue  # under CGI, this variable is a header from the client
        if os.environ.get(name, "").strip():
            return name
    return _SYSTEM if _system_proxy(scheme) else None


def _system_proxy(scheme: str) -> str:
    """Return the proxy URL in the system's settings; empty if there is none."""
    names = f"{scheme}_proxy", "all_proxy"
    if sys.platform not in ("darwin", "win32") and not any(
        name.lower() in names for name in os.environ
    ):
        return ""  # as below, but without importing much
    import urllib.request

    system = urllib.request.getproxies()
    return (system.get(scheme) or system.get("all") or "").strip()


def _read(source: str, scheme: str) -> Proxy | str:
    """Return the proxy from *source*, or a description of its error."""
    if source == _SYSTEM:
        return _parsed(_system_proxy(scheme))
    return _parsed(os.environ[source])


def _parsed(text: str) -> Proxy | str:
    text = text.strip()
    scheme, _, rest = (text if "://" in text else f"http://{text}").partition("://")
    scheme = scheme.lower()
    if scheme in ("socks", "socks4", "socks4a"):
        return f"{scheme}:// is not supported: use socks5:// if the proxy supports SOCKS 5"
    if scheme not in (*DEFAULT_PORTS, *_SOCKS):
        return "a proxy URL must begin with http://, https://, socks5:// or socks5h://"
    authority, path = _split(rest)
    user, has_user, server = authority.rpartition("@")
    if "@" in path:  # an unescaped character in a password, or a path
        return f"not a proxy URL such as http://host:3128; {_ENCODE}"
    url = f"{scheme}://{server}"
    try:
        parts = urlsplit(url)
        valid = is_host(parts.hostname or "") and parts.port != 0
        valid = valid and authority.isprintable() and not server.endswith(":")
    except ValueError:
        valid = False
    if not valid:
        return f"not a proxy URL such as http://host:3128; {_ENCODE}"
    name, _, password = user.partition(":")
    return Proxy(scheme, url, (unquote(name), unquote(password)) if has_user else None)


def _split(rest: str) -> tuple[str, str]:
    """Split a URL without its scheme at the start of its path, query or fragment."""
    end = re.search(r"[/?#]", rest)
    return (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])


def _is_excepted(source: str, scheme: str, host: str, port: int | None) -> bool:
    if source == _SYSTEM:
        import urllib.request

        return bool(urllib.request.proxy_bypass(host))
    listed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    port = port or DEFAULT_PORTS[scheme]
    return any(_covers(entry, scheme, host, port) for entry in re.split(r"[,\s]+", listed))


def _covers(entry: str, scheme: str, host: str, port: int) -> bool:
    """
    Return whether an entry of `NO_PROXY` covers a host.

    An entry is `*`, a name, an address, or a network such as 10.0.0.0/8 or fd00::/8. A name also
    covers its subdomains, with or without a leading dot or `*.`. A name or an address may have a
    port, and a scheme before it. An invalid entry covers nothing.
    """
    entry_scheme, separator, rest = entry.lower().rpartition("://")
    if separator and entry_scheme not in (scheme, "all"):
        return False
    if rest == "*":
        return True
    address = address_of(host)
    if (network := _network(rest)) is not None:
        return address is not None and address in network
    name, _, entry_port = _split_port(rest)
    if entry_port and entry_port != str(port):
        return False
    if address is not None:
        return address == address_of(name)
    name = name.removeprefix("*").strip(".")
    host = host.lower().rstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    if "/" not in text:
        return None
    import ipaddress

    try:
        return ipaddress.ip_network(text.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None


def _split_port(text: str) -> tuple[str, str, str]:
    """Split host and port; an IPv6 address can have a port only after a bracket."""
    if text.count(":") > 1 and not text.startswith("["):
        return text, "", ""
    name, separator, port = text.rpartition(":")
    if not separator or (text.startswith("[") and not name.endswith("]")):
        return text, "", ""
    return name, separator, port
